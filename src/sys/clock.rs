//! [`Deadline`]: the end of a timeout, which an interruption does not move.

use crate::sys;
use core::time::Duration;

/// The time at which a wait ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deadline {
    /// The wait has no end.
    Never,
    /// The wait ends immediately.
    Now,
    /// The wait ends at this time of the monotonic clock.
    At(Duration),
    /// The wait ends when this much more time has passed.
    ///
    /// This is used where a sandbox forbids reading the clock. The time is spent in pieces. Each
    /// counts as elapsed when its wait ends, interrupted or not. So the wait never ends late; each
    /// signal can make it end early by at most one piece.
    Left(Duration),
}

/// The longest wait if the clock cannot be read.
const PIECE: Duration = Duration::from_millis(10);

impl Deadline {
    /// Returns the end of a timeout that starts now. If it overflows the clock's range, it is
    /// `Never`.
    pub(crate) fn after(timeout: Option<Duration>) -> Self {
        match timeout {
            None => Self::Never,
            Some(Duration::ZERO) => Self::Now,
            Some(span) => match sys::monotonic() {
                Some(now) => now.checked_add(span).map_or(Self::Never, Self::At),
                None => Self::Left(span),
            },
        }
    }

    /// Returns the longest duration of the next wait. `None` means without end, and zero means that
    /// the deadline has passed.
    pub(crate) fn next_wait(&mut self) -> Option<Duration> {
        match self {
            Self::Never => None,
            Self::Now => Some(Duration::ZERO),
            Self::At(time) => {
                Some(sys::monotonic().map_or(Duration::ZERO, |now| time.saturating_sub(now)))
            }
            Self::Left(left) => {
                let piece = PIECE.min(*left);
                *left = left.saturating_sub(PIECE);
                Some(piece)
            }
        }
    }

    /// Returns the longest duration of the first wait, for a timeout that has just started.
    pub(crate) fn first_wait(&mut self, timeout: Option<Duration>) -> Option<Duration> {
        match self {
            Self::Left(_) => self.next_wait(),
            _ => timeout,
        }
    }
}
