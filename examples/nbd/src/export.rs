//! The file or block device that is exported, and what is done with it by calls that wait.
//!
//! Native AIO reads, writes and syncs. It can neither make holes nor zero a range: `fallocate` does
//! that, for files and for block devices. The call takes as long as the file system or the device
//! needs, and the only thread waits. So it is called for at most [`CHUNK`] bytes at a time, and
//! between two calls the server looks after all clients.

use crate::geometry::Geometry;
use linux_aio::direct::Alignment;
use rustix::fs::{
    FallocateFlags, FileType, FlockOperation, Mode, OFlags, SeekFrom, fallocate, fdatasync, flock,
    open, seek,
};
use rustix::io::Errno;
use std::{io, ops::Range, os::fd::OwnedFd, path::Path, rc::Rc};

/// How many bytes one call zeroes or frees.
pub const CHUNK: u64 = 64 << 20;

/// An open file or block device.
#[derive(Debug)]
pub struct Export {
    /// The descriptor, open with `O_DIRECT`. Requests in a batch share it.
    pub file: Rc<OwnedFd>,
    /// Size and alignment.
    pub geometry: Geometry,
    /// How many bytes at the end are not exported, because they are no whole block.
    pub left_over: u64,
    punch: Ability,
    zero: Ability,
}

/// Whether the file system or device can do something. It is believed to until it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ability {
    Assumed,
    Missing,
}

impl Export {
    /// Opens a file or block device for direct I/O, and locks it against other servers.
    ///
    /// A block device is opened exclusively for writing: this fails with `EBUSY` if it is mounted.
    ///
    /// # Errors
    ///
    /// An error with a message that says what to do.
    pub fn open(path: &Path, read_only: bool) -> io::Result<Self> {
        let mut flags = OFlags::DIRECT | OFlags::CLOEXEC;
        flags |= if read_only { OFlags::RDONLY } else { OFlags::RDWR };
        let kind = FileType::from_raw_mode(rustix::fs::stat(path)?.st_mode);
        match kind {
            FileType::RegularFile => {}
            FileType::BlockDevice if read_only => {}
            // Without O_CREAT, this is about block devices only.
            FileType::BlockDevice => flags |= OFlags::EXCL,
            _ => return Err(io::Error::other("it is neither a regular file nor a block device")),
        }
        let file = open(path, flags, Mode::empty()).map_err(|errno| explain(errno, kind))?;
        let lock = if read_only {
            FlockOperation::NonBlockingLockShared
        } else {
            FlockOperation::NonBlockingLockExclusive
        };
        flock(&file, lock).map_err(|errno| match errno {
            Errno::WOULDBLOCK => io::Error::other("another program has locked it (flock)"),
            other => other.into(),
        })?;
        let end = seek(&file, SeekFrom::End(0))?;
        // (The memory of blocks is aligned to pages.)
        let alignment = Alignment::of(&file).map_err(io::Error::other)?;
        let align = u32::try_from(alignment.offset().max(512)).unwrap_or(u32::MAX);
        if align > 4096 {
            return Err(io::Error::other(format!("its blocks of {align} bytes are too large")));
        }
        let size = end - end % u64::from(align);
        Ok(Self {
            file: Rc::new(file),
            geometry: Geometry { size, align, read_only },
            left_over: end - size,
            punch: Ability::Assumed,
            zero: Ability::Assumed,
        })
    }

    /// Frees the blocks of a range, which then reads as zeros. Returns `false` if the file system
    /// or device cannot do that.
    ///
    /// # Errors
    ///
    /// The errno of `fallocate`.
    pub fn punch(&mut self, range: Range<u64>) -> Result<bool, Errno> {
        let mode = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        allocate(&self.file, mode, range, &mut self.punch)
    }

    /// Zeroes a range, which stays allocated. Returns `false` if the file system or device cannot do
    /// that.
    ///
    /// # Errors
    ///
    /// The errno of `fallocate`.
    pub fn zero(&mut self, range: Range<u64>) -> Result<bool, Errno> {
        let mode = FallocateFlags::ZERO_RANGE | FallocateFlags::KEEP_SIZE;
        allocate(&self.file, mode, range, &mut self.zero)
    }

    /// Whether a range can be zeroed, with or without a hole.
    #[must_use]
    pub fn can_zero(&self, no_hole: bool) -> bool {
        self.zero == Ability::Assumed || !no_hole && self.punch == Ability::Assumed
    }

    /// Transfers what was written to stable storage, and waits.
    ///
    /// # Errors
    ///
    /// The errno of `fdatasync`.
    pub fn sync(&self) -> Result<(), Errno> {
        fdatasync(&self.file)
    }
}

/// Calls `fallocate`, unless it is known to be useless.
fn allocate(
    file: &OwnedFd,
    mode: FallocateFlags,
    range: Range<u64>,
    ability: &mut Ability,
) -> Result<bool, Errno> {
    if range.is_empty() {
        return Ok(true);
    }
    if *ability == Ability::Missing {
        return Ok(false);
    }
    loop {
        match fallocate(file, mode, range.start, range.end - range.start) {
            Ok(()) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                *ability = Ability::Missing;
                return Ok(false);
            }
            Err(errno) => return Err(errno),
        }
    }
}

/// Says why a file cannot be opened.
fn explain(errno: Errno, kind: FileType) -> io::Error {
    match (errno, kind) {
        (Errno::INVAL, _) => {
            io::Error::other("its file system does not support direct I/O (O_DIRECT)")
        }
        (Errno::BUSY, FileType::BlockDevice) => io::Error::other(
            "the device is mounted or otherwise in use: unmount it, or use --read-only",
        ),
        (other, _) => other.into(),
    }
}
