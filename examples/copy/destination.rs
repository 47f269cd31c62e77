//! The file that is written. It has a temporary name until it is complete.

use crate::{
    end::{ALIGN_U64, End},
    failure::Failure,
    source::Source,
    target::Target,
};
use core::ops::Range;
use rustix::{fs::FallocateFlags, io::Errno};
use std::{
    fs::{File, Permissions},
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};
use tempfile::TempPath;

/// Set-user-ID and set-group-ID.
const SET_ID: u32 = 0o6000;

/// A file in the directory of the target. It is removed on drop, unless it has got the target's name.
pub(crate) struct Destination {
    end: End,
    temporary: TempPath,
    directory: File,
    target: Target,
}

impl Destination {
    pub(crate) fn create(target: Target, direct: bool) -> Result<Self, Failure> {
        // It is needed at the end, for a sync. It is opened now so that an error comes now.
        let directory = File::open(&target.directory)
            .map_err(|error| Failure::io("open", &target.directory, error))?;
        let (file, temporary) = tempfile::Builder::new()
            .prefix(".copy-")
            .tempfile_in(&target.directory)
            .map_err(|error| Failure::io("create a file in", &target.directory, error))?
            .into_parts();
        Ok(Self { end: End::new(file, &target.path, direct), temporary, directory, target })
    }

    /// Gives the file its length, and allocates the space for what will be written. A full disk is then
    /// an error before the work begins, and the kernel need not extend the file within `io_submit`, which
    /// would block the program.
    ///
    /// Returns the number of bytes to be written.
    pub(crate) fn prepare(&self, source: &Source) -> Result<u64, Failure> {
        self.set_len(source.len())?;
        // The last direct write is padded. If the file is long enough for it, it need not extend it.
        let padded = source.len().checked_next_multiple_of(ALIGN_U64);
        let _extended = padded.map(|len| self.end.file().set_len(len));
        let mut data_bytes = 0;
        let mut can_allocate = !source.may_have_hidden_holes();
        for extent in source.extents() {
            let extent =
                extent.map_err(|error| Failure::io("find the holes of", source.path(), error))?;
            data_bytes += extent.end - extent.start;
            can_allocate = can_allocate && self.allocate(&extent)?;
        }
        Ok(data_bytes)
    }

    /// Gives the file its length and mode, and when all is on the disk, its name. Returns a note if
    /// something differs from the source.
    pub(crate) fn commit(self, source: &Source) -> Result<Option<String>, Failure> {
        self.set_len(source.len())?;
        let note = self.set_mode(source)?;
        self.end.file().sync_all().map_err(|error| self.failure("sync", error))?;
        source.check_unchanged()?;
        let Self { temporary, directory, target, .. } = self;
        temporary.persist(&target.path).map_err(|refused| {
            Failure::io("put the copy in place of", &target.path, refused.error)
        })?;
        match directory.sync_all() {
            // Some network file systems cannot sync a directory.
            Err(error) if error.kind() != io::ErrorKind::InvalidInput => Err(Failure::io(
                "make sure that the complete copy outlives a power failure: sync",
                &target.directory,
                error,
            )),
            _ => Ok(note),
        }
    }

    pub(crate) fn end(&self) -> &End {
        &self.end
    }

    /// The name that the file will have.
    pub(crate) fn path(&self) -> &Path {
        self.end.path()
    }

    fn set_len(&self, len: u64) -> Result<(), Failure> {
        let set = self.end.file().set_len(len);
        set.map_err(|error| Failure::at("write", self.path(), len, error))
    }

    /// Allocates space; `false` if the file system cannot.
    fn allocate(&self, extent: &Range<u64>) -> Result<bool, Failure> {
        let len = extent.end - extent.start;
        loop {
            let mode = FallocateFlags::empty();
            match rustix::fs::fallocate(self.end.file(), mode, extent.start, len) {
                Ok(()) => return Ok(true),
                Err(Errno::INTR) => {}
                Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => return Ok(false),
                Err(errno) => {
                    return Err(Failure::at("make room for", self.path(), extent.start, errno));
                }
            }
        }
    }

    /// Gives the file the mode bits of the source. If its owner or group differs, the set-ID bits are left
    /// out, because they would give the rights of another user. The note says so.
    fn set_mode(&self, source: &Source) -> Result<Option<String>, Failure> {
        let file = self.end.file();
        let own = file.metadata().map_err(|error| self.failure("look at", error))?;
        let owner = |meta: &std::fs::Metadata| (meta.uid(), meta.gid());
        let mut mode = source.meta().mode() & 0o7777;
        let mut note = None;
        if mode & SET_ID != 0 && owner(&own) != owner(source.meta()) {
            mode &= !SET_ID;
            note = Some(format!(
                "{:?} has another owner or group than the source, so the set-ID bits were left out",
                self.path()
            ));
        }
        file.set_permissions(Permissions::from_mode(mode))
            .map_err(|error| self.failure("set the mode of", error))?;
        Ok(note)
    }

    fn failure(&self, doing: &'static str, error: io::Error) -> Failure {
        Failure::io(doing, self.path(), error)
    }
}
