//! The file of a log: created completely or not at all, opened by one process, for direct I/O.

use crate::{
    failure::Failure,
    format::{BLOCK_U64, first_block},
};
use linux_aio::direct::{Alignment, OpenDirect as _};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// An open log file.
pub(crate) struct LogFile {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
}

impl LogFile {
    /// Opens a log to read it. Nobody can write to it meanwhile.
    pub(crate) fn open_to_read(path: &Path) -> Result<Self, Failure> {
        Self::open(path, File::options().read(true), FlockOperation::NonBlockingLockShared)
    }

    /// Opens a log to append to it, and makes a new one if there is none. No other process can open it
    /// meanwhile.
    pub(crate) fn open_to_append(path: &Path) -> Result<Self, Failure> {
        let mut options = File::options();
        options.read(true).write(true);
        match options.open(path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(path).map_err(|error| Failure::io("create", path, error))?;
            }
            Err(error) => return Err(Failure::io("open", path, error)),
        }
        Self::open(path, &options, FlockOperation::NonBlockingLockExclusive)
    }

    fn open(path: &Path, options: &OpenOptions, lock: FlockOperation) -> Result<Self, Failure> {
        let failure = |error| Failure::io("open", path, error);
        let file = match options.open_direct(path) {
            // Without direct I/O, the page cache is used. A sync makes the data durable then, too. But after
            // a failed sync, the next process may read from the cache what is not on the disk.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                options.open(path).map_err(failure)?
            }
            opened => opened.map_err(failure)?,
        };
        match flock(&file, lock) {
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(Failure::InUse(path.into())),
            locked => locked.map_err(|errno| failure(errno.into()))?,
        }
        let alignment = Alignment::of(&file).unwrap_or(Alignment::PAGE);
        if !alignment.is_aligned(BLOCK_U64) {
            let why =
                format!("its blocks have {} bytes, more than {BLOCK_U64}", alignment.offset());
            return Err(failure(io::Error::other(why)));
        }
        Ok(Self { file, path: path.into() })
    }

    pub(crate) fn len(&self) -> Result<u64, Failure> {
        let metadata = self.file.metadata().map_err(|error| self.failure("measure", error))?;
        Ok(metadata.len())
    }

    pub(crate) fn failure(&self, doing: &'static str, error: impl Into<io::Error>) -> Failure {
        Failure::io(doing, &self.path, error)
    }
}

/// Creates a log without records. It gets its name when its first block is on stable storage; then the
/// directory is synced, so that the name is, too.
fn create(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut new = tempfile::Builder::new().prefix(".log-").tempfile_in(directory)?;
    new.write_all(&first_block(fastrand::u64(..)))?;
    new.as_file().sync_all()?;
    match new.persist_noclobber(path) {
        // Another process was faster.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
        persisted => drop(persisted.map_err(|error| error.error)?),
    }
    File::open(directory)?.sync_all()
}
