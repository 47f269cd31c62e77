//! [`Stats`]: the counters of a context.

/// The counters of a context since it was made, including its scopes.
///
/// ```
/// use linux_aio::{Context, PageBuf, Request, Stats};
///
/// # fn main() -> std::io::Result<()> {
/// let file = std::fs::File::open("/proc/self/exe")?;
/// let mut cx = Context::<PageBuf, ()>::new(1)?;
/// cx.submit_one(Request::read(&file, PageBuf::new(4096)?, 0))?;
/// cx.wait_one(None)?;
/// let Stats { accepted, refused, completed, .. } = cx.stats();
/// assert_eq!((accepted, refused, completed), (1, 0, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The number of requests that the kernel accepted.
    pub accepted: u64,
    /// The number of requests that the kernel refused. Each has a completion with the errno.
    pub refused: u64,
    /// The number of completions that were taken, or dropped at the end of a scope. (In a forked
    /// child, a scope does not drop the completions of the parent, but counts them.)
    pub completed: u64,
    /// The number of events that belonged to no request in flight, and were ignored. If it is not
    /// 0, something other than the kernel has written to the completion ring.
    pub spurious: u64,
    /// The number of calls of `io_submit`, `io_getevents`, `io_pgetevents` and `io_cancel`.
    pub system_calls: u64,
    /// The number of requests that had completed when the [`submit`](crate::Context::submit) that
    /// submitted them returned. Either the kernel executed them during `io_submit`, while the
    /// program waited, or the device is very fast. If this number is close to
    /// [`accepted`](Self::accepted), the I/O was not asynchronous. Polls of files that were ready
    /// are counted too, so it says little about a context with many polls.
    ///
    /// It is counted only while the completion ring is read.
    pub completed_in_submit: u64,
    /// The number of waits that polled the completion ring and found enough events there, so that
    /// they did not sleep ([`set_busy_poll`](crate::Context::set_busy_poll)).
    pub busy_poll_hits: u64,
    /// The number of waits that polled the completion ring in vain.
    pub busy_poll_misses: u64,
    /// The number of events that were read from the completion ring, without a system call.
    pub ring_events: u64,
    /// 1 if the completion ring was inconsistent, because something other than the kernel has
    /// written to it; otherwise 0. After that, events are received by `io_getevents`.
    pub ring_given_up: u64,
}

impl Stats {
    /// All counters are 0.
    pub(super) const NONE: Self = Self {
        accepted: 0,
        refused: 0,
        completed: 0,
        spurious: 0,
        system_calls: 0,
        completed_in_submit: 0,
        busy_poll_hits: 0,
        busy_poll_misses: 0,
        ring_events: 0,
        ring_given_up: 0,
    };
}
