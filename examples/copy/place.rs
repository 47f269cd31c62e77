//! The directory of the demonstration.

use crate::failure::Failure;
use rustix::{
    fs::{fstatvfs, statfs},
    io::Errno,
};
use std::{env, fs::File, path::Path};
use tempfile::TempDir;

/// A directory, which is removed on drop.
pub(crate) struct Place {
    pub(crate) dir: TempDir,
    /// Whether its files are in memory only.
    pub(crate) is_memory: bool,
}

/// Makes a directory in the temporary directory, which must have space for two files of `mib` MiB.
pub(crate) fn make(mib: u64) -> Result<Place, Failure> {
    let temp = env::temp_dir();
    if temp.as_os_str().is_empty() {
        return Err(Failure::unfit(
            &temp,
            "is TMPDIR: set it to a directory on a disk, or unset it",
        ));
    }
    let cannot_make = |error| Failure::io("make a directory in", &temp, error);
    check_space(&temp, mib.saturating_mul(2))?;
    let dir =
        tempfile::Builder::new().prefix("copy-demo-").tempdir_in(&temp).map_err(cannot_make)?;
    Ok(Place { is_memory: is_memory(dir.path()), dir })
}

/// Says what to do if there was not enough space after all, because other programs write, too.
pub(crate) fn explain_full(failure: Failure, mib: u64) -> Failure {
    match failure {
        Failure::Io { error, .. } if error.raw_os_error().is_some_and(is_full) => Failure::unfit(
            &env::temp_dir(),
            format!(
                "has become full: {error}. The demonstration needs {} MiB: set TMPDIR to another \
                 directory, or give a smaller --size",
                mib.saturating_mul(2)
            ),
        ),
        failure => failure,
    }
}

/// Whether an errno means that there is no space.
fn is_full(errno: i32) -> bool {
    [Errno::NOSPC, Errno::DQUOT].map(Errno::raw_os_error).contains(&errno)
}

/// Fails unless there is space for so many MiB.
fn check_space(temp: &Path, needed_mib: u64) -> Result<(), Failure> {
    let failure = |error| Failure::io("make a directory in", temp, error);
    let directory = File::open(temp).map_err(failure)?;
    let space = fstatvfs(&directory).map_err(|errno| failure(errno.into()))?;
    let free_mib = space.f_bavail.saturating_mul(space.f_frsize) >> 20;
    if free_mib >= needed_mib {
        return Ok(());
    }
    Err(Failure::unfit(
        temp,
        format!(
            "has {free_mib} MiB free, and the demonstration needs {needed_mib}: set TMPDIR to another \
             directory, or give a smaller --size"
        ),
    ))
}

/// Whether a directory is on a file system in memory.
fn is_memory(dir: &Path) -> bool {
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58f6;
    let kind = statfs(dir).ok().and_then(|statfs| u64::try_from(statfs.f_type).ok());
    matches!(kind, Some(TMPFS | RAMFS))
}
