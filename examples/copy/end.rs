//! One end of a copy: a file, accessed directly or through the page cache.

use crate::failure::Failure;
use core::cell::Cell;
use rustix::fs::OFlags;
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// Offset, length and address of a direct request are multiples of this. A device requires multiples of
/// its logical block size, 512 or 4096 bytes.
pub(crate) const ALIGN: usize = 4096;

/// [`ALIGN`], for positions in files.
pub(crate) const ALIGN_U64: u64 = 4096;

/// An open file, its path, and whether its requests bypass the page cache.
pub(crate) struct End {
    file: File,
    path: PathBuf,
    wanted: bool,
    direct: Cell<bool>,
}

impl End {
    /// `direct` asks for direct I/O. A file system without `O_DIRECT` refuses it with `EINVAL`, here or at
    /// the first request. Then buffered I/O is used.
    pub(crate) fn new(file: File, path: &Path, direct: bool) -> Self {
        let end = Self { file, path: path.into(), wanted: direct, direct: Cell::new(false) };
        if direct && end.set_direct(true).is_ok() {
            end.direct.set(true);
        }
        end
    }

    /// Continues with buffered I/O. Requests in flight are not affected.
    pub(crate) fn give_up_direct(&self) -> Result<(), Failure> {
        if self.direct.get() {
            self.set_direct(false)
                .map_err(|error| Failure::io("clear O_DIRECT of", &self.path, error))?;
            self.direct.set(false);
        }
        Ok(())
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

    /// Whether direct I/O was asked for and is not possible.
    pub(crate) fn fell_back(&self) -> bool {
        self.wanted && !self.direct.get()
    }

    fn set_direct(&self, direct: bool) -> io::Result<()> {
        let mut flags = rustix::fs::fcntl_getfl(&self.file)?;
        flags.set(OFlags::DIRECT, direct);
        Ok(rustix::fs::fcntl_setfl(&self.file, flags)?)
    }
}
