//! [`Outcome`]: the meaning of a result for its operation.

use crate::{
    error::RequestError,
    request::Template,
    types::{Errno, Opcode, PollEvents, cast},
};

/// The result of a request that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The number of bytes that were read or written. A short transfer is not an error.
    Transferred(usize),
    /// The data that was written before is on stable storage.
    Synced,
    /// The file that a poll has waited for is ready.
    Ready {
        /// The events that occurred. The kernel may report more events than were requested; bits
        /// without a name are kept.
        events: PollEvents,
        /// The requested events: `events & asked` are those of them that occurred.
        asked: PollEvents,
    },
    /// A poll was cancelled before the file became ready.
    Cancelled,
    /// The file of a poll is not ready, and the kernel cannot wait for files of this kind:
    /// terminals, and FIFOs that are open for both reading and writing.
    NotPollable,
}

impl Outcome {
    /// Returns the meaning of a result for the operation of a template.
    ///
    /// # Errors
    ///
    /// The errno, with its meaning for the operation.
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
            // The event mask is not the reason for the EINVAL: it has 16 bits.
            (Opcode::Poll, Err(Errno::EINVAL)) if template.is_unpollable() => Ok(Self::NotPollable),
            (_, Ok(bytes)) => Ok(Self::Transferred(bytes)),
            (opcode, Err(errno)) => {
                let error = RequestError::new(opcode, errno);
                if opcode.is_transfer() {
                    return Err(error.at(template.offset(), template.range().len()));
                }
                Err(error)
            }
        }
    }
}
