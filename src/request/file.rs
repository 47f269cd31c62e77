//! [`IntoFile`]: a file for a request, borrowed or owned.

use crate::types::Fd;
use core::{fmt, marker::PhantomData};
use heapless::Vec;

/// A file for a [`Request`](super::Request): borrowed or owned.
///
/// | argument | stored in the request |
/// |---|---|
/// | `&File`, `&OwnedFd`, a reference to any type that is `AsFd`; `BorrowedFd`; [`Fd`] | [`Borrowed`], which takes no memory: the borrow checker keeps the file open |
/// | `File`, `OwnedFd`, `Arc<F>`, `Rc<F>`, `Box<F>` with `F: AsFd` | the value itself |
/// | [`RawFile<F>`]: a number, and the value that keeps it open | `F` |
///
/// The kernel needs the file until `io_submit` returns. Then the owner is dropped, so a `File` that
/// a request owns is closed. To use the file afterwards, pass an `Arc<File>`.
///
/// A `&Arc<File>` is a reference, and borrows: for an owned file pass a clone of the `Arc`. Requests
/// for several types of files go through one batch as `Arc<dyn AsFd>`.
///
/// ```
/// use linux_aio::{Batch, Borrowed, Fd, IntoFile, PageBuf, Request};
/// use std::{fs::File, sync::Arc};
///
/// /// Makes a request for any kind of file.
/// fn header<F>(file: impl IntoFile<Owner = F>) -> Result<Request<F, PageBuf>, linux_aio::Error> {
///     Ok(Request::read(file, PageBuf::new(4096)?, 0))
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let file = Arc::new(File::open("/proc/self/exe")?);
/// let mut borrowed = Batch::<Borrowed<'_>, PageBuf, (), 2>::new();
/// borrowed.push(header(&*file)?)?;
/// borrowed.push(header(Fd::from(&*file))?)?;
/// let mut owned = Batch::<Arc<File>, PageBuf, (), 1>::new();
/// owned.push(header(Arc::clone(&file))?)?;
///
/// let (_number, owner) = Arc::clone(&file).into_file(); // what a request keeps
/// assert_eq!(Arc::strong_count(&owner), 3);
/// # Ok(())
/// # }
/// ```
///
/// # Safety
///
/// The number that [`into_file`](Self::into_file) returns is an open descriptor. It stays open and
/// refers to the same file for as long as the owner is neither dropped nor borrowed mutably,
/// however it is moved. (For an owner that holds a borrow: within its lifetime.)
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a file for a request",
    label = "not a file for a request"
)]
#[cfg_attr(
    not(feature = "std"),
    diagnostic::on_unimplemented(
        note = "`&File`, `Arc<File>`, `&OwnedFd` and other types of `std` need the feature `std`: linux-aio = {{ version = \"0.1\", features = [\"std\"] }}",
        note = "without `std`, files are `Fd::from_raw(number)` and `RawFile::new(number, owner)`"
    )
)]
#[cfg_attr(
    feature = "std",
    diagnostic::on_unimplemented(
        note = "files are `&F`, `Arc<F>`, `Rc<F>` and `Box<F>` with `F: AsFd`, `File`, `OwnedFd`, `BorrowedFd`, `Fd` and `RawFile`",
        note = "for another type that owns a descriptor, implement `AsFd` and pass `&value`"
    )
)]
pub unsafe trait IntoFile {
    /// The value that keeps the file open.
    type Owner;

    /// Returns the descriptor's number, and the value that keeps the descriptor open.
    fn into_file(self) -> (i32, Self::Owner);
}

/// The owner for a file that is borrowed for `'fd`. It takes no memory.
#[derive(Clone, Copy, Debug)]
pub struct Borrowed<'fd>(PhantomData<Fd<'fd>>);

// SAFETY: the descriptor is open within `'fd` (invariant of `Fd`), which is a lifetime of the
// owner.
unsafe impl<'fd> IntoFile for Fd<'fd> {
    type Owner = Borrowed<'fd>;

    fn into_file(self) -> (i32, Self::Owner) {
        (self.as_raw(), Borrowed(PhantomData))
    }
}

/// The number of a descriptor, with the value that keeps the descriptor open: for types that are
/// not `AsFd`, and for programs without `std`.
///
/// ```
/// use linux_aio::{PageBuf, RawFile, Request};
/// use std::{os::fd::{AsRawFd, IntoRawFd, OwnedFd, FromRawFd}, rc::Rc};
///
/// /// A type of another library, which closes its descriptor when it is dropped.
/// struct Device(i32);
///
/// impl Drop for Device {
///     fn drop(&mut self) {
///         // SAFETY: the value owns the descriptor.
///         drop(unsafe { OwnedFd::from_raw_fd(self.0) });
///     }
/// }
///
/// # fn main() -> std::io::Result<()> {
/// let device = Rc::new(Device(std::fs::File::open("/dev/zero")?.into_raw_fd()));
/// // SAFETY: (1) the descriptor is open as long as the `Rc` exists; (2) it is that of this program.
/// let file = unsafe { RawFile::new(device.0, Rc::clone(&device)) };
/// let request = Request::read(file, PageBuf::new(4096)?, 0);
/// assert_eq!((request.info().fd(), Rc::strong_count(request.file())), (device.0, 2));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RawFile<F> {
    fd: i32,
    owner: F,
}

