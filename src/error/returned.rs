//! [`Full`] and [`OutOfRange`]: errors that hand a value back.

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

/// The message of [`Full`].
pub(super) const FULL: &str = "the batch is full: submit it before pushing more";

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
