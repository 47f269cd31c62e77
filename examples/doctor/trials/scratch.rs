//! [`Scratch`]: a file for the trials that write.

use core::fmt;
use rustix::fs::{Advice, FallocateFlags};
use std::{fs::File, io, os::unix::fs::FileExt as _, path::Path};

/// A file without a name: the kernel removes it when the process ends, however it ends.
pub(crate) struct Scratch {
    file: File,
    block: u64,
    blocks: u64,
}

/// What is in the file.
#[derive(Clone, Copy)]
pub(crate) enum Content {
    /// Data that is on the disk.
    Written,
    /// Blocks that are allocated and were not written.
    Preallocated,
    /// One hole.
    Hole,
    Empty,
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Written => "written",
            Self::Preallocated => "preallocated",
            Self::Hole => "a hole",
            Self::Empty => "empty",
        })
    }
}

impl Scratch {
    /// Makes a file of some blocks.
    ///
    /// # Errors
    ///
    /// A message.
    pub(crate) fn new(directory: &Path, content: Content, block: usize) -> Result<Self, String> {
        let blocks = (MOST_BYTES / block).clamp(8, MOST_BLOCKS);
        let cannot = |doing: &str, error: io::Error| {
            format!("cannot {doing} a scratch file in {directory:?}: {error}")
        };
        // `O_TMPFILE`, or removed at once where the file system has no such files.
        let file = tempfile::tempfile_in(directory).map_err(|error| cannot("create", error))?;
        let len = u64::try_from(blocks * block).unwrap_or(0);
        match content {
            Content::Written => {
                write(&file, blocks, block).map_err(|error| cannot("write", error))?
            }
            Content::Preallocated => {
                rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, len)
                    .map_err(|errno| cannot("allocate", errno.into()))?;
            }
            Content::Hole => file.set_len(len).map_err(|error| cannot("extend", error))?,
            Content::Empty => {}
        }
        let (block, blocks) =
            (u64::try_from(block).unwrap_or(0), u64::try_from(blocks).unwrap_or(0));
        Ok(Self { file, block, blocks })
    }

    pub(crate) const fn file(&self) -> &File {
        &self.file
    }

    /// The offsets of the blocks, in order.
    pub(crate) fn blocks(&self) -> Vec<u64> {
        (0..self.blocks).map(|number| number * self.block).collect()
    }
}

const MOST_BYTES: usize = 64 << 20;
const MOST_BLOCKS: usize = 256;

/// Writes random bytes to the disk, and drops them from the page cache.
fn write(file: &File, blocks: usize, block: usize) -> io::Result<()> {
    let mut bytes = vec![0; block];
    fastrand::fill(&mut bytes);
    let mut offset = 0;
    for _ in 0..blocks {
        file.write_all_at(&bytes, offset)?;
        offset += u64::try_from(block).unwrap_or(0);
    }
    file.sync_all()?;
    rustix::fs::fadvise(file, 0, None, Advice::DontNeed)?;
    Ok(())
}
