//! [`PoolBuf`]: a buffer of a pool.

use super::memory::Memory;
use crate::{
    buf::{IoBuf, IoBufMut, IoBytes},
    sys::mm::Pages,
};
use core::{
    fmt,
    ops::{Deref, DerefMut},
    ptr::NonNull,
    slice,
};

/// A buffer of a [`BufPool`](crate::BufPool), which goes back to it when it is dropped.
///
/// It derefs to `[u8]`, of the pool's [`len_bytes`](crate::BufPool::len_bytes). A shorter transfer is
/// a [`range`](crate::Request::range) of it. The pool may be dropped before its buffers.
//
// # Invariants
//
// The value owns the block with this index, and is counted as a user of `memory`. The block has
// `len` initialised bytes at `bytes`.
pub struct PoolBuf {
    memory: Memory,
    bytes: NonNull<u8>,
    len: usize,
    index: usize,
}

// SAFETY: the value owns its bytes. Any thread may access them, and give the block back.
unsafe impl Send for PoolBuf {}
// SAFETY: a shared reference allows reading the bytes only.
unsafe impl Sync for PoolBuf {}

impl PoolBuf {
    /// Makes the owner of a block.
    ///
    /// # Safety
    ///
    /// 1. The block with this index was taken from `memory` and counted as a user, for this value.
    /// 2. At `bytes` are the `len` bytes of the block, which are initialised.
    #[inline]
    pub(super) const unsafe fn new(
        memory: Memory,
        index: usize,
        bytes: NonNull<u8>,
        len: usize,
    ) -> Self {
        Self { memory, bytes, len, index }
    }

    /// Returns the index of the block.
    pub(super) const fn index(&self) -> usize {
        self.index
    }

    /// Writes a zero to the start of every page.
    ///
    /// It does not read: a page that is read first becomes a reference to the huge page of zeros, and
    /// a write to that one gives pages of 4 KiB before Linux 6.13.
    pub(super) fn touch(&mut self) {
        for byte in self.iter_mut().step_by(Pages::ALIGN) {
            *byte = 0;
        }
    }
}

impl Drop for PoolBuf {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the value owns the block and was counted as a user (invariant). It uses neither
        // afterwards.
        unsafe { self.memory.give_back(self.index) };
    }
}

impl Deref for PoolBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the value owns the block, which has this many initialised bytes (invariant), and
        // is mapped as long as it has users. `&self` excludes writes.
        unsafe { slice::from_raw_parts(self.bytes.as_ptr(), self.len) }
    }
}

impl DerefMut for PoolBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: the value owns the block, which has this many initialised bytes (invariant), and
        // is mapped as long as it has users. `&mut self` excludes every other access.
        unsafe { slice::from_raw_parts_mut(self.bytes.as_ptr(), self.len) }
    }
}

impl AsRef<[u8]> for PoolBuf {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl AsMut<[u8]> for PoolBuf {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

// SAFETY: (1) moving the value does not move the block, which is initialised; (2) the value owns the
// block, and the request owns the value; (3) the block of a leaked value stays taken, and its pages
// stay mapped, because the value stays counted as a user; (4) the methods return the fields of the
// value; (5) values differ in length only.
unsafe impl IoBuf for PoolBuf {
    fn io_ptr(&mut self) -> *mut u8 {
        self.bytes.as_ptr()
    }

    fn io_len(&self) -> usize {
        self.len
    }
}

// SAFETY: `io_ptr` and `io_len` are the address and the length of the block.
unsafe impl IoBytes for PoolBuf {}

// SAFETY: the value owns the block, whose pages are mapped writable.
unsafe impl IoBufMut for PoolBuf {}

impl fmt::Debug for PoolBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PoolBuf({} bytes)", self.len)
    }
}
