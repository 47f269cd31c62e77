//! [`Context::submit`]: from the batch to the kernel, without losing or misjudging a request.

use crate::{
    abi::Iocb,
    batch::Batch,
    buf::IoBuf,
    context::Context,
    errno::Errno,
    error::{ContextError, SubmitError, Submitted},
    memory::Memory,
    own_fd::OwnFd,
    width,
};
use core::ops::Range;

impl<B, T, const N: usize> Context<B, T, N> {
    /// Submits the requests of a batch, in order.
    ///
    /// Each request that leaves the batch will have exactly one completion. A request that the
    /// kernel refuses has it at once, with the kernel's errno, and harms no other. From here on the
    /// files may be closed.
    ///
    /// Requests stay in the batch, in order, when the context is full: take completions and submit
    /// again. This is not an error.
    ///
    /// Usually one system call; at most two more for each request that the kernel refuses.
    ///
    /// # Blocking
    ///
    /// Buffered I/O is done inside the call, and so are direct writes that extend a file, and reads
    /// from pipes and sockets, which *hang* until there is something to read.
    ///
    /// # Errors
    ///
    /// [`SubmitError`], with what had been submitted before. What was not stays in the batch, in
    /// order.
    ///
    /// * [`ContextError::Again`]: no kernel memory for more (`EAGAIN`).
    /// * [`ContextError::Forked`]: the context is the parent's.
    /// * [`ContextError::Gone`], [`ContextError::Os`]: the context cannot be used, whatever the
    ///   request.
    ///
    /// # Kernel
    ///
    /// `io_submit(2)`; since Linux 2.6.
    #[doc(alias = "io_submit")]
    #[inline]
    pub fn submit<const K: usize>(
        &mut self,
        batch: &mut Batch<'_, B, T, K>,
    ) -> Result<Submitted, SubmitError>
    where
        B: IoBuf,
    {
        let mut submitted = Submitted::default();
        let before = self.before_submit();
        let result = match self.core.raw.check() {
            Ok(()) => self.submit_some(batch, &mut submitted),
            Err(cause) => Err(cause),
        };
        self.core.stats.accepted += width::to_u64(submitted.accepted);
        self.core.stats.refused += width::to_u64(submitted.refused);
        self.note_completed_in_submit(before, submitted.accepted);
        match result {
            Ok(()) => Ok(submitted),
            Err(cause) => Err(SubmitError { cause, submitted }),
        }
    }

    /// Submits as many as there are slots for.
    fn submit_some<const K: usize>(
        &mut self,
        batch: &mut Batch<'_, B, T, K>,
        submitted: &mut Submitted,
    ) -> Result<(), ContextError>
    where
        B: IoBuf,
    {
        let staged = self.stage(batch);
        let mut next = 0;
        // Whether the kernel is known to do as it is asked, so that an errno is the request's own.
        let mut served = false;
        while next < staged {
            match self.submit_staged(next..staged) {
                // A prefix, of at most what was given. What comes after it, if anything, is
                // submitted again as the first, for then the kernel tells its errno.
                Ok(accepted @ 1..) => {
                    let accepted = accepted.min(staged - next);
                    submitted.accepted += accepted;
                    next += accepted;
                    served = true;
                }
                // None accepted and no error given: the kernel does not do that, and can mean by it
                // no more than that it has no room.
                Ok(0) | Err(ContextError::Os { errno: Errno::EAGAIN, .. }) => {
                    return Err(self.give_up(batch, next..staged, ContextError::Again));
                }
                Err(ContextError::Os { errno, .. }) => {
                    if !served && let Err(cause) = self.submit_nothing() {
                        return Err(self.give_up(batch, next..staged, cause));
                    }
                    served = true;
                    let refused = self.staged(next);
                    self.slots.refuse(refused, errno);
                    submitted.refused += 1;
                    next += 1;
                }
                Err(cause) => return Err(self.give_up(batch, next..staged, cause)),
            }
        }
        Ok(())
    }

    /// Moves requests into slots, as far as there are any, and notes the addresses of their iocbs,
    /// in order.
    ///
    /// A function of its own, once a batch: the loop has the registers to itself.
    #[inline(never)]
    fn stage<const K: usize>(&mut self, batch: &mut Batch<'_, B, T, K>) -> usize
    where
        B: IoBuf,
    {
        let pointers = Memory::<B, T, N>::pointers(&mut self.core.pages);
        let eventfd = self.core.notify.as_ref().map(OwnFd::as_raw);
        self.slots.occupy(batch, eventfd, pointers)
    }

    /// Tells the kernel of staged requests.
    #[inline]
    fn submit_staged(&mut self, staged: Range<usize>) -> Result<usize, ContextError> {
        let pointers = Memory::<B, T, N>::pointers(&mut self.core.pages);
        let pointers = pointers.get(staged).unwrap_or_default();
        // SAFETY: `stage` wrote these.
        let pointers = unsafe { pointers.assume_init_ref() };
        self.core.stats.system_calls += 1;
        // SAFETY:
        // 1. The pointers lead to slots, which are valid memory that nobody borrows now.
        // 2. Each buffer was moved into its slot before its address was taken, and stays there
        //    untouched until `settle` has seen its event, or the context is destroyed, or it is
        //    leaked with the context. The bytes it leads to are valid as long (`IoBuf`), for
        //    writing if the request is a read (`Request`). A borrowed buffer outlives the scope,
        //    which does not end before this.
        unsafe { self.core.raw.submit(pointers) }
    }

    /// Asks for nothing to be submitted, which succeeds unless the call itself is refused.
    ///
    /// So it tells whose fault an errno is: `EINVAL` can mean a bad request or a bad context,
    /// `EPERM` a file that may not be touched or a sandbox that forbids the call.
    ///
    /// # Errors
    ///
    /// What is wrong with the context or the call.
    #[cold]
    pub(crate) fn submit_nothing(&mut self) -> Result<(), ContextError> {
        match self.submit_staged(0..0) {
            Ok(_) => Ok(()),
            Err(ContextError::Os { errno: Errno::EINVAL, .. }) => Err(ContextError::Gone),
            // Linux does not; what stands between it and the program may.
            Err(ContextError::Os { errno: Errno::EAGAIN, .. }) => Err(ContextError::Again),
            Err(cause) => Err(cause),
        }
    }

    /// Puts the requests that the kernel did not take back to the front of the batch.
    #[cold]
    fn give_up<const K: usize>(
        &mut self,
        batch: &mut Batch<'_, B, T, K>,
        staged: Range<usize>,
        cause: ContextError,
    ) -> ContextError {
        for place in staged.rev() {
            let iocb = self.staged(place);
            // SAFETY: `occupy` made it in this call, the kernel has not accepted it, and its file
            // is open for as long as the batch it came from says.
            if let Some(request) = unsafe { self.slots.withdraw(iocb) } {
                batch.unpop(request);
            }
        }
        cause
    }

    /// The iocb that was staged at this place.
    #[cold]
    fn staged(&mut self, place: usize) -> *mut Iocb {
        let pointers = Memory::<B, T, N>::pointers(&mut self.core.pages);
        match pointers.get(place) {
            // SAFETY: `stage` wrote it: callers ask for places below its count only.
            Some(pointer) => unsafe { pointer.assume_init() },
            None => core::ptr::null_mut(),
        }
    }
}
