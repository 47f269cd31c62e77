//! How often the scheduler has taken this thread off its processor.

use core::mem::MaybeUninit;

/// The counters of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Switches {
    /// How often the thread slept.
    pub(crate) voluntary: i64,
    /// How often it was preempted.
    pub(crate) involuntary: i64,
}

impl Switches {
    /// Reads the counters of this thread, in less than a microsecond. (/proc has them too, but reading
    /// them there takes longer than a request to a fast device.)
    pub(crate) fn of_thread() -> Self {
        let mut usage = MaybeUninit::zeroed();
        // SAFETY: `usage` is a local variable of the type that the call writes.
        let _answer = unsafe { libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) };
        // SAFETY: the struct consists of numbers, and all its bytes are initialised, by the call or with
        // zeros.
        let usage: libc::rusage = unsafe { usage.assume_init() };
        Self { voluntary: usage.ru_nvcsw, involuntary: usage.ru_nivcsw }
    }
}
