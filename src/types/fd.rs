//! [`Fd`]: a file descriptor that is open for as long as it is needed.

use core::{fmt, marker::PhantomData};

/// An open file descriptor, borrowed for `'fd`.
///
/// With the feature `std`, a reference to any type that is `AsFd` (a `File`, a socket, an
/// `OwnedFd`) converts to an `Fd`. Without `std`, [`from_raw`](Self::from_raw) makes one from a
/// number.
///
/// ```
/// use linux_aio::Fd;
/// use std::os::fd::AsRawFd as _;
///
/// # fn main() -> std::io::Result<()> {
/// let file = std::fs::File::open("/dev/null")?;
/// let fd = Fd::from(&file);
/// assert_eq!(fd.as_raw(), file.as_raw_fd());
/// // SAFETY: (1) the file is open until the end of this block; (2) it is that of this program.
/// let same = unsafe { Fd::from_raw(file.as_raw_fd()) };
/// assert_eq!(same, fd);
/// # Ok(())
/// # }
/// ```
///
/// # Invariants
///
/// The descriptor stays open and refers to the same file for as long as `'fd` is used (I/O safety,
/// RFC 3128).
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
    /// 1. `raw` is open, and stays open until every request that is made with the result was
    ///    submitted or dropped. (A request in a batch that is leaked is never submitted.) The
    ///    functions that take the descriptor for one call need it open until they return.
    /// 2. The caller is allowed to give others access to the file by this descriptor.
    #[must_use]
    pub const unsafe fn from_raw(raw: i32) -> Self {
        Self { raw, open: PhantomData }
    }

    /// Returns the number of the descriptor.
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
