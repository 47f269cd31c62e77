//! What a request does, and to which block: the tag of every request.

use crate::{end::ALIGN, extents::bytes};

/// A part of the file.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    /// Where it starts in both files, in bytes.
    pub(crate) offset: u64,
    /// How many bytes it has.
    pub(crate) len: usize,
}

impl Block {
    /// The position of a byte of the block in the file.
    pub(crate) fn position(&self, byte: usize) -> u64 {
        self.offset + bytes(byte)
    }
}

/// What a request does with a block.
#[derive(Clone, Copy)]
pub(crate) enum Direction {
    /// Reads it from the source.
    Fill,
    /// Writes it to the destination.
    Drain,
}

/// The tag of a request. It comes back with the completion, and determines what comes next.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) direction: Direction,
    pub(crate) block: Block,
    /// Whether the request uses direct I/O.
    pub(crate) direct: bool,
}

impl Step {
    /// How many bytes of the buffer are used. Direct requests consist of whole units, also at the end of
    /// the file.
    pub(crate) fn len(&self) -> usize {
        let len = self.block.len;
        if self.direct { len.next_multiple_of(ALIGN) } else { len }
    }
}
