//! Polls: waiting for a file to become ready.

use super::{Request, What};
use crate::{fd::Fd, flags::PollEvents};

/// The kind of a [`Request`] that polls: it has events to wait for.
#[derive(Clone, Copy, Debug)]
pub enum Poll {}

impl<'fd> Request<'fd, (), (), Poll> {
    /// Waits until `file` is ready: to be read, or written, or for what
    /// [`events`](Self::events) says. Once; for the next time, submit another.
    ///
    /// The result is what was found, [`Outcome::Ready`](crate::Outcome::Ready). It is the one
    /// operation that can be [cancelled](crate::Context::cancel), and the one by which sockets,
    /// pipes and the like join a loop of reads and writes without blocking it.
    ///
    /// Files that are always ready, like regular ones, complete at once. Some that are not ready
    /// cannot be waited for in this way, terminals and FIFOs open for both reading and writing among
    /// them: [`Outcome::NotPollable`](crate::Outcome::NotPollable).
    ///
    /// # Kernel
    ///
    /// `IOCB_CMD_POLL`, `aio_poll` in `fs/aio.c`; since Linux 4.19, reliable since 5.16.
    #[doc(alias = "IOCB_CMD_POLL")]
    pub fn poll(file: impl Into<Fd<'fd>>) -> Self {
        Self::new(What::poll(file.into(), PollEvents::default()), ())
    }
}

impl<B, T> Request<'_, B, T, Poll> {
    /// What to wait for, in place of what was set before. Errors and hang-ups are always reported.
    pub fn events(mut self, events: PollEvents) -> Self {
        self.what.wait_for(events);
        self
    }
}
