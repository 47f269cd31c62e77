//! The system calls for the eventfd of a driver.

use super::linux::{LOWEST, duplicate};
use crate::{
    abi::Timespec,
    types::{Errno, cast, errno::decode},
};
use core::time::Duration;
use sc::nr;

/// Makes an eventfd with a counter of 0, non-blocking and closed on exec.
///
/// # Errors
///
/// `EMFILE`, `ENFILE`, `ENOMEM`; `EBADF` if a sandbox returned a number without making a
/// descriptor.
pub(crate) fn make_eventfd() -> Result<i32, Errno> {
    const CLOEXEC_NONBLOCK: usize = 0o2_000_000 | 0o4_000; // EFD_CLOEXEC | EFD_NONBLOCK
    // SAFETY: no memory is passed, and the kernel returns a number that no other code uses.
    let made = decode(unsafe { sc::syscall2(nr::EVENTFD2, 0, CLOEXEC_NONBLOCK) })?;
    if made >= LOWEST {
        return Ok(cast::to_i32(made));
    }
    // A standard stream is closed, or a sandbox has made nothing.
    duplicate(cast::to_i32(made))
}

/// Takes the counter of an eventfd: returns it and sets it to 0.
///
/// # Errors
///
/// `EAGAIN` if it is 0.
pub(crate) fn take_counter(fd: i32) -> Result<u64, Errno> {
    let mut count = 0_u64;
    let address = (&raw mut count).expose_provenance();
    // SAFETY: the kernel writes at most 8 bytes, to a local variable of this size.
    decode(unsafe { sc::syscall3(nr::READ, cast::from_i32(fd), address, size_of::<u64>()) })?;
    Ok(count)
}

/// Waits until a file is readable or the timeout expires. Returns whether it is readable.
///
/// # Errors
///
/// `EINTR`; the errno of a sandbox.
pub(crate) fn wait_readable(fd: i32, timeout: Option<Duration>) -> Result<bool, Errno> {
    /// `struct pollfd`.
    #[repr(C)]
    struct PollFd {
        fd: i32,
        events: i16,
        revents: i16,
    }
    const _: () = assert!(size_of::<PollFd>() == 8);
    const POLLIN: i16 = 1;
    let mut file = PollFd { fd, events: POLLIN, revents: 0 };
    let mut timespec = timeout.map(Timespec::from);
    let timeout = timespec.as_mut().map_or(0, |span| core::ptr::from_mut(span).expose_provenance());
    let file_at = (&raw mut file).expose_provenance();
    // SAFETY: the kernel reads and writes one `struct pollfd`, and a timespec or none, in local
    // variables. The signal mask is null.
    let ready =
        decode(unsafe { sc::syscall5(nr::PPOLL, file_at, 1, timeout, 0, size_of::<u64>()) })?;
    Ok(ready > 0)
}
