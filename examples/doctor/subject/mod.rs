//! What the path is: the file, its file system, its device, and where its data is.

mod alignment;
mod descriptor;
mod device;
mod extents;
mod filesystem;
mod page_cache;

pub(crate) use alignment::examine as examine_alignment;

use crate::diagnosis::{Kind, Subject};
use core::ops::Range;
use rustix::{
    fs::{AtFlags, CWD, OFlags, StatxFlags},
    io::Errno,
};
use std::{
    fs::{self, File, Metadata, OpenOptions},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// A path that was examined.
pub(crate) struct Found {
    pub(crate) subject: Subject,
    /// A regular file or block device, open for reading.
    pub(crate) file: Option<File>,
    /// Where the file has data.
    pub(crate) data: Vec<Range<u64>>,
    /// Where a scratch file may be made, or why there is no such place.
    pub(crate) directory: Result<PathBuf, String>,
}

/// Examines a path.
///
/// # Errors
///
/// A message, if the path does not exist or cannot be read.
pub(crate) fn examine(path: &Path) -> Result<Found, String> {
    let cannot_look = |error| format!("cannot look at {path:?}: {error}");
    let meta = fs::metadata(path).map_err(cannot_look)?;
    let kind = kind(&meta);
    let descriptor = descriptor::of(path);
    let mount = mount_id(path);
    let subject = Subject {
        kind,
        size_bytes: meta.len(),
        allocated_bytes: meta.blocks().saturating_mul(512),
        first_hole: None,
        grown_bytes: 0,
        descriptor,
        filesystem: mount.and_then(filesystem::of_mount),
        device: device::of(if kind == Kind::BlockDevice { meta.rdev() } else { meta.dev() }),
        alignment: None,
        without_direct_io: false,
        page_cache: None,
    };
    let directory = match kind {
        Kind::Directory => Ok(path.to_owned()),
        Kind::File if descriptor.is_some() => of_descriptor(path, mount),
        Kind::File => parent(path).map_err(|error| format!("its directory is unknown: {error}")),
        _ => Err("it is not a file on a file system".into()),
    };
    let mut found = Found { subject, file: None, data: Vec::new(), directory };
    if matches!(kind, Kind::File | Kind::BlockDevice) {
        found.read(path)?;
    }
    Ok(found)
}

impl Found {
    /// Opens the file for reading, and finds its data and its alignment.
    fn read(&mut self, path: &Path) -> Result<(), String> {
        let or_directory = match self.subject.kind {
            Kind::File => ", or pass its directory",
            _ => "",
        };
        let file = open(path).map_err(|error| {
            format!("cannot read {path:?}: {error}: run this as a user who may{or_directory}")
        })?;
        let subject = &mut self.subject;
        if subject.kind == Kind::BlockDevice {
            let end = rustix::fs::seek(&file, rustix::fs::SeekFrom::End(0));
            subject.size_bytes =
                end.map_err(|errno| format!("cannot find the end of {path:?}: {errno}"))?;
            self.data.extend((subject.size_bytes > 0).then_some(0..subject.size_bytes));
        } else {
            (self.data, subject.first_hole) = extents::of(&file, subject.size_bytes);
        }
        alignment::examine(subject, &file);
        subject.page_cache = page_cache::of_file(&file);
        self.file = Some(file);
        Ok(())
    }
}

/// Opens a file for reading, without a change of its access time where that is allowed.
fn open(path: &Path) -> std::io::Result<File> {
    let open = |flags: OFlags| {
        OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
    };
    match open(OFlags::NOATIME | OFlags::NONBLOCK) {
        Err(error) if error.raw_os_error() == Some(Errno::PERM.raw_os_error()) => {
            open(OFlags::NONBLOCK)
        }
        result => result,
    }
}

fn kind(meta: &Metadata) -> Kind {
    let kind = meta.file_type();
    if kind.is_file() {
        Kind::File
    } else if kind.is_dir() {
        Kind::Directory
    } else if kind.is_block_device() {
        Kind::BlockDevice
    } else if kind.is_char_device() {
        Kind::CharacterDevice
    } else if kind.is_fifo() {
        Kind::Pipe
    } else if kind.is_socket() {
        Kind::Socket
    } else {
        Kind::Other
    }
}

/// The number of the mount that has a path (since Linux 5.8).
fn mount_id(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statx(CWD, path, AtFlags::empty(), StatxFlags::MNT_ID).ok()?;
    (stat.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(stat.stx_mnt_id)
}

/// The directory of a file, with symbolic links resolved.
fn parent(path: &Path) -> std::io::Result<PathBuf> {
    let path = fs::canonicalize(path)?;
    Ok(path.parent().unwrap_or(&path).to_owned())
}

/// The directory of a file that is given as a descriptor: the file may have no name any more.
fn of_descriptor(path: &Path, mount: Option<u64>) -> Result<PathBuf, String> {
    let unknown = || "the directory of this descriptor's file is unknown".to_owned();
    let mut name = fs::read_link(path).map_err(|_| unknown())?;
    if name.starts_with("/proc") {
        name = fs::read_link(&name).map_err(|_| unknown())?; // /dev/stdin
    }
    let directory = name.parent().ok_or_else(unknown)?;
    if mount.is_none() || mount_id(directory) != mount {
        return Err(unknown());
    }
    Ok(directory.to_owned())
}
