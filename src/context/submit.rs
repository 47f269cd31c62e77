//! [`Context::submit`]: submits the requests of a batch.

use super::{Context, submission::Submission};
use crate::{
    buf::IoBuf,
    error::{ContextError, SubmitError, Submitted},
    request::{Batch, Owners},
    slots::RequestId,
    sys::fd::OwnedFd,
};
use core::{ops::Range, slice};

impl<B, T> Context<B, T> {
    /// Submits the requests of a batch, in order.
    ///
    /// Each request that leaves the batch will have exactly one completion. A request that the
    /// kernel refuses completes immediately, with the kernel's errno, and does not affect the other
    /// requests. After the call, the files may be closed. Owners of files are dropped before the
    /// call returns.
    ///
    /// If the context is full, the remaining requests stay in the batch, in order: take completions
    /// and submit again. This is not an error.
    ///
    /// Usually this makes one system call. If requests own their files, it makes one call for each
    /// 256 requests. A refused request costs up to two more calls of `io_submit`. If no request was
    /// accepted before the first refused one, two calls find out whether the context is the reason.
    /// A refused poll with an eventfd costs one call more (`EINVAL`), and a refused request in a
    /// context with an eventfd a `write` to it.
    ///
    /// # Blocking
    ///
    /// The kernel executes buffered I/O during the call, also direct writes that extend a file, and
    /// reads from pipes and sockets, which *block* until data arrives.
    /// [`Stats::completed_in_submit`] counts the requests that had completed when the call
    /// returned.
    ///
    /// [`Stats::completed_in_submit`]: crate::Stats::completed_in_submit
    ///
    /// # Errors
    ///
    /// [`SubmitError`], with the numbers of requests that were submitted before. The other requests
    /// stay in the batch, in order.
    ///
    /// * [`ContextError::Again`]: the kernel has no memory for more requests (`EAGAIN`).
    /// * [`ContextError::Forked`]: the context belongs to the parent.
    /// * [`ContextError::Gone`], [`ContextError::Os`]: the context cannot be used, for a reason
    ///   that does not depend on the request.
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
        self.inner.submitted = 0;
        let mut total = Submitted::default();
        loop {
            // The owners keep the files open until the kernel has references of its own. They are
            // dropped last, so that no request is lost if a drop panics.
            let mut owners = Owners::<F>::new();
            let mut submission = self.begin(self.first_pointer::<F>());
            let result = match self.inner.raw().check() {
                Ok(()) => self.submit_some(batch, &mut owners, &mut submission),
                Err(cause) => Err(cause),
            };
            self.finish(&submission);
            total.accepted += submission.accepted();
            total.refused += submission.refused();
            match result {
                Err(cause) => return Err(SubmitError { cause, submitted: total }),
                // Owners on the stack limit the number of requests of one iteration.
                Ok(()) if Owners::<F>::are_all(submission.count()) => return Ok(total),
                Ok(()) => {}
            }
        }
    }

    /// Returns the ids of the requests that the last [`submit`](Self::submit) took from the batch,
    /// in order. The id is `None` if the completion of the request was received.
    ///
    /// ```
    /// use linux_aio::{Batch, Context, PollEvents, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (socket, _peer) = std::os::unix::net::UnixStream::pair()?;
    /// let mut cx = Context::<(), u32>::new(2)?;
    /// let mut batch = Batch::<_, _, _, 2>::new();
    /// for tag in 0..2 {
    ///     batch.push(Request::poll(&socket).events(PollEvents::IN).tag(tag))?;
    /// }
    /// cx.submit(&mut batch)?;
    /// let ids = cx.last_submitted().collect::<Vec<_>>();
    /// if let Some(second) = ids[1] {
    ///     cx.cancel(second)?;
    ///     assert_eq!(cx.wait_one(None)?.map(|done| done.tag), Some(1));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn last_submitted(&self) -> impl ExactSizeIterator<Item = Option<RequestId>> {
        let pointers = self.inner.arena.peek_pointers().get(..self.inner.submitted);
        pointers.unwrap_or_default().iter().map(|pointer| {
            // SAFETY: `submitted` counts the requests of the last submission, whose pointers
            // `admit` has written.
            let data = self.slots.data_of(unsafe { pointer.assume_init() })?;
            Some(RequestId { serial: self.inner.serial(), data })
        })
    }

    /// Submits as many requests as there are free slots.
    fn submit_some<F, const K: usize>(
        &mut self,
        batch: &mut Batch<F, B, T, K>,
        owners: &mut Owners<F>,
        submission: &mut Submission,
    ) -> Result<(), ContextError>
    where
        B: IoBuf,
    {
        submission.add(self.stage(batch, owners));
        while submission.left() > 0 {
            // SAFETY: `stage` has written these pointers, and the requests were neither accepted,
            // refused nor withdrawn.
            let answer = unsafe { self.submit_staged(submission.rest()) };
            // SAFETY: (1) this is the answer to the call; (2) `submit` holds the owners, which keep
            // the files and the requests' own eventfds open, and `inner` the context's eventfd.
            if let Err(cause) = unsafe { self.answered(submission, answer) } {
                // SAFETY: `stage` has written these pointers, and the requests were neither accepted,
                // refused nor withdrawn; `owners` ends with the owners of these requests.
                unsafe { self.return_to_batch(batch, owners, submission.rest()) };
                if matches!(cause, ContextError::Again) {
                    self.take_spurious_events();
                }
                return Err(cause);
            }
        }
        Ok(())
    }

    /// Returns the index of the first pointer of this iteration of a submission. The pointers of
    /// earlier iterations are kept for [`last_submitted`](Self::last_submitted).
    #[inline]
    const fn first_pointer<F>(&self) -> usize {
        if Owners::<F>::LIMIT == usize::MAX { 0 } else { self.inner.submitted }
    }

    /// Moves requests to free slots, writes the addresses of their iocbs to the arena, in order,
    /// and returns how many there are.
    ///
    /// This is a separate function, called once for each batch, so that its loop has all registers.
    #[inline(never)]
    fn stage<F, const K: usize>(
        &mut self,
        batch: &mut Batch<F, B, T, K>,
        owners: &mut Owners<F>,
    ) -> usize
    where
        B: IoBuf,
    {
        let eventfd = self.inner.eventfd.as_ref().map(OwnedFd::as_raw);
        let first = self.first_pointer::<F>();
        let pointers = self.inner.arena.pointers().get_mut(first..).unwrap_or_default();
        self.slots.admit(batch, owners, eventfd, pointers)
    }

    /// Calls `io_submit` for staged requests.
    ///
    /// # Errors
    ///
    /// Those of [`RawContext::submit`](crate::raw::RawContext::submit).
    ///
    /// # Safety
    ///
    /// 1. [`stage`](Self::stage) has written the pointers in this range, in this submission.
    /// 2. Their requests were neither accepted, refused nor withdrawn.
    #[inline]
    pub(super) unsafe fn submit_staged(
        &mut self,
        staged: Range<usize>,
    ) -> Result<usize, ContextError> {
        self.inner.stats.system_calls += 1;
        // SAFETY: `stage` has written pointers up to the end of the range (duty 1 of the caller),
        // so the range is within the arena's pointers.
        let pointers = unsafe { self.inner.arena.peek_pointers().get_unchecked(staged) };
        // SAFETY: `stage` has written these pointers (duty 1 of the caller).
        let pointers = unsafe { slice::from_raw_parts(pointers.as_ptr().cast(), pointers.len()) };
        // SAFETY:
        // 1. The pointers are those of iocbs in slots, which are valid memory and not borrowed now.
        // 2. The descriptors are open: the owners that `submit` holds until this returns keep the
        //    files and the requests' own eventfds open, and `inner` the context's eventfd.
        // 3. Each buffer was moved to its slot before its address was taken. It is neither moved
        //    nor accessed until `complete_one` has processed its event, or the context is
        //    destroyed; otherwise it is leaked with the context. Its bytes are valid as long
        //    (`IoBuf`), for writes if the request is a read (invariant 1 of `Request`). The borrow
        //    of a borrowed buffer does not end before the scope, which waits for the request.
        // 4. Each request in flight has a slot, and so an iocb, of its own.
        unsafe { self.inner.raw().submit(pointers) }
    }

    /// Returns requests that the kernel has not accepted to the front of the batch.
    ///
    /// # Safety
    ///
    /// 1. [`stage`](Self::stage) has written the pointers in this range, in this submission.
    /// 2. Their requests were neither accepted, refused nor withdrawn.
    /// 3. The last owners in `owners` are those of these requests.
    #[cold]
    #[inline(never)]
    unsafe fn return_to_batch<F, const K: usize>(
        &mut self,
        batch: &mut Batch<F, B, T, K>,
        owners: &mut Owners<F>,
        staged: Range<usize>,
    ) {
        for index in staged.rev() {
            // SAFETY: `stage` has written the pointer (duty 1 of the caller).
            let Some(iocb) = (unsafe { self.staged(index) }) else { continue };
            // SAFETY: `owners` has an owner for each request in the range (duty 3 of the caller).
            let owner = unsafe { owners.pop() };
            // SAFETY: (1) `admit` returned the iocb (duty 1 of the caller), and the kernel has not
            // accepted its request (duty 2); (2) the last owner is that of the last request (duty
            // 3).
            if let Some(request) = unsafe { self.slots.withdraw(iocb, owner) } {
                batch.push_front(request);
            }
        }
    }
}
