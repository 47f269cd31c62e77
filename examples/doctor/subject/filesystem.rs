//! The file system of a file.

use crate::diagnosis::Filesystem;
use std::fs;

/// The file system of the mount with this number.
pub(crate) fn of_mount(id: u64) -> Option<Filesystem> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    mounts.lines().find_map(|line| parse(line, id))
}

/// Parses a line of mountinfo, if it is that of the mount with this number. See `proc_pid_mountinfo(5)`.
///
/// The line has the number of the mount, that of its parent, the device, the root of the mount, the mount
/// point, the options, optional fields, ` - `, the type of file system, the source, and more options.
fn parse(line: &str, id: u64) -> Option<Filesystem> {
    let (mount, file_system) = line.split_once(" - ")?;
    let mut mount = mount.split(' ');
    if mount.next()?.parse() != Ok(id) {
        return None;
    }
    let (at, flags) = (mount.nth(3)?, mount.next()?);
    let mut file_system = file_system.split(' ');
    let (kind, source) = (file_system.next()?, file_system.next()?);
    // Both lists begin with `rw` or `ro`.
    let more = file_system.next().and_then(|options| options.split_once(','));
    let options = more.map_or_else(|| flags.to_owned(), |(_, more)| format!("{flags},{more}"));
    Some(Filesystem {
        kind: kind.to_owned(),
        mounted_at: at.replace("\\040", " "),
        source: source.replace("\\040", " "),
        options,
    })
}
