//! [`OwnedFd`]: a descriptor that the library owns.

use crate::{
    sys,
    types::{Errno, Fd},
};
use core::time::Duration;

/// A file descriptor that is closed when the value is dropped.
///
/// # Invariants
///
/// The descriptor is open, and no other code closes it.
#[derive(Debug)]
pub(crate) struct OwnedFd(i32);

impl OwnedFd {
    /// Makes another descriptor for the same open file, closed on exec.
    ///
    /// # Errors
    ///
    /// `EMFILE`.
    pub(crate) fn duplicate(fd: Fd<'_>) -> Result<Self, Errno> {
        sys::duplicate(fd.as_raw()).map(Self)
    }

    /// Makes an eventfd with a counter of 0, non-blocking and closed on exec.
    ///
    /// # Errors
    ///
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub(crate) fn eventfd() -> Result<Self, Errno> {
        sys::make_eventfd().map(Self)
    }

    /// Takes the counter of an eventfd: returns it and sets it to 0. Errors count as 0.
    pub(crate) fn take_counter(&self) -> u64 {
        sys::take_counter(self.0).unwrap_or(0)
    }

    /// Waits until an eventfd's counter is not 0, the timeout expires, or a signal arrives.
    ///
    /// # Errors
    ///
    /// Those of a sandbox.
    pub(crate) fn wait_readable(&self, timeout: Option<Duration>) -> Result<(), Errno> {
        match sys::wait_readable(self.0, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Adds 1 to the counter of an eventfd. Errors are ignored.
    #[cold]
    pub(crate) fn add_one(&self) {
        let _written = sys::write(self.0, &1_u64.to_ne_bytes());
    }

    /// Returns the number of the descriptor.
    pub(crate) const fn as_raw(&self) -> i32 {
        self.0
    }
}

impl Drop for OwnedFd {
    fn drop(&mut self) {
        // SAFETY: this value owns the descriptor, which is open (invariant), and does not use it
        // again.
        unsafe { sys::close(self.0) };
    }
}
