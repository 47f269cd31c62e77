//! What a program needs from somewhere when there is no C library: a start, its arguments, the
//! memory functions that the compiler calls, an end, and a way to say something.

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

/// A file as the crate wants it.
///
/// Without std there is no conversion: `linux_aio` does not depend on rustix.
#[must_use]
pub fn fd(file: &OwnedFd) -> linux_aio::Fd<'_> {
    // SAFETY: an `OwnedFd` is open for as long as it is borrowed, and is nobody else's.
    unsafe { linux_aio::Fd::from_raw(file.as_raw_fd()) }
}

/// An error number of rustix, as one of the crate, which knows its name and meaning.
#[must_use]
pub fn errno(error: rustix::io::Errno) -> linux_aio::Errno {
    linux_aio::Errno::from_raw(error.raw_os_error()).unwrap_or(linux_aio::Errno::EIO)
}

/// Makes transfers go to the disk directly, which is what makes them asynchronous. Answers whether
/// the file system can do that.
pub fn set_direct(file: impl AsFd, direct: bool) -> bool {
    let flags = if direct { OFlags::DIRECT } else { OFlags::empty() };
    fcntl_setfl(file, flags).is_ok()
}
