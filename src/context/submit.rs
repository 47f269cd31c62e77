//! [`Context::submit`]: submits requests, and handles refused requests and errors.

use super::Context;
use crate::{
    abi::Iocb,
    buf::IoBuf,
    error::{ContextError, SubmitError, Submitted},
    request::{Batch, Owners},
    slots::RequestId,
    sys::fd::OwnedFd,
    types::Errno,
};
use core::{ops::Range, slice, time::Duration};

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
            let mut submitted = Submitted::default();
            let before = self.before_submit();
            let result = match self.inner.raw().check() {
                Ok(()) => self.submit_some(batch, &mut owners, &mut submitted),
                Err(cause) => Err(cause),
            };
            let first = self.first_pointer::<F>();
            self.inner.record_submitted(first, submitted.accepted, submitted.refused);
            self.record_completed_in_submit(before, submitted.accepted);
            total.accepted += submitted.accepted;
            total.refused += submitted.refused;
            match result {
                Err(cause) => return Err(SubmitError { cause, submitted: total }),
                // Owners on the stack limit the number of requests of one iteration.
                Ok(staged) if Owners::<F>::are_all(staged) => return Ok(total),
                Ok(_) => {}
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

    /// Submits as many requests as there are free slots, and returns how many were staged.
    fn submit_some<F, const K: usize>(
        &mut self,
        batch: &mut Batch<F, B, T, K>,
        owners: &mut Owners<F>,
        submitted: &mut Submitted,
    ) -> Result<usize, ContextError>
    where
        B: IoBuf,
    {
        let first = self.first_pointer::<F>();
        let count = self.stage(batch, owners);
        let staged = first + count;
        let mut next = first;
        // Whether the call and the context are known to work, so that an errno is that of the
        // request.
        let mut works = false;
        while next < staged {
            // SAFETY: `stage` has written these pointers, and no request from `next` on was
            // accepted, refused or withdrawn.
            match unsafe { self.submit_staged(next..staged) } {
                // The kernel has accepted a prefix. The request after it, if any, is submitted
                // again as the first one, so that the kernel returns its errno.
                Ok(accepted @ 1..) => {
                    let accepted = accepted.min(staged - next);
                    submitted.accepted += accepted;
                    next += accepted;
                    works = true;
                }
                // Linux never returns 0 for one or more requests. It is handled as a lack of
                // memory.
                Ok(0) | Err(ContextError::Os { errno: Errno::EAGAIN, .. }) => {
                    // SAFETY: `stage` has written these pointers, and no request from `next` on was
                    // accepted, refused or withdrawn; `owners` ends with the owners of these
                    // requests.
                    unsafe { self.return_to_batch(batch, owners, next..staged) };
                    self.take_spurious_events();
                    return Err(ContextError::Again);
                }
                Err(ContextError::Os { errno, .. }) => {
                    if !works && let Err(cause) = self.check_call(errno) {
                        // SAFETY: `stage` has written these pointers, and no request from `next` on
                        // was accepted, refused or withdrawn; `owners` ends with the owners of
                        // these requests.
                        unsafe { self.return_to_batch(batch, owners, next..staged) };
                        return Err(cause);
                    }
                    works = true;
                    // SAFETY: (1) `stage` has written this pointer; (2) the kernel has refused the
                    // request with this errno, and it was not withdrawn; (3) `submit` holds the
                    // owners, which keep its file and its own eventfd open, and `inner` the
                    // context's eventfd.
                    unsafe { self.refuse(next, errno) };
                    submitted.refused += 1;
                    next += 1;
                }
                Err(cause) => {
                    // SAFETY: `stage` has written these pointers, and no request from `next` on was
                    // accepted, refused or withdrawn; `owners` ends with the owners of these
                    // requests.
                    unsafe { self.return_to_batch(batch, owners, next..staged) };
                    return Err(cause);
                }
            }
        }
        Ok(count)
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
    unsafe fn submit_staged(&mut self, staged: Range<usize>) -> Result<usize, ContextError> {
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

    /// Checks whether the call or the context is the reason for an errno of `io_submit`. If not,
    /// the request is.
    ///
    /// # Errors
    ///
    /// The error of the call or the context.
    #[cold]
    pub(super) fn check_call(&mut self, errno: Errno) -> Result<(), ContextError> {
        self.submit_nothing()?;
        if errno != Errno::EINVAL {
            return Ok(());
        }
        // An emulated kernel may not check the context if no request is submitted. `io_getevents`
        // fails too if there is no context.
        match self.getevents(0, Some(Duration::ZERO)) {
            Err(ContextError::Gone) => Err(ContextError::Gone),
            _ => Ok(()),
        }
    }

    /// Calls `io_submit` with no requests, which fails only because of the call or the context.
    ///
    /// This determines the reason for an errno: `EINVAL` can mean a malformed request or an invalid
    /// context, `EPERM` a file that may not be accessed or a sandbox that forbids the call.
    ///
    /// # Errors
    ///
    /// The error of the call or the context.
    #[cold]
    pub(super) fn submit_nothing(&mut self) -> Result<(), ContextError> {
        // SAFETY: (1) and (2) the range is empty.
        match unsafe { self.submit_staged(0..0) } {
            Ok(_) => Ok(()),
            Err(ContextError::Os { errno: Errno::EINVAL, .. }) => Err(ContextError::Gone),
            // Linux does not return this here, but a sandbox may.
            Err(ContextError::Os { errno: Errno::EAGAIN, .. }) => Err(ContextError::Again),
            Err(cause) => Err(cause),
        }
    }

    /// Completes the request that was staged at `index` with the errno with which the kernel
    /// refused it, and adds 1 to the context's eventfd, which counts every completion.
    ///
    /// # Safety
    ///
    /// 1. [`stage`](Self::stage) has written the pointer at `index`, in this submission.
    /// 2. The kernel has refused the request, and it was not withdrawn.
    /// 3. The descriptors of the request are open.
    #[cold]
    pub(super) unsafe fn refuse(&mut self, index: usize, errno: Errno) {
        // SAFETY: `stage` has written the pointer (duty 1 of the caller).
        let Some(iocb) = (unsafe { self.staged(index) }) else { return };
        // SAFETY: the iocb is in a slot, the kernel has not accepted its request (duty 2 of the
        // caller), and its descriptors are open (duty 3).
        let unpollable = errno == Errno::EINVAL && unsafe { self.has_good_eventfd(iocb) };
        // SAFETY: `admit` returned the iocb (duty 1 of the caller), and the kernel has not accepted
        // the request, which is still in flight in the table (duty 2).
        let by_context = unsafe { self.slots.refuse(iocb, errno, unpollable) };
        if by_context && let Some(eventfd) = &self.inner.eventfd {
            eventfd.add_one();
        }
    }

    /// Returns requests that the kernel has not accepted to the front of the batch.
    ///
    /// # Safety
    ///
    /// 1. [`stage`](Self::stage) has written the pointers in this range, in this submission.
    /// 2. Their requests were neither accepted, refused nor withdrawn.
    /// 3. The last owners in `owners` are those of these requests.
    #[cold]
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

    /// Takes spurious events if nothing is in flight, so that the next submission can succeed.
    ///
    /// If nothing is in flight, the kernel has room for requests, unless events that belong to no
    /// request fill the context. No wait would take these events.
    #[cold]
    pub(super) fn take_spurious_events(&mut self) {
        if self.slots.in_kernel() == 0 {
            // The next call reports an error of the context.
            let _taken = self.getevents(0, Some(Duration::ZERO));
        }
    }

    /// Returns the iocb that was staged at `index`.
    ///
    /// # Safety
    ///
    /// [`stage`](Self::stage) has written the pointer at `index`, in this submission.
    #[cold]
    pub(super) unsafe fn staged(&mut self, index: usize) -> Option<*mut Iocb> {
        // SAFETY: `stage` has written the pointer (duty of the caller).
        self.inner.arena.pointers().get(index).map(|pointer| unsafe { pointer.assume_init() })
    }
}
