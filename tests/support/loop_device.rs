//! A block device of our own, which can be cut off.

use super::skip;
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::{
        fd::AsRawFd as _,
        unix::fs::{FileExt as _, OpenOptionsExt as _},
    },
    path::PathBuf,
};

const LOOP_CONFIGURE: u32 = 0x4c0a;
const LOOP_CTL_GET_FREE: u32 = 0x4c82;
/// The device is free again when nobody has it open.
const LO_FLAGS_AUTOCLEAR: u32 = 4;
/// Not through the page cache: where the file ends, reads fail, on all kernels.
const LO_FLAGS_DIRECT_IO: u32 = 16;

/// `struct loop_config` of linux/loop.h, as far as it is used here.
#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    unused: [u32; 13],
    lo_flags: u32,
    rest: [u32; 60],
}

/// A loop device with a file behind it, direct I/O all the way down. It is gone when the last of
/// this and what [`open`](Self::open) gave is dropped, also if that is because the process dies.
pub struct LoopDevice {
    /// As cgroups and /sys name it.
    pub number: String,
    pub path: PathBuf,
    behind: File,
    _open: File,
}

impl LoopDevice {
    /// `None`, and loud, where there are none.
    pub fn new(content: &[u8]) -> Option<Self> {
        let behind = super::file_with(content);
        behind.sync_all().unwrap();
        Self::of(behind)
    }

    /// A device with this file behind it.
    pub fn of(behind: File) -> Option<Self> {
        Self::configure(behind)
            .inspect_err(|error| skip(format!("no loop device to be had: {error}")))
            .ok()
    }

    fn configure(behind: File) -> io::Result<Self> {
        let control = File::options().read(true).write(true).open("/dev/loop-control")?;
        let config = LoopConfig {
            fd: behind.as_raw_fd().cast_unsigned(),
            block_size: 0,
            unused: [0; 13],
            lo_flags: LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO,
            rest: [0; 60],
        };
        loop {
            // SAFETY: an ioctl without an argument.
            let free = unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE as _) };
            let free = checked(free)?;
            let path = PathBuf::from(format!("/dev/loop{free}"));
            let device = File::options().read(true).write(true).open(&path)?;
            // SAFETY: the ioctl reads a `struct loop_config`.
            let set =
                unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CONFIGURE as _, &raw const config) };
            match checked(set) {
                // Another test has got it.
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
                result => {
                    result?;
                    let number = fs::read_to_string(format!("/sys/block/loop{free}/dev"))?;
                    let number = number.trim().to_owned();
                    return Ok(Self { number, path, behind, _open: device });
                }
            }
        }
    }

    /// The device, for direct I/O.
    pub fn open(&self) -> File {
        let direct = rustix::fs::OFlags::DIRECT.bits().cast_signed();
        OpenOptions::new().read(true).write(true).custom_flags(direct).open(&self.path).unwrap()
    }

    /// Whatever lies beyond has bad blocks from now on.
    pub fn cut_off(&self, len: u64) {
        self.behind.set_len(len).unwrap();
    }

    /// What lies there.
    pub fn content(&self, len: usize) -> Vec<u8> {
        let mut content = vec![0; len];
        self.behind.read_exact_at(&mut content, 0).unwrap();
        content
    }
}

fn checked(answer: i32) -> io::Result<i32> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}
