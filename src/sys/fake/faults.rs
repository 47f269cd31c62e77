//! [`Faults`]: how often the fake kernel does what a program would rather not see.

use crate::types::Errno;

/// Each is "once in so many times", and 0 for never.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// A transfer is not done inside `io_submit`, but some time later, in any order.
    pub(crate) late: u32,
    /// `io_submit` has no memory for a request (`EAGAIN`).
    pub(crate) no_request: u32,
    /// A transfer is cut short.
    pub(crate) short: u32,
    /// A transfer or sync fails.
    pub(crate) error: u32,
    /// A signal ends `io_getevents`.
    pub(crate) signal: u32,
    /// There is no memory to be mapped.
    pub(crate) no_memory: u32,
    /// What the kernel does is what no kernel does: ring, events and counts are made up.
    pub(crate) hostile: u32,
}

impl Faults {
    /// Nothing goes wrong, and transfers are done inside `io_submit`, as those through the page
    /// cache are.
    pub(crate) const NONE: Self =
        Self { late: 0, no_request: 0, short: 0, error: 0, signal: 0, no_memory: 0, hostile: 0 };

    /// Everything that a kernel may do.
    pub(crate) const ALL: Self =
        Self { late: 2, no_request: 9, short: 5, error: 9, signal: 5, no_memory: 60, hostile: 0 };

    /// And what no kernel does.
    pub(crate) const HOSTILE: Self = Self { hostile: 4, ..Self::ALL };

    /// What a transfer or sync that fails may answer, after it was accepted.
    pub(crate) const ERRORS: [Errno; 5] =
        [Errno::EIO, Errno::EAGAIN, Errno::EINTR, Errno::ENOSPC, Errno::EFBIG];
}
