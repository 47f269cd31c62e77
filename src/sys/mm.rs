//! [`Pages`]: an owned memory mapping.

use crate::{sys, types::Errno};
use core::{
    mem,
    ptr::{self, NonNull},
};

/// Whole pages of private memory. They are zeroed when they are mapped, and unmapped when the value
/// is dropped.
///
/// # Invariants
///
/// Either `len` is 0 and there are no pages, or `base` is the start of a mapping of `len` bytes
/// (rounded up to whole pages) that only this value owns.
#[derive(Debug)]
pub(crate) struct Pages {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: any thread may access and unmap the memory of a process.
unsafe impl Send for Pages {}
// SAFETY: a shared reference gives only the address and the length.
unsafe impl Sync for Pages {}

/// The address of no pages, aligned to a page.
const NO_PAGES: NonNull<u8> = match NonNull::new(ptr::without_provenance_mut(Pages::ALIGN)) {
    Some(address) => address,
    None => unreachable!(),
};

impl Pages {
    /// The alignment of every mapping: the smallest page size of any kernel.
    pub(crate) const ALIGN: usize = 4096;

    /// Maps `len` bytes.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `len` is 0, `ENOMEM`.
    pub(crate) fn map(len: usize) -> Result<Self, Errno> {
        // Rust's pointer arithmetic is limited to `isize::MAX` bytes. The kernel's address space is
        // smaller.
        if isize::try_from(len).is_err() {
            return Err(Errno::ENOMEM);
        }
        Ok(Self { base: sys::mmap(len)?, len })
    }

    /// Returns no pages.
    pub(crate) const fn none() -> Self {
        Self { base: NO_PAGES, len: 0 }
    }

    /// Returns the address of the first byte, aligned to [`ALIGN`](Self::ALIGN).
    pub(crate) const fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Returns the length that was passed to [`map`](Self::map).
    pub(crate) const fn len_bytes(&self) -> usize {
        self.len
    }

    /// Leaves the pages mapped for ever.
    pub(crate) fn leak(self) {
        mem::forget(self);
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        if self.len > 0 {
            // SAFETY: this value owns the mapping, which has this length (invariant), and does not
            // use it again.
            //
            // If the call fails, the pages stay mapped: they are leaked.
            let _unmapped = unsafe { sys::munmap(self.base, self.len) };
        }
    }
}