impl<F> RawFile<F> {
    /// Makes a file of a descriptor and its owner.
    ///
    /// # Safety
    ///
    /// 1. `fd` is open, and stays open and refers to the same file for as long as `owner` is
    ///    neither dropped nor borrowed mutably, however it is moved.
    /// 2. The caller is allowed to give others access to the file by this descriptor.
    #[must_use]
    pub const unsafe fn new(fd: i32, owner: F) -> Self {
        Self { fd, owner }
    }
}

// SAFETY: `owner` keeps `fd` open (duty 1 of the caller of `new`).
unsafe impl<F> IntoFile for RawFile<F> {
    type Owner = F;

    fn into_file(self) -> (i32, F) {
        (self.fd, self.owner)
    }
}

#[cfg(feature = "std")]
mod with_std {
    use super::{Borrowed, IntoFile};
    use crate::types::Fd;
    use std::{
        boxed::Box,
        fs::File,
        os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd},
        rc::Rc,
        sync::Arc,
    };

    // SAFETY: the file is open within `'fd`, for which it is borrowed. This is a lifetime of the
    // owner.
    unsafe impl<'fd, F: AsFd + ?Sized> IntoFile for &'fd F {
        type Owner = Borrowed<'fd>;

        fn into_file(self) -> (i32, Self::Owner) {
            Fd::from(self).into_file()
        }
    }

    // SAFETY: the descriptor is open within `'fd` (`BorrowedFd`), which is a lifetime of the owner.
    unsafe impl<'fd> IntoFile for BorrowedFd<'fd> {
        type Owner = Borrowed<'fd>;

        fn into_file(self) -> (i32, Self::Owner) {
            Fd::from(self).into_file()
        }
    }

    /// Implements [`IntoFile`] for types that own or share a descriptor.
    ///
    /// `as_fd` is called once. The descriptor that it returns is open as long as the value is
    /// borrowed, and safe code can extend that borrow until the value is borrowed mutably or
    /// dropped. So until then no code closes the descriptor, or it would violate the contract of
    /// `BorrowedFd`.
    macro_rules! owners {
        ($($owner:ty $(where $param:ident)?;)+) => {$(
            // SAFETY: the descriptor is open until the owner is borrowed mutably or dropped, as the
            // macro's comment shows. An `Arc` or `Rc` shares the value with other owners, but
            // cannot be borrowed mutably while they exist.
            unsafe impl$(<$param: AsFd + ?Sized>)? IntoFile for $owner {
                type Owner = Self;

                fn into_file(self) -> (i32, Self) {
                    (self.as_fd().as_raw_fd(), self)
                }
            }
        )+};
    }

    owners! {
        File;
        OwnedFd;
        Arc<F> where F;
        Rc<F> where F;
        Box<F> where F;
    }
}

/// The owners of the files of the requests that one `io_submit` takes, in order.
///
/// Owners that take no memory and have no `Drop` are not stored, so borrowed files have no cost.
/// Other owners are on the stack, and their number is limited to [`LIMIT`](Self::LIMIT).
pub(crate) struct Owners<F>(Vec<F, ON_THE_STACK>);

/// The largest number of owners that are stored.
const ON_THE_STACK: usize = 256;

impl<F> Owners<F> {
    /// Whether owners are stored.
    const STORED: bool = size_of::<F>() > 0 || core::mem::needs_drop::<F>();

    /// The largest number of requests of one `io_submit`.
    pub(crate) const LIMIT: usize = if Self::STORED { ON_THE_STACK } else { usize::MAX };

    /// Returns whether a submission of this many requests was not limited by the number of owners.
    #[inline]
    pub(crate) const fn are_all(taken: usize) -> bool {
        !Self::STORED || taken < Self::LIMIT
    }

    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds an owner at the end.
    ///
    /// # Safety
    ///
    /// There are fewer than [`LIMIT`](Self::LIMIT) owners.
    #[inline]
    pub(crate) unsafe fn push(&mut self, owner: F) {
        if Self::STORED {
            // SAFETY: there are fewer than `LIMIT` owners (duty of the caller), so the vector has
            // room.
            unsafe { self.0.push_unchecked(owner) };
        } else {
            core::mem::forget(owner);
        }
    }

    /// Removes the last owner and returns it.
    ///
    /// # Safety
    ///
    /// There is an owner: more were pushed than popped.
    #[cold]
    pub(crate) unsafe fn pop(&mut self) -> F {
        if Self::STORED {
            // SAFETY: there is an owner (duty of the caller), and owners of this type are stored.
            unsafe { self.0.pop_unchecked() }
        } else {
            // SAFETY: the type has no bytes, and the pointer is aligned. `push` has forgotten a
            // value for each call of `pop` (duty of the caller), so none is duplicated.
            unsafe { core::ptr::NonNull::<F>::dangling().as_ptr().read() }
        }
    }
}

impl<F> fmt::Debug for Owners<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Owners({})", self.0.len())
    }
}
