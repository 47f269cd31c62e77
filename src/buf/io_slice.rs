//! [`IoSlice`] and [`IoSliceMut`]: borrowed pieces of a vectored transfer.

use super::{IoBuf, IoBufMut, IoVecs};
use crate::abi::Iovec;
use core::{
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    slice,
};

/// A borrowed piece to write from: `&[u8]`, with the layout of the kernel's `struct iovec`.
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
/// linux_aio::scope(1, |cx: &mut Context<_, _>| -> std::io::Result<()> {
///     let mut batch = Batch::<_, _, _, 1>::new();
///     batch.push(Request::writev(&file, &pieces[..], 0)?)?;
///     cx.submit(&mut batch)?;
///     assert_eq!(cx.wait(1, None)?.next().map(|done| done.result), Some(Ok(15)));
///     Ok(())
/// })?;
/// # Ok(())
/// # }
/// ```
//
// # Invariants
//
// The iovec points to bytes that are borrowed for `'a`.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct IoSlice<'a> {
    iovec: Iovec,
    bytes: PhantomData<&'a [u8]>,
}

/// A borrowed piece to read into: `&mut [u8]`, with the layout of the kernel's `struct iovec`.
///
/// An exclusive slice of these, `&mut [IoSliceMut]`, is a buffer for
/// [`Request::readv`](crate::Request::readv), and for `writev` as well.
///
/// ```
/// use linux_aio::{Context, IoSliceMut, Request};
///
/// # fn main() -> std::io::Result<()> {
/// # let file = tempfile::tempfile()?;
/// # std::io::Write::write_all(&mut &file, b"headbody")?;
/// let (mut head, mut body) = ([0; 4], [0; 4]);
/// let mut pieces = [IoSliceMut::new(&mut head), IoSliceMut::new(&mut body)];
/// linux_aio::scope(1, |cx: &mut Context<_, _>| -> std::io::Result<()> {
///     cx.submit_one(Request::readv(&file, &mut pieces[..], 0)?)?;
///     assert_eq!(cx.wait_one(None)?.map(|done| done.result), Some(Ok(8)));
///     Ok(())
/// })?;
/// let [head, body] = pieces.map(IoSliceMut::into_bytes);
/// assert_eq!((&*head, &*body), (&b"head"[..], &b"body"[..]));
/// # Ok(())
/// # }
/// ```
//
// # Invariants
//
// The iovec points to bytes that are borrowed exclusively for `'a`.
#[repr(transparent)]
pub struct IoSliceMut<'a> {
    iovec: Iovec,
    bytes: PhantomData<&'a mut [u8]>,
}

impl<'a> IoSlice<'a> {
    /// Makes a piece of these bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        let iovec = Iovec { iov_base: bytes.as_ptr().cast_mut(), iov_len: bytes.len() };
        Self { iovec, bytes: PhantomData }
    }
}

impl<'a> IoSliceMut<'a> {
    /// Makes a piece of these bytes.
    #[must_use]
    pub const fn new(bytes: &'a mut [u8]) -> Self {
        let iovec = Iovec { iov_base: bytes.as_mut_ptr(), iov_len: bytes.len() };
        Self { iovec, bytes: PhantomData }
    }

    /// Returns the bytes, with the lifetime of the original borrow.
    #[must_use]
    pub fn into_bytes(self) -> &'a mut [u8] {
        // SAFETY: the iovec points to bytes that are borrowed exclusively for `'a` (invariant);
        // `self` is consumed, so the result is the only reference.
        unsafe { slice::from_raw_parts_mut(self.iovec.iov_base, self.iovec.iov_len) }
    }
}

impl Deref for IoSlice<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the iovec points to bytes that are borrowed for `'a` (invariant), which outlives
        // `&self`.
        unsafe { slice::from_raw_parts(self.iovec.iov_base, self.iovec.iov_len) }
    }
}

impl Deref for IoSliceMut<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the iovec points to bytes that are borrowed exclusively for `'a` (invariant);
        // `&self` excludes writes by this value.
        unsafe { slice::from_raw_parts(self.iovec.iov_base, self.iovec.iov_len) }
    }
}

impl DerefMut for IoSliceMut<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: the iovec points to bytes that are borrowed exclusively for `'a` (invariant);
        // `&mut self` excludes other references from this value.
        unsafe { slice::from_raw_parts_mut(self.iovec.iov_base, self.iovec.iov_len) }
    }
}

// SAFETY: equivalent to a `&[u8]`, which is `Send`.
unsafe impl Send for IoSlice<'_> {}
// SAFETY: equivalent to a `&[u8]`, which is `Sync`.
unsafe impl Sync for IoSlice<'_> {}
// SAFETY: equivalent to a `&mut [u8]`, which is `Send`.
unsafe impl Send for IoSliceMut<'_> {}
// SAFETY: equivalent to a `&mut [u8]`, which is `Sync`.
unsafe impl Sync for IoSliceMut<'_> {}

// SAFETY: (1) moving a reference does not move the iovecs and the bytes, which are initialised; (2)
// the shared borrows exclude writes; (3) iovecs and bytes live as long as the lifetime of the type,
// and a context or scope requires that lifetime to outlive the request; (4) the methods do not
// panic: `total` saturates; (5) values differ in length only.
unsafe impl IoBuf for &[IoSlice<'_>] {
    fn io_ptr(&mut self) -> *mut u8 {
        self.as_ptr().cast_mut().cast()
    }

    fn io_len(&self) -> usize {
        self.len()
    }

    fn io_total(&self) -> usize {
        total(self.iter().map(|piece| piece.len()))
    }
}

// SAFETY: `IoSlice` has the layout of an `Iovec` (`repr(transparent)`), so the slice is an array of
// them. A shared borrow keeps them unchanged.
unsafe impl IoVecs for &[IoSlice<'_>] {}

// SAFETY: (1) moving a reference does not move the iovecs and the bytes, which are initialised; (2)
// the borrows of the slice and of the bytes are exclusive, and the request owns them; (3) iovecs
// and bytes live as long as the lifetime of the type, and a context or scope requires that lifetime
// to outlive the request; (4) the methods do not panic: `total` saturates; (5) values differ in
// length only.
unsafe impl IoBuf for &mut [IoSliceMut<'_>] {
    fn io_ptr(&mut self) -> *mut u8 {
        self.as_mut_ptr().cast()
    }

    fn io_len(&self) -> usize {
        self.len()
    }

    fn io_total(&self) -> usize {
        total(self.iter().map(|piece| piece.len()))
    }
}

// SAFETY: `IoSliceMut` has the layout of an `Iovec` (`repr(transparent)`), so the slice is an array
// of them. The exclusive borrow keeps them unchanged.
unsafe impl IoVecs for &mut [IoSliceMut<'_>] {}

// SAFETY: the bytes of each piece and the slice of pieces are borrowed exclusively.
unsafe impl IoBufMut for &mut [IoSliceMut<'_>] {}

/// Returns the sum of the lengths of pieces, at most `usize::MAX`.
pub(super) fn total(lens: impl Iterator<Item = usize>) -> usize {
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
