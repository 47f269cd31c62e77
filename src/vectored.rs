//! [`IoSlice`] and [`IoSliceMut`]: borrowed pieces of a vectored transfer.

use crate::{
    abi::Iovec,
    buf::{IoBuf, IoBufMut, IoVecs},
};
use core::{
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    slice,
};

/// A borrowed piece to write from: `&[u8]`, laid out as the kernel's `struct iovec`.
///
/// A slice of these, `&[IoSlice]`, is a buffer for [`Request::writev`](crate::Request::writev).
///
/// ```
/// use linux_aio::{Batch, Context, IoSlice, Request};
///
/// # fn main() -> std::io::Result<()> {
/// # let file = tempfile::tempfile()?;
/// let (head, body) = (b"length 5: ", b"hello");
/// let pieces = [IoSlice::new(head), IoSlice::new(body)];
/// linux_aio::scope(|cx: &mut Context<_, _, 1>| -> std::io::Result<()> {
///     let mut batch = Batch::<_, _, 1>::new();
///     batch.push(Request::writev(&file, &pieces[..], 0)?)?;
///     cx.submit(&mut batch)?;
///     assert_eq!(cx.wait(1, None)?.next().map(|done| done.result), Some(Ok(15)));
///     Ok(())
/// })??;
/// # Ok(())
/// # }
/// ```
///
/// # Invariants
///
/// The iovec leads to bytes that are borrowed for `'a`.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct IoSlice<'a> {
    iovec: Iovec,
    bytes: PhantomData<&'a [u8]>,
}

/// A borrowed piece to read into: `&mut [u8]`, laid out as the kernel's `struct iovec`.
///
/// An exclusive slice of these, `&mut [IoSliceMut]`, is a buffer for
/// [`Request::readv`](crate::Request::readv), and for `writev` as well.
///
/// # Invariants
///
/// The iovec leads to bytes that are borrowed exclusively for `'a`.
#[repr(transparent)]
pub struct IoSliceMut<'a> {
    iovec: Iovec,
    bytes: PhantomData<&'a mut [u8]>,
}

impl<'a> IoSlice<'a> {
    /// A piece of these bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        let iovec = Iovec { iov_base: bytes.as_ptr().cast_mut(), iov_len: bytes.len() };
        Self { iovec, bytes: PhantomData }
    }
}

impl<'a> IoSliceMut<'a> {
    /// A piece of these bytes.
    #[must_use]
    pub const fn new(bytes: &'a mut [u8]) -> Self {
        let iovec = Iovec { iov_base: bytes.as_mut_ptr(), iov_len: bytes.len() };
        Self { iovec, bytes: PhantomData }
    }

    /// The bytes, for as long as they were borrowed.
    #[must_use]
    pub fn into_bytes(self) -> &'a mut [u8] {
        // SAFETY: the invariant; the borrow passes from `self` to the result.
        unsafe { slice::from_raw_parts_mut(self.iovec.iov_base, self.iovec.iov_len) }
    }
}

impl Deref for IoSlice<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the invariant.
        unsafe { slice::from_raw_parts(self.iovec.iov_base, self.iovec.iov_len) }
    }
}

impl Deref for IoSliceMut<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the invariant; `&self` excludes writers.
        unsafe { slice::from_raw_parts(self.iovec.iov_base, self.iovec.iov_len) }
    }
}

impl DerefMut for IoSliceMut<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: the invariant; `&mut self` excludes everybody else.
        unsafe { slice::from_raw_parts_mut(self.iovec.iov_base, self.iovec.iov_len) }
    }
}

// SAFETY: stands for a `&[u8]`, which is `Send`.
unsafe impl Send for IoSlice<'_> {}
// SAFETY: stands for a `&[u8]`, which is `Sync`.
unsafe impl Sync for IoSlice<'_> {}
// SAFETY: stands for a `&mut [u8]`, which is `Send`.
unsafe impl Send for IoSliceMut<'_> {}
// SAFETY: stands for a `&mut [u8]`, which is `Sync`.
unsafe impl Sync for IoSliceMut<'_> {}

// SAFETY: (1) the reference is copied; iovecs and bytes stay; (2) shared borrows allow no writing;
// (3) both outlive the lifetime of the type; (4) nothing here can panic.
unsafe impl IoBuf for &[IoSlice<'_>] {
    fn io_ptr(&mut self) -> *mut u8 {
        self.as_ptr().cast_mut().cast()
    }

    fn io_len(&self) -> usize {
        self.len()
    }
}

// SAFETY: `IoSlice` is an `Iovec` (transparent), and so is a slice of them.
unsafe impl IoVecs for &[IoSlice<'_>] {
    fn io_total(&self) -> usize {
        total(self.iter().map(|piece| piece.len()))
    }
}

// SAFETY: (1) the reference is moved; iovecs and bytes stay; (2) it is the only way to them, and in
// the library's hands; (3) both outlive the lifetime of the type; (4) nothing here can panic.
unsafe impl IoBuf for &mut [IoSliceMut<'_>] {
    fn io_ptr(&mut self) -> *mut u8 {
        self.as_mut_ptr().cast()
    }

    fn io_len(&self) -> usize {
        self.len()
    }
}

// SAFETY: `IoSliceMut` is an `Iovec` (transparent), and so is a slice of them.
unsafe impl IoVecs for &mut [IoSliceMut<'_>] {
    fn io_total(&self) -> usize {
        total(self.iter().map(|piece| piece.len()))
    }
}

// SAFETY: each piece is borrowed exclusively, and so is the slice of them.
unsafe impl IoBufMut for &mut [IoSliceMut<'_>] {}

/// How many bytes pieces have together.
pub(crate) fn total(lens: impl Iterator<Item = usize>) -> usize {
    lens.fold(0, usize::saturating_add)
}

impl fmt::Debug for IoSlice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IoSlice({} bytes)", self.len())
    }
}

impl fmt::Debug for IoSliceMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IoSliceMut({} bytes)", self.len())
    }
}
