//! [`Faults`]: the frequencies of the fake kernel's faults.

use crate::types::Errno;

/// The frequency of each fault: once in this number of times; 0 means never.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// A transfer is not executed in `io_submit` but later, in any order.
    pub(crate) late: u32,
    /// `io_submit` has no memory for a request (`EAGAIN`).
    pub(crate) no_request: u32,
    /// A transfer is cut short.
    pub(crate) short: u32,
    /// A transfer or sync fails.
    pub(crate) error: u32,
    /// A signal interrupts `io_getevents`.
    pub(crate) signal: u32,
    /// Requests complete while an eventfd is read, just before its counter is taken.
    pub(crate) during_read: u32,
    /// There is no memory to map (`ENOMEM`).
    pub(crate) no_memory: u32,
    /// The kernel does something impossible: it invents events, counts or words of the ring.
    pub(crate) hostile: u32,
}

impl Faults {
    /// No faults. Transfers are executed in `io_submit`, like those through the page cache.
    pub(crate) const NONE: Self = Self {
        late: 0,
        no_request: 0,
        short: 0,
        error: 0,
        signal: 0,
        during_read: 0,
        no_memory: 0,
        hostile: 0,
    };

    /// All faults that a real kernel may have.
    pub(crate) const ALL: Self = Self {
        late: 2,
        no_request: 9,
        short: 5,
        error: 9,
        signal: 5,
        during_read: 2,
        no_memory: 60,
        hostile: 0,
    };

    /// All faults, including impossible ones.
    pub(crate) const HOSTILE: Self = Self { hostile: 4, ..Self::ALL };

    /// The errnos with which accepted transfers fail.
    pub(crate) const ERRORS: [Errno; 5] =
        [Errno::EIO, Errno::EAGAIN, Errno::EINTR, Errno::ENOSPC, Errno::EFBIG];
}
