//! [`Context::cancel`], and finding what to cancel.

use crate::{
    context::Context,
    errno::Errno,
    error::ContextError,
    flags::Opcode,
    in_flight::{InFlight, RequestId},
};

/// What became of an attempt to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// It was cancelled. Its completion will come, as
    /// [`Outcome::Cancelled`](crate::Outcome::Cancelled) if it was not ready at the same time.
    Cancelled,
    /// It cannot be cancelled, or is over already. Its completion will come, or is there.
    NotCancellable,
    /// There is no such request in flight: its completion has been received.
    NotInFlight,
}

impl<B, T, const N: usize> Context<B, T, N> {
    /// The requests in flight whose completions have not been received, in no particular order.
    ///
    /// To find the one to cancel:
    ///
    /// ```
    /// use linux_aio::{Batch, Cancel, Context, Outcome, PollEvents, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (socket, _peer) = std::os::unix::net::UnixStream::pair()?;
    /// let mut cx = Context::<(), &str, 8>::new()?;
    /// let mut batch = Batch::<_, _, 8>::new();
    /// batch.push(Request::poll(&socket).events(PollEvents::IN).tag("silent"))?;
    /// cx.submit(&mut batch)?;
    ///
    /// let id = cx.requests().find(|request| *request.tag == "silent").map(|request| request.id);
    /// assert_eq!(cx.cancel(id.unwrap())?, Cancel::Cancelled);
    /// let done = cx.wait(1, None)?.next().unwrap();
    /// assert_eq!(done.outcome(), Ok(Outcome::Cancelled));
    /// # Ok(())
    /// # }
    /// ```
    pub fn requests(&self) -> impl Iterator<Item = InFlight<'_, T>> {
        self.slots.in_flight()
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
    pub fn cancel(&mut self, id: RequestId) -> Result<Cancel, ContextError> {
        self.core.raw.check()?;
        let Some(iocb) = self.slots.iocb(id) else {
            return Ok(Cancel::NotInFlight);
        };
        self.core.stats.system_calls += 1;
        // SAFETY: it is in its slot, where it was when it was submitted, and nobody borrows it.
        match unsafe { self.core.raw.cancel(iocb) } {
            Ok(()) | Err(ContextError::Os { errno: Errno::EINPROGRESS, .. }) => {
                Ok(Cancel::Cancelled)
            }
            // Or the context is gone, in which case nothing will come.
            Err(ContextError::Os { errno: Errno::EINVAL, .. }) => {
                self.submit_nothing().map(|()| Cancel::NotCancellable)
            }
            Err(error) => Err(error),
        }
    }

    /// Cancels all polls, which could otherwise stay in flight for ever.
    ///
    /// # Errors
    ///
    /// The call is refused, so that a poll may never be over.
    pub(crate) fn cancel_polls(&mut self) -> Result<(), ContextError> {
        let mut next = 0;
        while let Some((index, id)) = self.slots.next_in_flight(next, Opcode::Poll) {
            // What cannot be cancelled is over.
            self.cancel(id)?;
            next = index + 1;
        }
        Ok(())
    }
}
