//! [`Deadline`]: a timeout that does not start again after an interruption.

use crate::sys;
use core::time::Duration;

/// The moment at which waiting ends, if it ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deadline {
    Never,
    /// At once, or at an unknown time: there is no clock to be read.
    Now,
    /// At this time of the monotonic clock.
    At(Duration),
}

impl Deadline {
    /// The end of a timeout that starts now. A time beyond the clock's range never comes. Without
    /// a clock, the first wait is the last.
    pub(crate) fn after(timeout: Option<Duration>) -> Self {
        match timeout {
            None => Self::Never,
            Some(Duration::ZERO) => Self::Now,
            Some(span) => match sys::monotonic() {
                Some(now) => now.checked_add(span).map_or(Self::Never, Self::At),
                None => Self::Now,
            },
        }
    }

    /// How long is left. `None` is for ever.
    pub(crate) fn left(self) -> Option<Duration> {
        match self {
            Self::Never => None,
            Self::Now => Some(Duration::ZERO),
            Self::At(time) => {
                Some(sys::monotonic().map_or(Duration::ZERO, |now| time.saturating_sub(now)))
            }
        }
    }
}
