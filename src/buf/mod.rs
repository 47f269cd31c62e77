//! Buffers: values that point to the memory of a request.
//!
//! The value moves into the request, the batch and the context, and out of the completion. The
//! bytes that it points to do not move.

mod any;
#[cfg(feature = "alloc")]
mod heap;
mod io_slice;
mod option;
mod page_buf;
mod pieces;
mod pool;
mod raw;

pub use any::{Buf, IntoBuf};
pub use io_slice::{IoSlice, IoSliceMut};
pub use page_buf::PageBuf;
pub use pieces::Pieces;
pub use pool::{BufPool, PageKind, PoolBuf};
pub use raw::{RawBuf, RawVecs};

use crate::types::Opcode;

/// A value that can be the buffer of a request in flight.
///
/// | trait | the value | needed for |
/// |---|---|---|
/// | [`IoBuf`] | may be in flight | every request |
/// | [`IoBytes`] | points to bytes in one piece | `read`, `write` |
/// | [`IoVecs`] | points to several pieces | `readv`, `writev` |
/// | [`IoBufMut`] | may be written to by the kernel | `read`, `readv` |
///
/// | buffer | `read` | `write` | `readv` | `writev` |
/// |---|---|---|---|---|
/// | [`PageBuf`], [`PoolBuf`], `Box<[u8]>` and `Vec<u8>` (feature `alloc`), `&mut [u8]` | ✓ | ✓ | | |
/// | `&[u8]` | | ✓ | | |
/// | [`Pieces`] of the above | | | ✓ | ✓ |
/// | [`&mut [IoSliceMut]`](IoSliceMut) | | | ✓ | ✓ |
/// | [`&[IoSlice]`](IoSlice) | | | | ✓ |
/// | [`RawBuf`], made by unsafe code | ✓ | ✓ | | |
/// | [`RawVecs`], made by unsafe code | | | ✓ | ✓ |
///
/// `Option<B>` implements the same traits as `B`. `None` is a buffer of no bytes, for an fsync or a
/// poll in a context whose other requests have buffers. The unit type has no bytes. [`Buf`] is
/// borrowed memory of any kind.
///
/// # Direct I/O and `fork`
///
/// Before Linux 6.5 (on some file systems later), a direct read writes to the pages that were
/// mapped when it was submitted. Bytes are lost if the read covers only a part of a page, the
/// process forks while the read is in flight (`Command` may fork), and then a process writes to
/// that page: the kernel copies the page, and the read writes to the old copy. The result still
/// counts these bytes as read. So read into whole pages that contain nothing else, such as those of
/// a [`PageBuf`], or do not fork while a direct read is in flight.
///
/// # Safety
///
/// From the moment a value is moved into a request until it is moved out of the completion:
///
/// 1. The bytes that the value points to do not move when the value is moved. They are valid for
///    reads, and for `read` and `readv` also for writes. For `write` and `writev` they are
///    initialised.
/// 2. No code of the program writes to the bytes, and if the kernel writes to them, no code reads
///    them. The exception is memory that others may access, to which no reference exists
///    ([`RawBuf`]).
/// 3. No code frees or reuses the bytes, even if the value is leaked.
/// 4. The methods of this trait return the same result each time, and do not panic.
/// 5. In a request, a value of the type can replace any other value of the type, unless
///    [`io_suits`](Self::io_suits) returns `false` or the new value is too short.
pub unsafe trait IoBuf {
    /// Returns the address for the iocb: that of the first byte of [`IoBytes`], or of the first
    /// iovec of [`IoVecs`].
    ///
    /// The pointer allows writes only if the type is also [`IoBufMut`].
    fn io_ptr(&mut self) -> *mut u8;

    /// Returns the length for the iocb: the number of bytes of [`IoBytes`], or of iovecs of
    /// [`IoVecs`].
    fn io_len(&self) -> usize;

    /// Returns the number of bytes in all, at most `usize::MAX`: for several pieces, their sum.
    fn io_total(&self) -> usize {
        self.io_len()
    }

    /// Returns whether this value suits an operation that another value of the type suited. It is
    /// `false` only for types whose values allow different operations.
    fn io_suits(&self, opcode: Opcode) -> bool {
        let _ = opcode;
        true
    }
}

