//! [`Submission`]: which of the staged requests are still to be submitted, and what follows an answer
//! of the kernel.

use super::{Context, ring::BeforeSubmit};
use crate::{abi::Iocb, error::ContextError, types::Errno};
use core::{ops::Range, time::Duration};

/// A submission: the requests whose iocbs are in a range of the context's pointers. Those before
/// `next` were accepted or refused.
///
/// # Invariants
///
/// The pointers from `first` to `staged` were written in this submission. `next` is between them.
#[derive(Debug)]
pub(crate) struct Submission {
    first: usize,
    next: usize,
    staged: usize,
    refused: usize,
    before: BeforeSubmit,
}

impl Submission {
    /// Adds requests, whose pointers were written after those of the others.
    #[inline]
    pub(super) const fn add(&mut self, count: usize) {
        self.staged += count;
    }

    /// Removes the last request that was neither accepted nor refused. Returns the index of its
    /// pointer.
    pub(super) fn remove_last(&mut self) -> Option<usize> {
        let last = self.rest().next_back()?;
        self.staged = last;
        Some(last)
    }

    /// Returns where the pointers of the requests are that were neither accepted nor refused.
    #[inline]
    pub(super) const fn rest(&self) -> Range<usize> {
        self.next..self.staged
    }

    /// Returns the number of requests that were neither accepted nor refused.
    #[inline]
    pub(crate) const fn left(&self) -> usize {
        self.staged - self.next
    }

    /// Returns the number of requests.
    #[inline]
    pub(super) const fn count(&self) -> usize {
        self.staged - self.first
    }

    /// Returns the number of requests that the kernel has accepted.
    #[inline]
    pub(super) const fn accepted(&self) -> usize {
        self.next - self.first - self.refused
    }

    /// Returns the number of requests that the kernel has refused.
    #[inline]
    pub(crate) const fn refused(&self) -> usize {
        self.refused
    }
}

impl<B, T> Context<B, T> {
    /// Begins a submission, of no requests yet, whose pointers begin at `first`.
    #[inline]
    pub(crate) fn begin(&self, first: usize) -> Submission {
        let before = self.before_submit();
        Submission { first, next: first, staged: first, refused: 0, before }
    }

    /// Processes the answer to a call of `io_submit`.
    ///
    /// # Errors
    ///
    /// The error of the call or the context. The requests that are left are to be taken back.
    ///
    /// # Safety
    ///
    /// 1. The call was made for the requests that are left, at least one, and the kernel has given
    ///    this answer.
    /// 2. The descriptors of the requests that were not accepted are open.
    #[inline]
    pub(crate) unsafe fn answered(
        &mut self,
        submission: &mut Submission,
        answer: Result<usize, ContextError>,
    ) -> Result<(), ContextError> {
        match answer {
            // The kernel has accepted a prefix. The request after it, if any, is submitted again as
            // the first one, so that the kernel returns its errno.
            Ok(accepted @ 1..) => submission.next += accepted.min(submission.left()),
            // Linux never returns 0 for one or more requests. It is handled as a lack of memory.
            Ok(0) | Err(ContextError::Os { errno: Errno::EAGAIN, .. }) => {
                return Err(ContextError::Again);
            }
            Err(ContextError::Os { errno, .. }) => {
                // Once a request was accepted or refused, the call and the context are known to work, so
                // an errno is that of the request.
                if submission.next == submission.first {
                    self.check_call(errno)?;
                }
                // SAFETY: (1) the pointer was written (invariant; duty 1 of the caller); (2) the kernel
                // has refused the request with this errno (duty 1 of the caller), and it was not taken
                // back; (3) this is duty 2 of the caller.
                unsafe { self.refuse(submission.next, errno) };
                submission.refused += 1;
                submission.next += 1;
            }
            Err(cause) => return Err(cause),
        }
        Ok(())
    }

    /// Ends a submission: records the numbers of its requests.
    #[inline]
    pub(crate) fn finish(&mut self, submission: &Submission) {
        let accepted = submission.accepted();
        self.inner.record_submitted(submission.first, accepted, submission.refused);
        self.record_completed_in_submit(submission.before, accepted);
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

    /// Takes spurious events if nothing is in flight, so that the next submission can succeed.
    ///
    /// If nothing is in flight, the kernel has room for requests, unless events that belong to no
    /// request fill the context. No wait would take these events.
    #[cold]
    pub(crate) fn take_spurious_events(&mut self) {
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
