//! [`OwnedFd`]: a descriptor that the library owns.

use crate::{
    sys,
    types::{Errno, Fd},
};

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
