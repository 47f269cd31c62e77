//! [`Context::submit`]: from the batch to the kernel, without losing or misjudging a request.

use super::Context;
use crate::{
    abi::Iocb,
    buf::IoBuf,
    error::{ContextError, SubmitError, SubmitOneError, Submitted},
    request::{Batch, Owners, Request},
    slots::RequestId,
    sys::fd::OwnedFd,
    types::Errno,
};
use core::{ops::Range, slice, time::Duration};

impl<B, T> Context<B, T> {
    /// Submits the requests of a batch, in order.
    ///
    /// Each request that leaves the batch will have exactly one completion. A request that the
    /// kernel refuses has it at once, with the kernel's errno, and harms no other. From here on the
    /// files may be closed; what owns them is dropped before the call returns.
    ///
    /// Requests stay in the batch, in order, when the context is full: take completions and submit
    /// again. This is not an error.
    ///
    /// Usually one system call; at most two more for each request that the kernel refuses.
    ///
    /// # Blocking
    ///
    /// Buffered I/O is done inside the call, and so are direct writes that extend a file, and reads
    /// from pipes and sockets, which *hang* until there is something to read. [`Stats::completed_in_submit`]
    /// counts the requests that were complete when the call returned.
    ///
    /// [`Stats::completed_in_submit`]: crate::Stats::completed_in_submit
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
    pub fn submit<F, const K: usize>(
        &mut self,
        batch: &mut Batch<F, B, T, K>,
    ) -> Result<Submitted, SubmitError>
    where
        B: IoBuf,
    {
        // What keeps the files open, until the kernel has its own references: dropped last.
        let mut owners = Owners::<F, K>::new();
        let mut submitted = Submitted::default();
        let before = self.before_submit();
        let result = match self.inner.raw().check() {
            Ok(()) => self.submit_some(batch, &mut owners, &mut submitted),
            Err(cause) => Err(cause),
        };
        self.inner.record_submitted(submitted.accepted, submitted.refused);
        self.record_completed_in_submit(before, submitted.accepted);
        match result {
            Ok(()) => Ok(submitted),
            Err(cause) => Err(SubmitError { cause, submitted }),
        }
    }

