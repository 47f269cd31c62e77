//! What may be handed to the kernel as a buffer.
//!
//! A buffer is a value that leads to bytes elsewhere. The value moves: into the request, the
//! batch, the context, and back out with the completion. The bytes stay where they are.

/// A buffer that the kernel may read from: the source of a write.
///
/// Implemented for `&[u8]`, `&mut [u8]`, [`PageBuf`](crate::PageBuf), [`Buf`](crate::Buf), and with
/// the feature `alloc` for `Box<[u8]>` and `Vec<u8>` (its initialised part, [`Vec::len`] bytes).
/// Not for arrays: their bytes move with them.
///
/// [`Vec::len`]: https://doc.rust-lang.org/std/vec/struct.Vec.html#method.len
///
/// # Safety
///
/// From the moment a value is moved into a request until it is moved out of the completion:
///
/// 1. [`io_ptr`](Self::io_ptr) leads to the same [`io_len`](Self::io_len) initialised bytes on each
///    call, wherever the value has been moved in between, and [`io_bytes`](Self::io_bytes) is these
///    bytes.
/// 2. Those bytes are valid for reads, and nothing writes to them.
/// 3. Nothing frees or reuses them, even if the value is leaked.
/// 4. None of the methods panics.
pub unsafe trait IoBuf {
    /// The first byte.
    ///
    /// The pointer allows writing only where the type is [`IoBufMut`] too.
    fn io_ptr(&mut self) -> *mut u8;

    /// How many bytes there are.
    fn io_len(&self) -> usize;

    /// The bytes, for looking at while the buffer is not in flight.
    fn io_bytes(&self) -> &[u8];
}

/// A buffer that the kernel may write to: the target of a read.
///
/// # Safety
///
/// As for [`IoBuf`], and the bytes are valid for writes: any byte values may stand there
/// afterwards, and nothing else reads or writes them in the meantime.
pub unsafe trait IoBufMut: IoBuf {}

// SAFETY: (1) the reference is copied, the bytes stay; (2) shared borrows allow no writing;
// (3) they outlive the lifetime of the type, which a context requires to outlive the request;
// (4) nothing here can panic. The pointer is read from only: the type is not `IoBufMut`.
unsafe impl IoBuf for &[u8] {
    fn io_ptr(&mut self) -> *mut u8 {
        self.as_ptr().cast_mut()
    }

    fn io_len(&self) -> usize {
        self.len()
    }

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

    fn io_bytes(&self) -> &[u8] {
        self
    }
}

// SAFETY: an exclusive borrow allows writing and excludes every other access.
unsafe impl IoBufMut for &mut [u8] {}

#[cfg(feature = "alloc")]
mod heap {
    use super::{IoBuf, IoBufMut};
    use alloc::{boxed::Box, vec::Vec};

    // SAFETY: (1) moving a box leaves its heap block in place; (2) the box owns it; (3) a leaked
    // box is never freed; (4) nothing here can panic.
    unsafe impl IoBuf for Box<[u8]> {
        fn io_ptr(&mut self) -> *mut u8 {
            self.as_mut_ptr()
        }

        fn io_len(&self) -> usize {
            self.len()
        }

        fn io_bytes(&self) -> &[u8] {
            self
        }
    }

    // SAFETY: the box owns its bytes.
    unsafe impl IoBufMut for Box<[u8]> {}

    // SAFETY: (1) moving a vector leaves its heap block in place, and nothing grows it in flight;
    // the first `len` bytes are initialised; (2) the vector owns them; (3) a leaked vector is
    // never freed; (4) nothing here can panic.
    unsafe impl IoBuf for Vec<u8> {
        fn io_ptr(&mut self) -> *mut u8 {
            self.as_mut_ptr()
        }

        fn io_len(&self) -> usize {
            self.len()
        }

        fn io_bytes(&self) -> &[u8] {
            self
        }
    }

    // SAFETY: the vector owns its bytes.
    unsafe impl IoBufMut for Vec<u8> {}
}
