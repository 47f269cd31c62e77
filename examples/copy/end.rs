//! One end of a copy: a file, past the page cache or through it.

use crate::{failure::Failure, step::Block};
use core::cell::Cell;
use rustix::fs::OFlags;
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// What offset, length and address of a direct request are multiples of. Devices ask for their
/// logical block size, 512 or 4096 bytes, and this is both.
pub(crate) const ALIGN: usize = 4096;

/// [`ALIGN`], for positions in files.
pub(crate) const ALIGN_U64: u64 = 4096;

/// An open file, its name, and whether its requests go past the page cache.
pub(crate) struct End {
    file: File,
    path: PathBuf,
    wanted: bool,
    direct: Cell<bool>,
}

impl End {
    /// `direct` is a wish: a file system without `O_DIRECT` refuses it with `EINVAL`, here or at
    /// the first request, and then it is buffered I/O.
    pub(crate) fn new(file: File, path: &Path, direct: bool) -> Self {
        let end = Self { file, path: path.into(), wanted: direct, direct: Cell::new(false) };
        if direct && end.set_direct(true).is_ok() {
            end.direct.set(true);
        }
        end
    }

    /// Goes on through the page cache. Requests in flight are as they were when submitted.
    pub(crate) fn give_up_direct(&self) -> Result<(), Failure> {
        if self.direct.get() {
            self.set_direct(false)
                .map_err(|error| Failure::io("clear O_DIRECT of", &self.path, error))?;
            self.direct.set(false);
        }
        Ok(())
    }

    /// Where in its block a request that was cut short goes on, if it reached this byte.
    ///
    /// Direct I/O can go on from aligned bytes only, so that some are transferred again. If that is
    /// no progress, buffered I/O goes on from any byte.
    pub(crate) fn resume(&self, block: &Block, reached: usize) -> Result<usize, Failure> {
        let aligned = reached - reached % ALIGN;
        if block.direct && aligned > block.done {
            return Ok(aligned);
        }
        if block.direct {
            self.give_up_direct()?;
        }
        Ok(reached)
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn is_direct(&self) -> bool {
        self.direct.get()
    }

    /// `O_DIRECT` was asked for and is not to be had.
    pub(crate) fn fell_back(&self) -> bool {
        self.wanted && !self.direct.get()
    }

    fn set_direct(&self, direct: bool) -> io::Result<()> {
        let mut flags = rustix::fs::fcntl_getfl(&self.file)?;
        flags.set(OFlags::DIRECT, direct);
        Ok(rustix::fs::fcntl_setfl(&self.file, flags)?)
    }
}
