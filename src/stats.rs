//! [`Stats`]: what a context has done so far.

/// Counters of a context since it was made, its scopes included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests that the kernel accepted.
    pub accepted: u64,
    /// Requests that the kernel refused; each has a completion that says why.
    pub refused: u64,
    /// Completions taken.
    pub completed: u64,
    /// Events that matched no request in flight, and were ignored. Not 0 means that something
    /// besides the kernel wrote to the completion ring.
    pub strays: u64,
    /// Calls of `io_submit`, `io_getevents`, `io_pgetevents` and `io_cancel`.
    pub system_calls: u64,
}
