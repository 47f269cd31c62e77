//! [`OwnFd`]: a file descriptor of the library's own.

use crate::{errno::Errno, fd::Fd, sys};

/// A file descriptor that is closed when this is dropped.
///
/// # Invariants
///
/// It is open, and nobody else closes it.
#[derive(Debug)]
pub(crate) struct OwnFd(i32);

impl OwnFd {
    /// Another descriptor for the same open file, closed on exec.
    ///
    /// # Errors
    ///
    /// `EMFILE`.
    pub(crate) fn duplicate(fd: Fd<'_>) -> Result<Self, Errno> {
        sys::duplicate(fd.as_raw()).map(Self)
    }

    /// The number.
    pub(crate) const fn as_raw(&self) -> i32 {
        self.0
    }
}

impl Drop for OwnFd {
    fn drop(&mut self) {
        // SAFETY: the invariant; this is the last use.
        unsafe { sys::close(self.0) };
    }
}
