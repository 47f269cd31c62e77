//! The constructor and the options of polls.

use super::{IntoFile, Request, Template, op::Poll};
use crate::types::PollEvents;

impl<F> Request<F, (), (), Poll> {
    /// Waits once until `file` is ready for reading or writing, or for other
    /// [`events`](Self::events).
    ///
    /// The outcome is [`Outcome::Ready`](crate::Outcome::Ready), with the events that occurred. A
    /// poll is the only operation that can be [cancelled](crate::Context::cancel). With polls, one
    /// loop can handle sockets and pipes together with reads and writes, without blocking.
    ///
    /// Polls of files that are always ready, such as regular files, complete immediately. The
    /// kernel cannot wait for some files that are not ready, such as terminals, and FIFOs that are
    /// open for both reading and writing: the outcome is
    /// [`Outcome::NotPollable`](crate::Outcome::NotPollable).
    ///
    /// In a batch or context whose other requests have buffers, pass an empty buffer to
    /// [`with_buf`](Request::with_buf).
    ///
    /// While a poll is in flight, the kernel keeps the file open. If the program closes a socket,
    /// its peer sees no end of the connection until the poll completes or is cancelled; locks are
    /// not released either. `shutdown(2)` of a connected socket, for both directions, is simpler than
    /// cancelling: the peer sees the end, and the poll completes with [`PollEvents::HUP`].
    ///
    /// # Kernel
    ///
    /// `IOCB_CMD_POLL`, `aio_poll` in `fs/aio.c`; since Linux 4.19, reliable since 5.16.
    #[doc(alias = "IOCB_CMD_POLL")]
    pub fn poll(file: impl IntoFile<Owner = F>) -> Self {
        let (fd, file) = file.into_file();
        let template = Template::poll(fd, PollEvents::default());
        // SAFETY: (1) a poll needs no buffer; (2) `file` keeps `fd` open, by the contract of
        // `IntoFile`.
        unsafe { Self::from_raw_parts(template, file, (), ()) }
    }
}

impl<F, B, T> Request<F, B, T, Poll> {
    /// Sets the events to wait for. They replace the previous ones. [`PollEvents::ERR`] and
    /// [`PollEvents::HUP`] are always reported.
    pub fn events(mut self, events: PollEvents) -> Self {
        self.template.set_events(events);
        self
    }
}
