//! [`Outcome`]: the result of a request, as its operation has it.

use crate::flags::PollEvents;

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
