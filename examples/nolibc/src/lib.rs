//! What a program needs without a C library: the entry point, its arguments, the memory functions that the
//! compiler calls, `exit`, and output.

#![no_std]

mod memory;
mod output;
mod panic;
mod start;

pub use output::{Line, stderr, stdout, write};
pub use start::{Args, begin, exit};

use rustix::{
    fd::{AsFd, AsRawFd, OwnedFd},
    fs::{OFlags, fcntl_setfl},
};

/// A file of rustix, for the crate. `linux_aio` does not depend on rustix, so there is no conversion.
#[must_use]
pub fn fd(file: &OwnedFd) -> linux_aio::Fd<'_> {
    // SAFETY: an `OwnedFd` is open for as long as it is borrowed, and nothing else owns it.
    unsafe { linux_aio::Fd::from_raw(file.as_raw_fd()) }
}

/// An error number of rustix, as one of the crate, which has names and meanings.
#[must_use]
pub fn errno(error: rustix::io::Errno) -> linux_aio::Errno {
    linux_aio::Errno::from_raw(error.raw_os_error()).unwrap_or(linux_aio::Errno::EIO)
}

/// Turns direct I/O on or off. Only direct transfers are asynchronous. Returns whether the file system
/// supports it.
pub fn set_direct(file: impl AsFd, direct: bool) -> bool {
    let flags = if direct { OFlags::DIRECT } else { OFlags::empty() };
    fcntl_setfl(file, flags).is_ok()
}