/// A buffer in one piece.
///
/// `&[u8]`, `&mut [u8]`, [`PageBuf`], [`PoolBuf`] and [`RawBuf`] implement it, and with the feature `alloc`
/// `Box<[u8]>` and `Vec<u8>` (its initialised part, [`Vec::len`] bytes). Arrays do not: their bytes
/// move with the value.
///
/// [`Vec::len`]: https://doc.rust-lang.org/std/vec/struct.Vec.html#method.len
///
/// # Safety
///
/// [`io_ptr`](IoBuf::io_ptr) points to [`io_len`](IoBuf::io_len) bytes. The type does not also
/// implement [`IoVecs`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a buffer in one piece for `read` and `write`",
    note = "use `PageBuf`, `PoolBuf`, `Box<[u8]>` or `Vec<u8>` (feature `alloc`), or in a scope `&[u8]` or `&mut [u8]`",
    note = "arrays move with their bytes: borrow them as slices in a scope"
)]
pub unsafe trait IoBytes: IoBuf {}

/// A buffer in several pieces, which may differ in length.
///
/// [`&[IoSlice]`](IoSlice), [`&mut [IoSliceMut]`](IoSliceMut), [`Pieces`] and [`RawVecs`] implement
/// it.
///
/// # Safety
///
/// [`io_ptr`](IoBuf::io_ptr) points to [`io_len`](IoBuf::io_len) [`Iovec`](crate::abi::Iovec)s,
/// which stay there until the value is moved or used again. They point to the bytes. The number and
/// the content of the iovecs stay the same until the value is changed.
/// [`io_total`](IoBuf::io_total) is the sum of their lengths. The type does not also implement
/// [`IoBytes`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a buffer in several pieces for `readv` and `writev`",
    note = "use `Pieces`, or in a scope `&[IoSlice]` or `&mut [IoSliceMut]`"
)]
pub unsafe trait IoVecs: IoBuf {}

/// A buffer that the kernel may write to: the target of a read.
///
/// # Safety
///
/// For `read` and `readv`, the bytes are valid for writes of any values. From the moment a value is moved into a request
/// until it is moved out of the completion, no code of the program reads or writes them, except
/// memory like that of [`RawBuf`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read into",
    note = "a read needs memory that may be written to: `&mut [u8]` rather than `&[u8]`"
)]
pub unsafe trait IoBufMut: IoBuf {}

// SAFETY: (1) to (3) there are no bytes; (4) the methods return constants; (5) all values are
// equal.
unsafe impl IoBuf for () {
    fn io_ptr(&mut self) -> *mut u8 {
        core::ptr::null_mut()
    }

    fn io_len(&self) -> usize {
        0
    }
}

// SAFETY: (1) moving a reference does not move the bytes, which are initialised; (2) the shared
// borrow excludes writes; (3) the bytes live as long as the lifetime of the type, and a context or
// scope requires that lifetime to outlive the request; (4) the methods return the pointer and
// length of the slice; (5) values differ in length only. The kernel only reads: the type is not
// `IoBufMut`.
unsafe impl IoBuf for &[u8] {
    fn io_ptr(&mut self) -> *mut u8 {
        self.as_ptr().cast_mut()
    }

    fn io_len(&self) -> usize {
        self.len()
    }
}

// SAFETY: `io_ptr` and `io_len` are the pointer and the length of one slice.
unsafe impl IoBytes for &[u8] {}

// SAFETY: (1) moving a reference does not move the bytes, which are initialised; (2) the borrow is
// exclusive, and the request owns it; (3) the bytes live as long as the lifetime of the type, and a
// context or scope requires that lifetime to outlive the request; (4) the methods return the
// pointer and length of the slice; (5) values differ in length only.
unsafe impl IoBuf for &mut [u8] {
    fn io_ptr(&mut self) -> *mut u8 {
        self.as_mut_ptr()
    }

    fn io_len(&self) -> usize {
        self.len()
    }
}

// SAFETY: `io_ptr` and `io_len` are the pointer and the length of one slice.
unsafe impl IoBytes for &mut [u8] {}

// SAFETY: the exclusive borrow allows writes and excludes every other access.
unsafe impl IoBufMut for &mut [u8] {}
