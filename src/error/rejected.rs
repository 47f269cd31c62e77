//! [`Full`], [`RangeError`], [`PieceCountError`]: a value was rejected.
//!
//! Each is the error of two methods: `Full<R>` with the rejected value, from a method whose name
//! begins with `try_`, and `Full` without it, for `?`. An error with a value borrows what the value
//! borrows, so that `Box<dyn Error>` and `anyhow::Error`, which demand `'static`, cannot hold it.

use super::message;
use crate::{abi::UIO_MAXIOV, types::Errno};
use core::{error, fmt};

/// The container is full.
///
/// The field is the rejected value in the errors of [`Batch::try_push`](crate::Batch::try_push) and
/// [`Pieces::try_push`](crate::Pieces::try_push), and `()` in those of
/// [`Batch::push`](crate::Batch::push) and [`Pieces::push`](crate::Pieces::push).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Full<R = ()>(pub R);

impl<R> fmt::Debug for Full<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        message(f, "Full", self)
    }
}

impl<R> fmt::Display for Full<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(FULL)
    }
}

impl<R> Full<R> {
    /// Returns the errno that is closest to the error.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        Errno::ENOBUFS
    }
}

impl<R> error::Error for Full<R> {}

/// The range is not within the buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RangeError<R = ()> {
    /// The request, unchanged, if the error is that of
    /// [`try_range`](crate::Request::try_range); `()` if it is that of
    /// [`range`](crate::Request::range).
    pub request: R,
    /// The start of the range, unless it overflows.
    pub start: Option<usize>,
    /// The end of the range (the index after its last byte), unless it overflows.
    pub end: Option<usize>,
    /// The length of the buffer.
    pub buffer: usize,
}

impl<R> fmt::Debug for RangeError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        message(f, "RangeError", self)
    }
}

impl<R> fmt::Display for RangeError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        out_of_range(f, self.start, self.end, self.buffer)
    }
}

impl<R> RangeError<R> {
    /// Returns the errno that is closest to the error.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        Errno::EINVAL
    }
}

impl<R> error::Error for RangeError<R> {}

/// The vectored buffer has no pieces or too many.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PieceCountError<B = ()> {
    /// The buffer, if the error is that of [`try_readv`](crate::Request::try_readv) or
    /// [`try_writev`](crate::Request::try_writev); `()` if it is that of
    /// [`readv`](crate::Request::readv) or [`writev`](crate::Request::writev).
    pub buf: B,
    /// The number of pieces. 1 to 1024 are allowed.
    pub count: usize,
}

impl<B> fmt::Debug for PieceCountError<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        message(f, "PieceCountError", self)
    }
}

impl<B> fmt::Display for PieceCountError<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        piece_count(f, self.count)
    }
}

impl<B> PieceCountError<B> {
    /// Drops the buffer.
    pub(crate) fn dropped(self) -> PieceCountError {
        PieceCountError { buf: (), count: self.count }
    }

    /// Returns the errno that is closest to the error.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        Errno::EINVAL
    }
}

impl<B> error::Error for PieceCountError<B> {}

/// The message of [`Full`].
pub(super) const FULL: &str = "no room for one more: submit the batch, or use fewer pieces";

/// The message of [`RangeError`].
pub(super) fn out_of_range(
    f: &mut fmt::Formatter<'_>,
    start: Option<usize>,
    end: Option<usize>,
    buffer: usize,
) -> fmt::Result {
    match (start, end) {
        (Some(start), Some(end)) => write!(f, "the range {start}..{end}")?,
        _ => f.write_str("a range that overflows usize")?,
    }
    write!(f, " does not lie within a buffer of {buffer} bytes")
}

/// The message of [`PieceCountError`].
pub(super) fn piece_count(f: &mut fmt::Formatter<'_>, count: usize) -> fmt::Result {
    write!(f, "a vectored transfer has 1 to {UIO_MAXIOV} pieces, not {count}")
}
