//! The steps of a turn: receiving, and the submission of the staged requests.

use super::Core;
use crate::{
    context::Submission,
    error::ContextError,
    request::Owners,
    types::{Errno, cast},
};
use core::mem;

/// How a submission has ended.
pub(in crate::driver) enum Ended {
    /// There may be more staged requests.
    Continue,
    /// The other staged requests have to wait for a completion.
    Blocked,
    /// The call does not work.
    Failed(ContextError),
}

/// The steps of `turn`.
impl<B, F> Core<B, F> {
    /// Begins a turn. Returns whether the eventfd is to be read.
    ///
    /// It need not be read if it is known that nothing was added to it: all events that it counts
    /// were received, and there are no others. If there is no other reason for the turn either, it
    /// is read: someone may have written to it.
    ///
    /// # Errors
    ///
    /// [`ContextError::Forked`]: the eventfd is shared with the parent, and must not be read.
    pub(in crate::driver) fn begin_turn(&mut self) -> Result<bool, ContextError> {
        self.requests.check()?;
        let nothing = self.owed == 0 && self.requests.has_completions() == Ok(false);
        Ok(!(nothing && self.has_work()))
    }

    /// Records what was read from the eventfd, then cancels polls and receives events. Returns
    /// whether someone else has written to the eventfd: it has counted more than the events.
    ///
    /// # Errors
    ///
    /// Those of receiving.
    pub(in crate::driver) fn receive(&mut self, counted: u64) -> Result<bool, ContextError> {
        let owed = self.owed;
        self.owed = self.owed.saturating_sub(counted);
        // During a submission, a poll may be launched but not yet submitted.
        while !self.submitting
            && let Some(index) = self.cancelled.first()
        {
            self.cancelled.remove(&mut self.requests, index);
            if let Some(task) = self.requests.driven_tag(index) {
                let id = task.id;
                self.requests.cancel_driven(id);
            }
        }
        let before = self.requests.in_kernel();
        let received = self.requests.receive_now();
        let events = self.record_events(before);
        received.map(|()| counted > owed.saturating_add(events))
    }

    /// Records the events that were received since there were `before` requests in flight. Returns
    /// how many these are.
    fn record_events(&mut self, before: usize) -> u64 {
        let events = cast::to_u64(before.saturating_sub(self.requests.in_kernel()));
        self.owed += events;
        if events > 0 {
            self.blocked = false;
        }
        events
    }

    /// Begins a submission of the staged requests, unless there are none or another submission is
    /// being made. The owners of the files are moved to `owners`, which must be empty.
    ///
    /// # Errors
    ///
    /// [`ContextError::Forked`], [`ContextError::Gone`].
    pub(in crate::driver) fn launch(
        &mut self,
        owners: &mut Owners<F>,
        eventfd: i32,
    ) -> Result<Option<Submission>, ContextError> {
        self.requests.check()?;
        if self.submitting {
            return Ok(None);
        }
        let mut submission = self.requests.begin(0);
        while submission.left() < Owners::<F>::LIMIT
            && let Some(index) = self.staged.first()
        {
            self.staged.remove(&mut self.requests, index);
            let Some(task) = self.requests.driven_tag(index) else { break };
            let file = if task.orphan { None } else { task.file.take() };
            let Some(file) = file else {
                // It became an orphan in an earlier submission, and was taken back from there.
                self.fail(index, Errno::ECANCELED);
                continue;
            };
            // SAFETY: `owners` was empty, and has an owner for each request of the submission: fewer
            // than the limit.
            unsafe { owners.push(file) };
            let id = self.requests.launch(&mut submission, index, eventfd);
            if let Some(task) = self.requests.driven_tag(index) {
                task.id = id.unwrap_or(0);
            }
        }
        self.submitting = submission.left() > 0;
        Ok(self.submitting.then_some(submission))
    }

    /// Completes a staged request, which is in no list, with this errno.
    fn fail(&mut self, index: u32, errno: Errno) {
        if let Some(id) = self.requests.fail(index, errno)
            && let Some(task) = self.requests.driven_tag(index)
        {
            task.id = id;
        }
    }

    /// Processes the answer to a call of `io_submit`.
    ///
    /// # Errors
    ///
    /// Those of [`Context::answered`](crate::Context::answered).
    ///
    /// # Safety
    ///
    /// The duties of [`Context::answered`](crate::Context::answered).
    pub(in crate::driver) unsafe fn answered(
        &mut self,
        submission: &mut Submission,
        answer: Result<usize, ContextError>,
    ) -> Result<(), ContextError> {
        let (before, refused) = (self.requests.in_kernel(), submission.refused());
        // SAFETY: the caller has the same duties.
        let processed = unsafe { self.requests.answered(submission, answer) };
        self.record_events(before.saturating_sub(submission.refused() - refused));
        processed
    }

    /// Ends a submission. If it was stopped for this reason, the other requests are staged again.
    ///
    /// # Safety
    ///
    /// 1. The last answer to a call of `io_submit` was passed to [`answered`](Self::answered), or no
    ///    call was made since.
    /// 2. `owners` are those that [`launch`](Self::launch) has moved there for this submission.
    pub(in crate::driver) unsafe fn finish(
        &mut self,
        mut submission: Submission,
        owners: &mut Owners<F>,
        stopped: Option<ContextError>,
    ) -> Ended {
        if stopped.is_some() {
            // SAFETY: no call is being made, and the last answer was processed (duty 1 of the
            // caller).
            while let Some(back) = unsafe { self.requests.take_back(&mut submission) } {
                // SAFETY: there is an owner for each request of the submission, in the same order
                // (duty 2 of the caller), and the last request was taken back.
                let file = unsafe { owners.pop() };
                let Some(index) = back else {
                    // Its drop is code of the user, which must not run here. Only a hostile ring
                    // leads here.
                    mem::forget(file);
                    continue;
                };
                self.unlist(index);
                if let Some(task) = self.requests.driven_tag(index) {
                    task.file = Some(file);
                }
                self.staged.push_front(&mut self.requests, index);
            }
        }
        self.requests.finish(&submission);
        self.submitting = false;
        match stopped {
            None => Ended::Continue,
            Some(ContextError::Forked) => Ended::Failed(ContextError::Forked),
            Some(ContextError::Again) if self.requests.any_sure_in_flight() => {
                self.blocked = true;
                Ended::Blocked
            }
            // No request in flight is sure to complete, so nothing would cause another attempt.
            Some(ContextError::Again) => {
                let before = self.requests.in_kernel();
                self.requests.take_spurious_events();
                self.record_events(before);
                self.fail_first(Errno::EAGAIN);
                Ended::Continue
            }
            Some(cause) => {
                while self.fail_first(cause.errno()) {}
                Ended::Failed(cause)
            }
        }
    }

    /// Completes the first staged request with this errno. Returns whether there was one.
    #[cold]
    fn fail_first(&mut self, errno: Errno) -> bool {
        let Some(index) = self.staged.first() else { return false };
        self.staged.remove(&mut self.requests, index);
        self.fail(index, errno);
        true
    }
}
