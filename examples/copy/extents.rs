//! The parts of a file that hold data, and the blocks to copy.

use crate::{
    end::{ALIGN, ALIGN_U64},
    step::Block,
};
use core::ops::Range;
use rustix::{
    fs::{SeekFrom, fstatfs, seek},
    io::Errno,
};
use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
};

/// The parts of a file that hold data, in order: aligned, except for the end of the file.
///
/// The holes between them read as zeros and use no space on the disk. If a file system does not report
/// holes, the whole file is one part.
pub(crate) struct Extents<'file> {
    file: &'file File,
    holes: Holes,
    len: u64,
    next: u64,
}

/// Whether a file has holes, and whether the file system reports them correctly.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holes {
    /// It has as many blocks as its length needs.
    None,
    /// It has holes, and they are reported.
    Reported,
    /// It has more blocks than the parts that are reported to hold data. Some data is reported as a
    /// hole, or the file system counts blocks of its own. So the whole file is read, and only blocks of
    /// zeros are left out.
    Doubtful,
}

impl Holes {
    /// Compares what `lseek` reports with the number of blocks that the file has.
    pub(crate) fn of(file: &File, meta: &Metadata) -> io::Result<Self> {
        const SECTOR: u64 = 512;
        let allocated = meta.blocks().saturating_mul(SECTOR);
        if allocated >= meta.len() {
            return Ok(Self::None);
        }
        let (mut data, mut count) = (0, 0_u64);
        for extent in Extents::new(file, Self::Reported, meta.len()) {
            let extent = extent?;
            data += extent.end - extent.start;
            count += 1;
        }
        Ok(if data + overhead(file, count)? < allocated { Self::Doubtful } else { Self::Reported })
    }
}

/// How many bytes of a file with that many extents may be blocks of the file system's own. Only of ext4
/// it is known that it reports holes correctly, and how it counts: a block of its tree has some 340
/// extents.
fn overhead(file: &File, extents: u64) -> io::Result<u64> {
    const EXT4: u64 = 0xef53;
    const BLOCK: u64 = 4096;
    let known = u64::try_from(fstatfs(file)?.f_type).is_ok_and(|number| number == EXT4);
    Ok(if known && extents > 0 { BLOCK * (2 + extents / 64) } else { 0 })
}

impl<'file> Extents<'file> {
    pub(crate) fn new(file: &'file File, holes: Holes, len: u64) -> Self {
        Self { file, holes, len, next: 0 }
    }

    fn next_extent(&self) -> io::Result<Range<u64>> {
        if self.holes != Holes::Reported {
            return Ok(self.next..self.len);
        }
        let start = match seek(self.file, SeekFrom::Data(self.next)) {
            Ok(start) => start,
            Err(Errno::NXIO) => return Ok(self.len..self.len),
            Err(Errno::INVAL) => return Ok(self.next..self.len),
            Err(errno) => return Err(errno.into()),
        };
        let end = match seek(self.file, SeekFrom::Hole(start)) {
            Ok(end) => end,
            // The file has just become shorter. The reads will notice that.
            Err(Errno::NXIO) => self.len,
            Err(errno) => return Err(errno.into()),
        };
        // If it overflows, it is also after the end of the file.
        let end = end.checked_next_multiple_of(ALIGN_U64).unwrap_or(self.len);
        let start = start - start % ALIGN_U64;
        // At least one step forward, even if another process is punching holes.
        let end = end.max(start.saturating_add(ALIGN_U64)).min(self.len);
        Ok(start.min(end)..end)
    }
}

impl Iterator for Extents<'_> {
    type Item = io::Result<Range<u64>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.len {
            return None;
        }
        let found = self.next_extent();
        // After an error, it ends.
        self.next = found.as_ref().map_or(self.len, |extent| extent.end);
        match found {
            Ok(extent) if extent.is_empty() => None,
            found => Some(found),
        }
    }
}

/// Extents, cut at the multiples of the block size.
pub(crate) struct Blocks<'file> {
    extents: Extents<'file>,
    rest: Range<u64>,
    block: usize,
}

impl<'file> Blocks<'file> {
    /// `block` is a multiple of [`ALIGN`].
    pub(crate) fn new(extents: Extents<'file>, block: usize) -> Self {
        Self { extents, rest: 0..0, block: block.max(ALIGN) }
    }
}

impl Iterator for Blocks<'_> {
    type Item = io::Result<Block>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            self.rest = match self.extents.next()? {
                Ok(extent) => extent,
                Err(error) => return Some(Err(error)),
            };
        }
        let offset = self.rest.start;
        let left = usize::try_from(self.rest.end - offset).unwrap_or(usize::MAX);
        let len = left.min(self.block - residue(offset, self.block));
        self.rest.start += bytes(len);
        Some(Ok(Block { offset, len }))
    }
}

/// `offset % block`.
fn residue(offset: u64, block: usize) -> usize {
    usize::try_from(offset % bytes(block)).unwrap_or(0)
}

/// A length in memory as a length in a file. Where there is AIO, `usize` is not wider than `u64`.
pub(crate) fn bytes(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
