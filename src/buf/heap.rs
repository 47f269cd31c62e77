//! `Box<[u8]>` and `Vec<u8>` as buffers.

use super::{IoBuf, IoBufMut, IoBytes};
use alloc::{boxed::Box, vec::Vec};

// SAFETY: (1) moving a box does not move its heap memory, which is initialised; (2) the box owns
// the memory, and the request owns the box; (3) a leaked box is never freed; (4) the methods return
// the pointer and length of the slice; (5) values differ in length only.
unsafe impl IoBuf for Box<[u8]> {
    fn io_ptr(&mut self) -> *mut u8 {
        self.as_mut_ptr()
    }

    fn io_len(&self) -> usize {
        self.len()
    }
}

// SAFETY: `io_ptr` and `io_len` are the pointer and the length of one slice.
unsafe impl IoBytes for Box<[u8]> {}

// SAFETY: the box owns its bytes, and they are valid for writes.
unsafe impl IoBufMut for Box<[u8]> {}

// SAFETY: (1) moving a vector does not move its heap memory, of which the first `len` bytes are
// initialised, and no code grows the vector in flight; (2) the vector owns the memory, and the
// request owns the vector; (3) a leaked vector is never freed; (4) the methods return the pointer
// and length of the slice; (5) values differ in length only.
unsafe impl IoBuf for Vec<u8> {
    fn io_ptr(&mut self) -> *mut u8 {
        self.as_mut_ptr()
    }

    fn io_len(&self) -> usize {
        self.len()
    }
}

// SAFETY: `io_ptr` and `io_len` are the pointer and the length of one slice.
unsafe impl IoBytes for Vec<u8> {}

// SAFETY: the vector owns its bytes, and they are valid for writes.
unsafe impl IoBufMut for Vec<u8> {}
