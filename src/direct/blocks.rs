//! [`Blocks`]: the whole blocks that contain a part of a file.

use super::Alignment;
use crate::types::cast;
use core::ops::Range;

/// The whole blocks that contain a part of a file, made by [`Alignment::blocks`].
///
/// ```
/// use linux_aio::direct::Alignment;
///
/// let blocks = Alignment::PAGE.blocks(5_000, 4_000).unwrap();
/// assert_eq!((blocks.offset, blocks.len), (4096, 8192));
/// assert_eq!(blocks.part, 904..4_904); // bytes 5,000 to 9,000 of the file
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blocks {
    /// The offset of the first block in the file, in bytes.
    pub offset: u64,
    /// The length of the blocks together, in bytes; 0 for a part of no bytes at the start of a
    /// block.
    pub len: usize,
    /// Where the part is within the blocks, in bytes.
    pub part: Range<usize>,
}

impl Blocks {
    /// Returns the blocks that contain `len` bytes from `offset` on.
    pub(super) const fn containing(alignment: Alignment, offset: u64, len: usize) -> Option<Self> {
        let Some(end) = offset.checked_add(cast::to_u64(len)) else { return None };
        let Some(end) = alignment.align_up(end) else { return None };
        let start = alignment.align_down(offset);
        // `start <= offset` and `offset + len <= end`, so nothing underflows or overflows.
        let before = cast::from_u64(offset - start);
        Some(Self { offset: start, len: cast::from_u64(end - start), part: before..before + len })
    }
}
