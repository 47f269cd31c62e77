//! [`FileKind`]: the kind of a file.

use super::statx::Statx;
use crate::sys;

/// The type of a file, in its mode.
const S_IFMT: u16 = 0o170_000;
pub(super) const S_IFREG: u16 = 0o100_000;
pub(super) const S_IFBLK: u16 = 0o060_000;

/// The kind of a file: it decides which operations a probe may try on the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// A regular file of a file system that stores data.
    Regular,
    /// A block device.
    BlockDevice,
    /// Any other file. Files of /proc, /sys and similar file systems are in this kind too, because
    /// even an empty write to them may have an effect.
    Other,
}

impl FileKind {
    /// Returns the kind of an open file, or [`Other`](Self::Other) if a call fails.
    pub(crate) fn get(fd: i32) -> Self {
        match (sys::statx(fd, Statx::TYPE), sys::statfs(fd)) {
            (Ok(statx), Ok(statfs)) => Self::of(statx.mode, statfs.magic),
            _ => Self::Other,
        }
    }

    /// Returns the kind of a file with this `stx_mode` on a file system with this `f_type`.
    pub(crate) fn of(mode: u16, filesystem: u64) -> Self {
        // proc, sysfs, debugfs, tracefs, cgroup, cgroup2, bpf, configfs, securityfs, selinux,
        // efivarfs.
        const WITHOUT_DATA: [u64; 11] = [
            0x9fa0,
            0x6265_6572,
            0x6462_6720,
            0x7472_6163,
            0x0027_e0eb,
            0x6367_7270,
            0xcafe_4a11,
            0x6265_6570,
            0x7363_6673,
            0xf97c_ff8c,
            0xde5e_81e4,
        ];
        match mode & S_IFMT {
            _ if WITHOUT_DATA.contains(&filesystem) => Self::Other,
            S_IFREG => Self::Regular,
            S_IFBLK => Self::BlockDevice,
            _ => Self::Other,
        }
    }
}
