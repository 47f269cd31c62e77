//! [`Pages`]: memory straight from the kernel, owned.

use crate::{errno::Errno, sys};
use core::{mem, ptr::NonNull};

/// Whole pages of private memory, zeroed when they are mapped and given back when this is dropped.
///
/// # Invariants
///
/// Either `len` is 0 and there are no pages, or `base` is the start of a mapping of `len` bytes
/// (rounded up to whole pages) that belongs to this value alone.
#[derive(Debug)]
pub(crate) struct Pages {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: memory of the process, tied to no thread.
unsafe impl Send for Pages {}
// SAFETY: through a shared reference only the address and the length can be had.
unsafe impl Sync for Pages {}

impl Pages {
    /// What every mapping is aligned to: the smallest page of any kernel.
    pub(crate) const ALIGN: usize = 4096;

    /// Maps `len` bytes.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `len` is 0, `ENOMEM`.
    pub(crate) fn map(len: usize) -> Result<Self, Errno> {
        // Rust's pointer arithmetic ends at isize::MAX; the kernel's address space ends before.
        if isize::try_from(len).is_err() {
            return Err(Errno::ENOMEM);
        }
        Ok(Self { base: sys::mmap(len)?, len })
    }

    /// No pages.
    pub(crate) const fn none() -> Self {
        Self { base: NonNull::dangling(), len: 0 }
    }

    /// The first byte, aligned to [`ALIGN`](Self::ALIGN).
    pub(crate) const fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// How many bytes were asked for.
    pub(crate) const fn len_bytes(&self) -> usize {
        self.len
    }

    /// Never gives the pages back.
    pub(crate) fn leak(self) {
        mem::forget(self);
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        if self.len > 0 {
            // SAFETY: the invariant: a mapping of ours, and the last use of it.
            //
            // If the kernel cannot, the pages stay mapped, which harms nobody.
            let _unmapped = unsafe { sys::munmap(self.base, self.len) };
        }
    }
}
