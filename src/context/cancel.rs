//! [`Context::cancel`], and finding what to cancel.

use super::Context;
use crate::{
    error::ContextError,
    slots::{InFlight, RequestId},
    types::Errno,
};

/// What became of an attempt to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelResult {
    /// It was cancelled. Its completion will come, as
    /// [`Outcome::Cancelled`](crate::Outcome::Cancelled) if it was not ready at the same time.
    Cancelled,
    /// It cannot be cancelled, or is over already. Its completion will come, or is there.
    NotCancellable,
    /// There is no such request in flight: its completion has been received.
    NotInFlight,
}

impl<B, T> Context<B, T> {
    /// The requests in flight whose completions have not been received, in no particular order.
    ///
    /// To find the one to cancel:
    ///
    /// ```
    /// use linux_aio::{Batch, CancelResult, Context, Outcome, PollEvents, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (socket, _peer) = std::os::unix::net::UnixStream::pair()?;
    /// let mut cx = Context::<(), &str>::new(8)?;
    /// let mut batch = Batch::<_, _, _, 8>::new();
    /// batch.push(Request::poll(&socket).events(PollEvents::IN).tag("silent"))?;
    /// cx.submit(&mut batch)?;
    ///
    /// let id = cx.in_flight().find(|request| *request.tag == "silent").map(|request| request.id);
    /// assert_eq!(cx.cancel(id.unwrap())?, CancelResult::Cancelled);
    /// let done = cx.wait(1, None)?.next().unwrap();
    /// assert_eq!(done.outcome(), Ok(Outcome::Cancelled));
    /// # Ok(())
    /// # }
    /// ```
    pub fn in_flight(&self) -> impl Iterator<Item = InFlight<'_, T>> {
        self.slots.in_flight(self.inner.serial())
    }

    /// Asks the kernel to give a request up. In practice it does so for polls only.
    ///
    /// Whatever the answer, a request in flight has its one completion. A read or write that is not
    /// cancellable goes on.
    ///
    /// # Errors
    ///
    /// [`ContextError::Forked`], [`ContextError::Gone`], or [`ContextError::Os`] if the call is
    /// refused.
    ///
    /// # Kernel
    ///
    /// `io_cancel(2)`, whose man page is out of date; since Linux 2.6, for polls since 4.19.
    #[doc(alias = "io_cancel")]
    pub fn cancel(&mut self, id: RequestId) -> Result<CancelResult, ContextError> {
        self.inner.raw().check()?;
        let Some(iocb) = self.slots.iocb(id.data).filter(|_| id.serial == self.inner.serial())
        else {
            return Ok(CancelResult::NotInFlight);
        };
        self.inner.stats.system_calls += 1;
        // SAFETY: it is in its slot, where it was when it was submitted, and nobody borrows it.
        match unsafe { self.inner.raw().cancel(iocb) } {
            Ok(()) | Err(ContextError::Os { errno: Errno::EINPROGRESS, .. }) => {
                Ok(CancelResult::Cancelled)
            }
            // Or the context is gone, in which case nothing will come.
            Err(ContextError::Os { errno: Errno::EINVAL, .. }) => {
                self.submit_nothing().map(|()| CancelResult::NotCancellable)
            }
            Err(error) => Err(error),
        }
    }

    /// Cancels a request in flight with this tag, if there is one: the first that is found.
    ///
    /// It looks through all requests in flight. With a [`RequestId`], nothing has to be looked for.
    ///
    /// # Errors
    ///
    /// As for [`cancel`](Self::cancel).
    #[doc(alias = "io_cancel")]
    pub fn cancel_tag(&mut self, tag: &T) -> Result<CancelResult, ContextError>
    where
        T: PartialEq,
    {
        self.inner.raw().check()?;
        let found = self.in_flight().find(|request| request.tag == tag).map(|request| request.id);
        match found {
            Some(id) => self.cancel(id),
            None => Ok(CancelResult::NotInFlight),
        }
    }

    /// Cancels all polls, which could otherwise stay in flight without end.
    ///
    /// In the order in which they were submitted: the kernel has a list of them, oldest first, and looks
    /// through it each time.
    ///
    /// # Errors
    ///
    /// The call is refused, so that a poll may never be over.
    pub(super) fn cancel_polls(&mut self) -> Result<(), ContextError> {
        let (raw, arena) = self.inner.raw_and_arena();
        let mut calls = 0;
        let mut result = Ok(());
        for poll in self.slots.polls(arena.events()) {
            let Some(iocb) = self.slots.iocb(poll.data) else { continue };
            calls += 1;
            // SAFETY: as in `cancel`.
            match unsafe { raw.cancel(iocb) } {
                // Cancelled; or it cannot be, since it is over.
                Ok(())
                | Err(ContextError::Os { errno: Errno::EINPROGRESS | Errno::EINVAL, .. }) => {}
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        self.inner.stats.system_calls += calls;
        result
    }
}
