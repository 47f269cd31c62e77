//! File descriptors that are open for as long as a lifetime.

use core::{fmt, marker::PhantomData};

/// An open file descriptor, borrowed for `'fd`.
///
/// With the feature `std` it comes from a reference to anything that is `AsFd`: a `File`, a
/// socket, an `OwnedFd`. Without, [`from_raw`](Self::from_raw) is the way in.
///
/// # Invariants
///
/// The descriptor stays open and keeps its meaning for `'fd` (I/O safety, RFC 3128).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Fd<'fd> {
    raw: i32,
    open: PhantomData<&'fd ()>,
}

impl Fd<'_> {
    /// Borrows a descriptor by its number.
    ///
    /// # Safety
    ///
    /// 1. `raw` is open, and stays open for the lifetime that the caller gives to the result.
    /// 2. The caller may let others read and write through it for as long.
    #[must_use]
    pub const unsafe fn from_raw(raw: i32) -> Self {
        Self { raw, open: PhantomData }
    }

    /// The number.
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        self.raw
    }
}

impl fmt::Debug for Fd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fd").field(&self.raw).finish()
    }
}

#[cfg(feature = "std")]
impl<'fd, F: std::os::fd::AsFd + ?Sized> From<&'fd F> for Fd<'fd> {
    fn from(file: &'fd F) -> Self {
        file.as_fd().into()
    }
}

#[cfg(feature = "std")]
impl<'fd> From<std::os::fd::BorrowedFd<'fd>> for Fd<'fd> {
    fn from(fd: std::os::fd::BorrowedFd<'fd>) -> Self {
        use std::os::fd::AsRawFd as _;
        Self { raw: fd.as_raw_fd(), open: PhantomData }
    }
}
