//! [`LoopDevice`]: a block device with a file behind it, which can be truncated.

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
/// The device is freed when it is closed.
const LO_FLAGS_AUTOCLEAR: u32 = 4;
/// Not through the page cache: on all kernels, reads beyond the end of the file fail.
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

/// A loop device that does direct I/O on the file behind it. The kernel frees it when this and all
/// files from [`open`](Self::open) are closed, also when the process is killed.
pub struct LoopDevice {
    /// Its number, `major:minor`, as cgroups and /sys have it.
    pub number: String,
    pub path: PathBuf,
    behind: File,
    _open: File,
}

impl LoopDevice {
    /// A device with this content. Prints why and returns `None` where there are no loop devices.
    pub fn new(content: &[u8]) -> Option<Self> {
        let behind = super::file_with(content);
        behind.sync_all().unwrap();
        Self::of(behind)
    }

    /// A device with this file behind it; otherwise like [`new`](Self::new).
    pub fn of(behind: File) -> Option<Self> {
        Self::with_sector(behind, 0)
    }

    /// A device with sectors of this size in bytes, or of the usual size if it is 0; otherwise like
    /// [`of`](Self::of).
    pub fn with_sector(behind: File, sector: u32) -> Option<Self> {
        Self::configure(behind, sector)
            .inspect_err(|error| skip(format!("no loop device: {error}")))
            .ok()
    }

    fn configure(behind: File, sector: u32) -> io::Result<Self> {
        let control = File::options().read(true).write(true).open("/dev/loop-control")?;
        let config = LoopConfig {
            fd: behind.as_raw_fd().cast_unsigned(),
            block_size: sector,
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
                // Another test has taken it.
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

    /// Opens the device for direct I/O.
    pub fn open(&self) -> File {
        let direct = rustix::fs::OFlags::DIRECT.bits().cast_signed();
        OpenOptions::new().read(true).write(true).custom_flags(direct).open(&self.path).unwrap()
    }

    /// Truncates the file behind the device: blocks beyond `len` are bad from now on.
    pub fn cut_off(&self, len: u64) {
        self.behind.set_len(len).unwrap();
    }

    /// The first `len` bytes of the file behind the device.
    pub fn content(&self, len: usize) -> Vec<u8> {
        let mut content = vec![0; len];
        self.behind.read_exact_at(&mut content, 0).unwrap();
        content
    }
}

fn checked(answer: i32) -> io::Result<i32> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}
