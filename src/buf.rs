//! What may be handed to the kernel with a request.
//!
//! A buffer is a value that leads to bytes elsewhere. The value moves: into the request, the
//! batch, the context, and back out with the completion. The bytes stay where they are.
//!
//! | trait | means | needed for |
//! |---|---|---|
//! | [`IoBuf`] | may be in flight | every request |
//! | [`IoBytes`] | leads to bytes in one piece | `read`, `write` |
//! | [`IoVecs`] | leads to several pieces | `readv`, `writev` |
//! | [`IoBufMut`] | may be written to | `read`, `readv` |

/// A value that may be in flight: part of a request that the kernel has.
///
/// What it leads to is said by [`IoBytes`] or [`IoVecs`]. The unit type leads to nothing; it is the
/// buffer of an fsync or a poll.
///
/// # Safety
///
/// From the moment a value is moved into a request until it is moved out of the completion:
///
/// 1. The bytes that it leads to are valid for reads, initialised, and stay where they are however
///    the value is moved.
/// 2. Nothing writes to them.
/// 3. Nothing frees or reuses them, even if the value is leaked.
/// 4. None of the methods of this trait and of those that build on it panics.
pub unsafe trait IoBuf {
    /// What the kernel gets as address: the first byte of [`IoBytes`], the first iovec of
    /// [`IoVecs`].
    ///
    /// The pointer allows writing only where the type is [`IoBufMut`] too.
    fn io_ptr(&mut self) -> *mut u8;

    /// How many there are: bytes or iovecs.
    fn io_len(&self) -> usize;
}

/// A buffer in one piece.
///
/// Implemented for `&[u8]`, `&mut [u8]`, [`PageBuf`](crate::PageBuf), and with the feature `alloc`
/// for `Box<[u8]>` and `Vec<u8>` (its initialised part, [`Vec::len`] bytes). Not for arrays: their
/// bytes move with them.
///
/// [`Vec::len`]: https://doc.rust-lang.org/std/vec/struct.Vec.html#method.len
///
/// # Safety
///
/// [`io_ptr`](IoBuf::io_ptr) leads to [`io_len`](IoBuf::io_len) bytes, both the same on each call,
/// and [`io_bytes`](Self::io_bytes) is these bytes.
pub unsafe trait IoBytes: IoBuf {
    /// The bytes, for looking at while the buffer is not in flight.
    fn io_bytes(&self) -> &[u8];
}

/// A buffer in several pieces, which may differ in length.
///
/// Implemented for [`&[IoSlice]`](crate::IoSlice), [`&mut [IoSliceMut]`](crate::IoSliceMut) and
/// [`Pieces`](crate::Pieces).
///
/// # Safety
///
/// [`io_ptr`](IoBuf::io_ptr) leads to [`io_len`](IoBuf::io_len) [`Iovec`](crate::abi::Iovec)s, which
/// stay there until the value is moved or used again, and these to the bytes. Both are the same
/// until the value is changed. The type is not [`IoBytes`] as well.
/// [`io_total`](Self::io_total) is how many bytes there are in all pieces.
pub unsafe trait IoVecs: IoBuf {
    /// How many bytes there are in all pieces, at most `usize::MAX`.
    fn io_total(&self) -> usize;
}

/// A buffer that the kernel may write to: the target of a read.
///
/// # Safety
///
/// The bytes are valid for writes: any values may stand there afterwards, and nothing else reads or
/// writes them in the meantime.
pub unsafe trait IoBufMut: IoBuf {}

// SAFETY: there are no bytes.
unsafe impl IoBuf for () {
    fn io_ptr(&mut self) -> *mut u8 {
        core::ptr::null_mut()
    }

    fn io_len(&self) -> usize {
        0
    }
}

// SAFETY: (1) the reference is copied, the bytes stay; (2) shared borrows allow no writing; (3) they
// outlive the lifetime of the type, which a context requires to outlive the request; (4) nothing here
// can panic. The pointer is read from only: the type is not `IoBufMut`.
unsafe impl IoBuf for &[u8] {
    fn io_ptr(&mut self) -> *mut u8 {
        self.as_ptr().cast_mut()
    }

    fn io_len(&self) -> usize {
        self.len()
    }
}

// SAFETY: pointer, length and bytes are those of one slice.
unsafe impl IoBytes for &[u8] {
    fn io_bytes(&self) -> &[u8] {
        self
    }
}

// SAFETY: (1) the reference is moved, the bytes stay; (2) it is the only way to them, and in the
// library's hands; (3) as for `&[u8]`; (4) nothing here can panic.
unsafe impl IoBuf for &mut [u8] {
    fn io_ptr(&mut self) -> *mut u8 {
        self.as_mut_ptr()
    }

    fn io_len(&self) -> usize {
        self.len()
    }
}

// SAFETY: pointer, length and bytes are those of one slice.
unsafe impl IoBytes for &mut [u8] {
    fn io_bytes(&self) -> &[u8] {
        self
    }
}

// SAFETY: an exclusive borrow allows writing and excludes every other access.
unsafe impl IoBufMut for &mut [u8] {}

#[cfg(feature = "alloc")]
mod heap {
    use super::{IoBuf, IoBufMut, IoBytes};
    use alloc::{boxed::Box, vec::Vec};

    // SAFETY: (1) moving a box leaves its heap block in place; (2) the box owns it; (3) a leaked box is
    // never freed; (4) nothing here can panic.
    unsafe impl IoBuf for Box<[u8]> {
        fn io_ptr(&mut self) -> *mut u8 {
            self.as_mut_ptr()
        }

        fn io_len(&self) -> usize {
            self.len()
        }
    }

    // SAFETY: pointer, length and bytes are those of one slice.
    unsafe impl IoBytes for Box<[u8]> {
        fn io_bytes(&self) -> &[u8] {
            self
        }
    }

    // SAFETY: the box owns its bytes.
    unsafe impl IoBufMut for Box<[u8]> {}

    // SAFETY: (1) moving a vector leaves its heap block in place, nothing grows it in flight, and the
    // first `len` bytes are initialised; (2) the vector owns them; (3) a leaked vector is never freed;
    // (4) nothing here can panic.
    unsafe impl IoBuf for Vec<u8> {
        fn io_ptr(&mut self) -> *mut u8 {
            self.as_mut_ptr()
        }

        fn io_len(&self) -> usize {
            self.len()
        }
    }

    // SAFETY: pointer, length and bytes are those of one slice.
    unsafe impl IoBytes for Vec<u8> {
        fn io_bytes(&self) -> &[u8] {
            self
        }
    }

    // SAFETY: the vector owns its bytes.
    unsafe impl IoBufMut for Vec<u8> {}
}
