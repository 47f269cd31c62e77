//! [`Full`], [`OutOfRange`], [`PieceCount`]: errors that hand a value back.

use crate::abi::UIO_MAXIOV;
use core::{error, fmt};

/// The container is full; here is the value back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Full<R>(pub R);

impl<R> fmt::Debug for Full<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full")
    }
}

impl<R> fmt::Display for Full<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(FULL)
    }
}

impl<R> error::Error for Full<R> {}

/// A range that does not lie within the buffer; here is the request back, as it was.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutOfRange<R> {
    /// The request, unchanged.
    pub request: R,
    /// Where the range starts, unless that is beyond every number.
    pub start: Option<usize>,
    /// Where it ends (the first byte that is not in it), unless that is beyond every number.
    pub end: Option<usize>,
    /// The length of the buffer.
    pub buffer: usize,
}

impl<R> fmt::Debug for OutOfRange<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutOfRange")
            .field("start", &self.start)
            .field("end", &self.end)
            .field("buffer", &self.buffer)
            .finish_non_exhaustive()
    }
}

impl<R> fmt::Display for OutOfRange<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        out_of_range(f, self.start, self.end, self.buffer)
    }
}

impl<R> error::Error for OutOfRange<R> {}

/// A vectored buffer with no pieces or with too many; here is the buffer back.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PieceCount<B> {
    /// The buffer.
    pub buf: B,
    /// How many pieces it has. 1 to 1024 would do.
    pub count: usize,
}

impl<B> fmt::Debug for PieceCount<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PieceCount").field("count", &self.count).finish_non_exhaustive()
    }
}

impl<B> fmt::Display for PieceCount<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        piece_count(f, self.count)
    }
}

impl<B> error::Error for PieceCount<B> {}

/// The message of [`Full`].
pub(super) const FULL: &str = "no room for one more: submit the batch, or use fewer pieces";

/// The message of [`OutOfRange`].
pub(super) fn out_of_range(
    f: &mut fmt::Formatter<'_>,
    start: Option<usize>,
    end: Option<usize>,
    buffer: usize,
) -> fmt::Result {
    match (start, end) {
        (Some(start), Some(end)) => write!(f, "the range {start}..{end}")?,
        _ => f.write_str("a range beyond every number")?,
    }
    write!(f, " does not lie within a buffer of {buffer} bytes")
}

/// The message of [`PieceCount`].
pub(super) fn piece_count(f: &mut fmt::Formatter<'_>, count: usize) -> fmt::Result {
    write!(f, "a vectored transfer has 1 to {UIO_MAXIOV} pieces, not {count}")
}
