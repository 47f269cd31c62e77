//! [`Stats`]: what a context has done so far.

/// Counters of a context since it was made, its scopes included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests that the kernel accepted.
    pub accepted: u64,
    /// Requests that the kernel refused; each has a completion that says why.
    pub refused: u64,
    /// Completions taken, or dropped at the end of a scope (in a forked child, left to the parent then).
    pub completed: u64,
    /// Events that matched no request in flight, and were ignored. Not 0 means that something
    /// other than the kernel wrote to the completion ring.
    pub spurious: u64,
    /// Calls of `io_submit`, `io_getevents`, `io_pgetevents` and `io_cancel`.
    pub system_calls: u64,
    /// Requests that were complete when the [`submit`](crate::Context::submit) that gave them to the
    /// kernel returned. The kernel had done their I/O while the program waited for `io_submit`, or
    /// the device is that fast; if this is about [`accepted`](Self::accepted), nothing was
    /// asynchronous.
    ///
    /// Counted only while the completion ring is read.
    pub completed_in_submit: u64,
    /// Events read from the completion ring, without a system call.
    pub ring_events: u64,
    /// How often the completion ring was given up, because something besides the kernel had written
    /// to it: 0 or 1. From then on, events come by `io_getevents`.
    pub ring_given_up: u64,
}

impl Stats {
    /// Nothing done.
    pub(super) const NONE: Self = Self {
        accepted: 0,
        refused: 0,
        completed: 0,
        spurious: 0,
        system_calls: 0,
        completed_in_submit: 0,
        ring_events: 0,
        ring_given_up: 0,
    };
}
