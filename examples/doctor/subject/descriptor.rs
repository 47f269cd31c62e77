//! How a file is open, if the path is that of a descriptor: `/proc/PID/fd/N`, `/dev/fd/N`.

use crate::diagnosis::{Access, Descriptor};
use rustix::fs::OFlags;
use std::{fs, path::Path};

/// The flags of the open file.
pub(crate) fn of(path: &Path) -> Option<Descriptor> {
    let link;
    let path = if path.parent() == Some(Path::new("/dev")) {
        link = fs::read_link(path).ok()?; // /dev/stdin
        &link
    } else {
        path
    };
    let number = path.file_name()?.to_str()?.parse::<u32>().ok()?;
    let directory = fs::canonicalize(path.parent()?).ok()?;
    if !directory.starts_with("/proc") || directory.file_name()? != "fd" {
        return None;
    }
    let info = directory.parent()?.join("fdinfo").join(number.to_string());
    flags(&fs::read_to_string(info).ok()?)
}

/// Reads the line `flags:`, which has an octal number.
fn flags(info: &str) -> Option<Descriptor> {
    let octal = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
    let flags = OFlags::from_bits_retain(u32::from_str_radix(octal.trim(), 8).ok()?);
    let access = match flags & OFlags::ACCMODE {
        OFlags::RDWR => Access::ReadWrite,
        OFlags::WRONLY => Access::Write,
        _ => Access::Read,
    };
    Some(Descriptor {
        access,
        direct: flags.contains(OFlags::DIRECT),
        append: flags.contains(OFlags::APPEND),
    })
}
