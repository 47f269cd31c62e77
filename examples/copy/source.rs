//! The file that is copied.

use crate::{
    end::End,
    extents::{Extents, Holes},
    failure::Failure,
};
use rustix::fs::OFlags;
use std::{
    fs::{self, File, Metadata, OpenOptions},
    os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

/// An open regular file, and its metadata at the time when it was opened.
pub(crate) struct Source {
    end: End,
    meta: Metadata,
    holes: Holes,
}

impl Source {
    /// Opens a file, if it is one that can be copied.
    pub(crate) fn open(path: &Path, direct: bool) -> Result<Self, Failure> {
        let cannot_open = |error| Failure::io("open", path, error);
        // Opening a device can have side effects, so the type is checked before. Opening a pipe can block:
        // if the file has become one since, `NONBLOCK` opens it at once, and it is refused below.
        refuse_irregular(path, &fs::metadata(path).map_err(cannot_open)?)?;
        let nonblock = OFlags::NONBLOCK.bits().cast_signed();
        let file =
            OpenOptions::new().read(true).custom_flags(nonblock).open(path).map_err(cannot_open)?;
        let meta = file.metadata().map_err(cannot_open)?;
        refuse_irregular(path, &meta)?;
        if meta.len() == 0 {
            refuse_pseudo(path, &file)?;
        }
        let flags = rustix::fs::fcntl_getfl(&file).map_err(|e| cannot_open(e.into()))?;
        rustix::fs::fcntl_setfl(&file, flags - OFlags::NONBLOCK)
            .map_err(|e| cannot_open(e.into()))?;
        let holes = Holes::of(&file, &meta)
            .map_err(|error| Failure::io("find the holes of", path, error))?;
        Ok(Self { end: End::new(file, path, direct), meta, holes })
    }

    /// Fails if the file has changed: the copy would mix old and new contents.
    pub(crate) fn check_unchanged(&self) -> Result<(), Failure> {
        let now = self.metadata()?;
        let mtime = |meta: &Metadata| (meta.mtime(), meta.mtime_nsec());
        if now.len() != self.len() {
            let (before, now) = (self.len(), now.len());
            Err(self.changed(&format!("from {before} bytes to {now}")))
        } else if mtime(&now) != mtime(&self.meta) {
            Err(self.changed("by the time of its last modification"))
        } else {
            Ok(())
        }
    }

    /// The reason why the file ends here, although it should be longer.
    pub(crate) fn ended_at(&self, offset: u64) -> Failure {
        match self.check_unchanged() {
            Err(failure) => failure,
            Ok(()) => Failure::unfit(
                self.path(),
                format!(
                    "ends at byte {offset}, although its length is given as {}: it is no ordinary \
                     file, copy it with cat",
                    self.len()
                ),
            ),
        }
    }

    /// The parts that hold data, in order.
    pub(crate) fn extents(&self) -> Extents<'_> {
        Extents::new(self.end.file(), self.holes, self.len())
    }

    /// Whether blocks of zeros may be holes that were not reported, and need not be written.
    pub(crate) fn may_have_hidden_holes(&self) -> bool {
        self.holes == Holes::Doubtful
    }

    pub(crate) fn end(&self) -> &End {
        &self.end
    }

    pub(crate) fn path(&self) -> &Path {
        self.end.path()
    }

    pub(crate) fn len(&self) -> u64 {
        self.meta.len()
    }

    /// Owner, mode and identity at the time when it was opened.
    pub(crate) fn meta(&self) -> &Metadata {
        &self.meta
    }

    fn metadata(&self) -> Result<Metadata, Failure> {
        let meta = self.end.file().metadata();
        meta.map_err(|error| Failure::io("look at", self.path(), error))
    }

    fn changed(&self, how: &str) -> Failure {
        Failure::unfit(
            self.path(),
            format!("changed while it was copied, {how}: try again when nobody writes to it"),
        )
    }
}

fn refuse_irregular(path: &Path, meta: &Metadata) -> Result<(), Failure> {
    if meta.is_file() {
        return Ok(());
    }
    let why = format!("is {}, and only regular files are copied", kind(meta));
    Err(Failure::unfit(path, why))
}

/// The kind of a file that is not a regular one.
pub(crate) fn kind(meta: &Metadata) -> &'static str {
    let kind = meta.file_type();
    if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_char_device() || kind.is_block_device() {
        "a device"
    } else {
        "a special file"
    }
}

/// Refuses files in /proc and the like, whose length is given as 0 although they have content.
fn refuse_pseudo(path: &Path, file: &File) -> Result<(), Failure> {
    match file.read_at(&mut [0], 0) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Failure::unfit(
            path,
            "has content although its length is given as 0: it is no ordinary file, copy it with cat",
        )),
        Err(error) => Err(Failure::at("read", path, 0, error)),
    }
}