    /// Submits one request, without a batch, and says its name.
    ///
    /// One system call. For more than one request at a time, a batch is cheaper.
    ///
    /// ```
    /// use linux_aio::{Context, PageBuf, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::tempfile()?;
    /// let mut cx = Context::<PageBuf, ()>::new(1)?;
    /// cx.submit_one(Request::write(&file, PageBuf::new(4096)?, 0))?;
    /// let full = cx.submit_one(Request::write(&file, PageBuf::new(4096)?, 4096)).unwrap_err();
    /// assert_eq!(full.request.info().offset(), 4096); // handed back
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SubmitOneError`] with the request: [`ContextError::Full`] if the context has no room, or as
    /// for [`submit`](Self::submit). A request that the kernel refuses is not an error: it has its
    /// completion.
    #[doc(alias = "io_submit")]
    pub fn submit_one<F, O>(
        &mut self,
        request: Request<F, B, T, O>,
    ) -> Result<RequestId, SubmitOneError<Request<F, B, T, O>>>
    where
        B: IoBuf,
    {
        let mut batch = Batch::<F, B, T, 1>::new();
        batch.push_front(request.into_any());
        let result = self.submit(&mut batch);
        if let Some(request) = batch.pop() {
            let cause = result.err().map_or(ContextError::Full, |error| error.cause);
            return Err(SubmitOneError { cause, request: request.into_kind() });
        }
        let data = self.inner.arena.peek_pointers().first().map_or(u64::MAX, |pointer| {
            // SAFETY: the batch was submitted, so `admit` has written this pointer.
            self.slots.last_data(unsafe { pointer.assume_init() })
        });
        Ok(RequestId { serial: self.inner.serial(), data })
    }

    /// The names of the requests that the last [`submit`](Self::submit) took from the batch, in order;
    /// `None` for one that is over.
    pub fn last_submitted(&self) -> impl ExactSizeIterator<Item = Option<RequestId>> {
        let pointers = self.inner.arena.peek_pointers().get(..self.inner.submitted);
        pointers.unwrap_or_default().iter().map(|pointer| {
            // SAFETY: the last submission had that many, whose pointers `admit` has written.
            let data = self.slots.data_of(unsafe { pointer.assume_init() })?;
            Some(RequestId { serial: self.inner.serial(), data })
        })
    }

    /// Submits as many as there are slots for.
    fn submit_some<F, const K: usize>(
        &mut self,
        batch: &mut Batch<F, B, T, K>,
        owners: &mut Owners<F, K>,
        submitted: &mut Submitted,
    ) -> Result<(), ContextError>
    where
        B: IoBuf,
    {
        let staged = self.stage(batch, owners);
        let mut next = 0;
        // Whether the kernel is known to do as it is asked, so that an errno is the request's own.
        let mut served = false;
        while next < staged {
            // SAFETY: `stage` wrote these, and none from `next` on was accepted or refused.
            match unsafe { self.submit_staged(next..staged) } {
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
                    // SAFETY: as above.
                    unsafe { self.give_up(batch, owners, next..staged) };
                    self.take_what_nobody_expects();
                    return Err(ContextError::Again);
                }
                Err(ContextError::Os { errno, .. }) => {
                    if !served && let Err(cause) = self.blame_call(errno) {
                        // SAFETY: as above.
                        unsafe { self.give_up(batch, owners, next..staged) };
                        return Err(cause);
                    }
                    served = true;
                    // SAFETY: as above; the kernel has refused the first of them.
                    unsafe { self.refuse(next, errno) };
                    submitted.refused += 1;
                    next += 1;
                }
                Err(cause) => {
                    // SAFETY: as above.
                    unsafe { self.give_up(batch, owners, next..staged) };
                    return Err(cause);
                }
            }
        }
        Ok(())
    }

    /// Moves requests into slots, as far as there are any, and notes the addresses of their iocbs,
    /// in order.
    ///
    /// A function of its own, once a batch: the loop has the registers to itself.
    #[inline(never)]
    fn stage<F, const K: usize>(
        &mut self,
        batch: &mut Batch<F, B, T, K>,
        owners: &mut Owners<F, K>,
    ) -> usize
    where
        B: IoBuf,
    {
        let eventfd = self.inner.eventfd.as_ref().map(OwnedFd::as_raw);
        self.slots.admit(batch, owners, eventfd, self.inner.arena.pointers())
    }

    /// Tells the kernel of staged requests.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    ///
    /// # Safety
    ///
    /// The pointers in this range were written by [`stage`](Self::stage) since the last submission, and
    /// the requests they lead to were neither accepted, refused nor withdrawn.
    #[inline]
    unsafe fn submit_staged(&mut self, staged: Range<usize>) -> Result<usize, ContextError> {
        self.inner.stats.system_calls += 1;
        // SAFETY: `stage` has written pointers up to the end of the range, at most as many as there is
        // room for.
        let pointers = unsafe { self.inner.arena.peek_pointers().get_unchecked(staged) };
        // SAFETY: the caller says that they were written.
        let pointers = unsafe { slice::from_raw_parts(pointers.as_ptr().cast(), pointers.len()) };
        // SAFETY:
        // 1. The pointers lead to slots, which are valid memory that nobody borrows now.
        // 2. The descriptors are open: those of files and of requests' own eventfds by their owners,
        //    which `submit` holds until this has returned, and the context's eventfd by `inner`.
        // 3. Each buffer was moved into its slot before its address was taken, and stays there
        //    untouched until `complete_one` has seen its event, or the context is destroyed, or it is
        //    leaked with the context. The bytes it leads to are valid as long (`IoBuf`), for
        //    writing if the request is a read (`Request`). A borrowed buffer outlives the scope,
        //    which does not end before this.
        unsafe { self.inner.raw().submit(pointers) }
    }

    /// Finds out whether an errno of `io_submit` is that of the call or the context, not the request's.
    ///
    /// # Errors
    ///
    /// What is wrong with the context or the call.
    #[cold]
    fn blame_call(&mut self, errno: Errno) -> Result<(), ContextError> {
        self.submit_nothing()?;
        if errno != Errno::EINVAL {
            return Ok(());
        }
        // An emulated kernel may not look at the context where nothing is submitted. This call tells too
        // whether there is one.
        self.inner.stats.system_calls += 1;
        match self.inner.raw().getevents(0, &mut [], Some(Duration::ZERO)) {
            Err(ContextError::Os { errno: Errno::EINVAL, .. }) => Err(ContextError::Gone),
            _ => Ok(()),
        }
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
    pub(super) fn submit_nothing(&mut self) -> Result<(), ContextError> {
        // SAFETY: there are no pointers in this range.
        match unsafe { self.submit_staged(0..0) } {
            Ok(_) => Ok(()),
            Err(ContextError::Os { errno: Errno::EINVAL, .. }) => Err(ContextError::Gone),
            // Linux does not; what stands between it and the program may.
            Err(ContextError::Os { errno: Errno::EAGAIN, .. }) => Err(ContextError::Again),
            Err(cause) => Err(cause),
        }
    }

    /// Completes the request that was staged at `index`, as the kernel refused it, and adds it to the
    /// context's eventfd: that counts every completion.
    ///
    /// # Safety
    ///
    /// As for [`submit_staged`](Self::submit_staged), of this index; and the kernel has refused it.
    #[cold]
    unsafe fn refuse(&mut self, index: usize, errno: Errno) {
        // SAFETY: the caller's duty is the same.
        let Some(iocb) = (unsafe { self.staged(index) }) else { return };
        // SAFETY: the file and the eventfd are open, since `submit` holds their owners.
        let unpollable = errno == Errno::EINVAL && unsafe { self.has_good_eventfd(iocb) };
        // SAFETY: it came from `admit`, and the kernel does not have the request.
        let by_context = unsafe { self.slots.refuse(iocb, errno, unpollable) };
        if by_context && let Some(eventfd) = &self.inner.eventfd {
            eventfd.add_one();
        }
    }

    /// Puts the requests that the kernel did not take back to the front of the batch.
    ///
    /// # Safety
    ///
    /// As for [`submit_staged`](Self::submit_staged). `owners` has those of these requests last.
    #[cold]
    unsafe fn give_up<F, const K: usize>(
        &mut self,
        batch: &mut Batch<F, B, T, K>,
        owners: &mut Owners<F, K>,
        staged: Range<usize>,
    ) {
        for index in staged.rev() {
            // SAFETY: the caller's duty is the same.
            let Some(iocb) = (unsafe { self.staged(index) }) else { continue };
            // SAFETY: one for each that was staged, of which this is the last that is left.
            let owner = unsafe { owners.pop() };
            // SAFETY: `admit` made it in this call, the kernel has not accepted it, and the owner is
            // that of its file.
            if let Some(request) = unsafe { self.slots.withdraw(iocb, owner) } {
                batch.push_front(request);
            }
        }
    }

    /// With nothing in flight, there should be room. If there is none, events of requests that are not
    /// in the table fill the kernel's context, and no wait would take them: they are taken here, so that
    /// the next submission succeeds.
    #[cold]
    fn take_what_nobody_expects(&mut self) {
        if self.slots.in_kernel() == 0 {
            // An error of the context shows at the next call.
            let _taken = self.getevents(0, Some(Duration::ZERO));
        }
    }

    /// The iocb that was staged at `index`.
    ///
    /// # Safety
    ///
    /// `index` is below the number that [`stage`](Self::stage) has answered.
    #[cold]
    unsafe fn staged(&mut self, index: usize) -> Option<*mut Iocb> {
        // SAFETY: `stage` wrote it.
        self.inner.arena.pointers().get(index).map(|pointer| unsafe { pointer.assume_init() })
    }
}
