//! [`RawBuf`] and [`RawVecs`]: buffers given by their addresses, which others may access in flight.

use super::{IoBuf, IoBufMut, IoBytes, IoVecs};
use crate::abi::Iovec;

/// Memory that others may read and write while a request is in flight: the memory of a virtual
/// machine's guest, or a mapping shared with another process or device.
///
/// The library never makes a Rust reference to the memory. Memory that is only read into may be
/// uninitialised.
///
/// ```
/// use linux_aio::{Batch, Context, RawBuf, Request};
///
/// # fn main() -> std::io::Result<()> {
/// # let file = tempfile::tempfile()?;
/// # std::io::Write::write_all(&mut &file, &[7; 512])?;
/// let guest = Box::into_raw(Box::new([0_u8; 4096]));
/// // SAFETY: the memory is freed after the context is dropped, and has no references until then.
/// let block = unsafe { RawBuf::new(guest.cast(), 512) };
/// assert_eq!(block.len_bytes(), 512);
/// let mut cx = Context::<RawBuf, ()>::new(1)?;
/// cx.submit_one(Request::read(&file, block, 0))?;
/// for done in cx.wait(1, None)? {
///     assert_eq!(done.result, Ok(512));
/// }
/// drop(cx);
/// // SAFETY: the memory comes from `Box::into_raw`, and the request has completed.
/// let guest = unsafe { Box::from_raw(guest) };
/// assert_eq!((guest[511], guest[512]), (7, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RawBuf {
    ptr: *mut u8,
    len: usize,
}

impl RawBuf {
    /// Makes a buffer of the `len` bytes at `ptr`.
    ///
    /// # Safety
    ///
    /// From the moment the value or a copy of it is moved into a request until it is moved out of
    /// the completion:
    ///
    /// 1. For a `write`, the bytes are valid for reads and initialised. For a `read`, they are
    ///    valid for writes.
    /// 2. The bytes are not freed, unmapped or reused for anything else, even if the value is
    ///    leaked.
    /// 3. There is no Rust reference to the bytes, except shared references during a `write` while
    ///    nothing changes the bytes.
    /// 4. Any thread may access the bytes.
    ///
    /// If others write to the bytes at the same time, the result is any mixture of the written
    /// values.
    #[must_use]
    pub const unsafe fn new(ptr: *mut u8, len: usize) -> Self {
        Self { ptr, len }
    }

    /// Returns the address of the first byte.
    #[must_use]
    pub const fn as_ptr(&self) -> *mut u8 {
        self.ptr
    }

    /// Returns the number of bytes.
    #[must_use]
    pub const fn len_bytes(&self) -> usize {
        self.len
    }
}

// SAFETY: any thread may access the bytes (duty 4 of the caller of `new`).
unsafe impl Send for RawBuf {}
// SAFETY: a shared reference gives only the address and the length.
unsafe impl Sync for RawBuf {}

// SAFETY: (1) to (3) are duties 1 to 3 of the caller of `new`; (4) the methods return the fields of
// the value; (5) values differ in address and length only.
unsafe impl IoBuf for RawBuf {
    fn io_ptr(&mut self) -> *mut u8 {
        self.ptr
    }

    fn io_len(&self) -> usize {
        self.len
    }
}

// SAFETY: `io_ptr` and `io_len` are the pointer and length that were passed to `new`.
unsafe impl IoBytes for RawBuf {}

// SAFETY: for a `read`, the bytes are valid for writes (duty 1 of the caller of `new`) and there is
// no reference to them (duty 3).
unsafe impl IoBufMut for RawBuf {}

/// Several pieces of memory like that of [`RawBuf`], given by the address of their iovecs.
///
/// For owned pieces, [`Pieces<RawBuf, M>`](crate::Pieces) needs no array of iovecs.
///
/// ```
/// use linux_aio::{Context, IoBuf, IoVecs, RawVecs, Request, abi::Iovec};
///
/// /// The number of bytes of a buffer in several pieces.
/// fn total(buf: &impl IoVecs) -> usize {
///     buf.io_total()
/// }
///
/// # fn main() -> std::io::Result<()> {
/// # let file = tempfile::tempfile()?;
/// # std::io::Write::write_all(&mut &file, &[7; 512])?;
/// let guest = Box::into_raw(Box::new([0_u8; 4096]));
/// let iovecs = [0, 2048].map(|at| Iovec { iov_base: guest.cast::<u8>().wrapping_add(at), iov_len: 256 });
/// // SAFETY: (1) the memory is freed after the context is dropped, and has no references until then; (2)
/// // and (3) the iovecs are a local variable, which does not change.
/// let pieces = unsafe { RawVecs::new(iovecs.as_ptr(), iovecs.len()) };
/// assert_eq!(total(&pieces), 512);
/// let mut cx = Context::<RawVecs, ()>::new(1)?;
/// cx.submit_one(Request::readv(&file, pieces, 0)?)?;
/// for done in cx.wait(1, None)? {
///     assert_eq!(done.result, Ok(512));
/// }
/// drop(cx);
/// // SAFETY: the memory comes from `Box::into_raw`, and the request has completed.
/// let guest = unsafe { Box::from_raw(guest) };
/// assert_eq!((guest[255], guest[256], guest[2048]), (7, 0, 7));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RawVecs {
    iovecs: *const Iovec,
    count: usize,
}

impl RawVecs {
    /// Makes a buffer of the pieces that the `count` iovecs at `iovecs` point to.
    ///
    /// # Safety
    ///
    /// 1. Each piece fulfils the duties of [`RawBuf::new`].
    /// 2. Whenever a request is made of the value or of a copy (also by
    ///    [`Completion::into_rest`](crate::Completion::into_rest)), the iovecs are valid for reads,
    ///    and no code changes or frees them until that request was submitted or dropped.
    /// 3. The iovecs are valid for reads whenever [`IoBuf::io_total`] is called on the value or on
    ///    a copy.
    #[must_use]
    pub const unsafe fn new(iovecs: *const Iovec, count: usize) -> Self {
        Self { iovecs, count }
    }
}

// SAFETY: any thread may access the pieces (duty 1 of the caller of `new`).
unsafe impl Send for RawVecs {}
// SAFETY: through a shared reference the iovecs are only read.
unsafe impl Sync for RawVecs {}

// SAFETY: (1) to (3) hold for each piece (duty 1 of the caller of `new`); (4) the methods do not
// panic, and the iovecs do not change (duty 2); (5) values differ in address and length only.
unsafe impl IoBuf for RawVecs {
    fn io_ptr(&mut self) -> *mut u8 {
        self.iovecs.cast_mut().cast()
    }

    fn io_len(&self) -> usize {
        self.count
    }

    fn io_total(&self) -> usize {
        let lens = (0..self.count).map(|index| {
            let iovec = self.iovecs.wrapping_add(index);
            // SAFETY: there are `count` iovecs, which are valid for reads (duties 2 and 3 of the
            // caller of `new`).
            unsafe { (*iovec).iov_len }
        });
        super::io_slice::total(lens)
    }
}

// SAFETY: `io_ptr` and `io_len` are the pointer and count that were passed to `new`; the iovecs do
// not change until the request was submitted (duty 2 of the caller of `new`); `io_total` is their
// sum.
unsafe impl IoVecs for RawVecs {}

// SAFETY: for a `readv`, the bytes of each piece are valid for writes, and there is no reference to
// them (duty 1 of the caller of `new`).
unsafe impl IoBufMut for RawVecs {}
