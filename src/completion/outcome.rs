//! [`Outcome`]: the result of a request, as its operation has it.

use crate::{
    error::RequestError,
    request::Template,
    types::{Errno, Opcode, PollEvents, cast},
};

/// What a request came to, where it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Bytes were read or written. Fewer than asked for is not an error.
    Transferred(usize),
    /// What was written is on stable storage.
    Synced,
    /// A poll found the file ready.
    Ready {
        /// For what. The kernel may report more than was asked for; bits without a name are kept.
        events: PollEvents,
        /// What was asked for: `events & asked` is without the rest.
        asked: PollEvents,
    },
    /// A poll was cancelled before the file became ready.
    Cancelled,
    /// A poll of a file that is not ready, and that the kernel cannot wait for in this way: a
    /// terminal, a FIFO open for both reading and writing.
    NotPollable,
}

impl Outcome {
    /// What the result of a request means for its operation.
    ///
    /// # Errors
    ///
    /// What the errno means for it.
    pub(super) fn of(
        template: &Template,
        result: Result<usize, Errno>,
    ) -> Result<Self, RequestError> {
        match (template.opcode(), result) {
            (Opcode::Fsync | Opcode::Fdsync, Ok(_)) => Ok(Self::Synced),
            (Opcode::Poll, Ok(0)) => Ok(Self::Cancelled),
            (Opcode::Poll, Ok(found)) => {
                let events = PollEvents::from_bits_retain(cast::low_16(cast::to_u64(found)));
                Ok(Self::Ready { events, asked: template.events() })
            }
            // The mask cannot be at fault: it has 16 bits by its type.
            (Opcode::Poll, Err(Errno::EINVAL)) if template.is_unpollable() => Ok(Self::NotPollable),
            (_, Ok(bytes)) => Ok(Self::Transferred(bytes)),
            (opcode, Err(errno)) => Err(RequestError::new(opcode, errno)),
        }
    }
}
