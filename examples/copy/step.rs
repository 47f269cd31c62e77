//! What a request does, and to which block: the tag of every request.

use crate::{end::ALIGN, extents::bytes};
use core::ops::Range;

/// A part of the file, on its way.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    /// Where it starts in both files, in bytes.
    pub(crate) offset: u64,
    /// How many bytes it has.
    pub(crate) len: usize,
    /// How many of them were transferred in this direction by requests before this one.
    pub(crate) done: usize,
    /// Whether this request is a direct one.
    pub(crate) direct: bool,
}

impl Block {
    pub(crate) fn new(offset: u64, len: usize) -> Self {
        Self { offset, len, done: 0, direct: false }
    }

    /// The same block, to be transferred from this byte on.
    pub(crate) fn from(self, done: usize) -> Self {
        Self { done, ..self }
    }

    /// Where the request starts in the file.
    pub(crate) fn position(&self) -> u64 {
        self.offset + bytes(self.done)
    }

    /// What the request transfers of the buffer. Direct requests have whole units only, also at the
    /// end of the file.
    pub(crate) fn range(&self) -> Range<usize> {
        let end = if self.direct { self.len.next_multiple_of(ALIGN) } else { self.len };
        self.done..end
    }
}

/// What a request does. It comes back with the completion, and says what comes next.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    /// Reads the block from the source.
    Fill(Block),
    /// Writes it to the destination.
    Drain(Block),
}
