//! [`Pages`]: an owned memory mapping, in pages of the usual size or in huge pages.

use crate::{
    sys,
    types::{Errno, cast},
};
use core::{
    mem,
    ptr::{self, NonNull},
};

/// The size of a huge page, in bytes: 2 MiB, which x86_64 and aarch64 (with base pages of 4 KiB) have.
pub(crate) const HUGE_PAGE: usize = 2 << 20;

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

    /// The largest page size of any kernel, apart from huge pages.
    pub(crate) const MAX_PAGE: usize = 65_536;

    /// Maps `len` bytes.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `len` is 0, `ENOMEM`.
    pub(crate) fn map(len: usize) -> Result<Self, Errno> {
        Self::map_by(sys::mmap, len)
    }

    /// Maps `len` bytes at a multiple of [`HUGE_PAGE`], and asks the kernel for transparent huge
    /// pages. Returns the pages, and whether the kernel may use huge pages for them.
    ///
    /// # Errors
    ///
    /// Those of [`map`](Self::map).
    pub(crate) fn map_transparent(len: usize) -> Result<(Self, bool), Errno> {
        let Ok(pages) = Self::map_by(sys::mmap_aligned, len) else {
            // With a limit on the address space (RLIMIT_AS), an aligned mapping may fail although
            // another is possible.
            return Ok((Self::map(len)?, false));
        };
        let advised = sys::madvise_hugepage(pages.base, len).is_ok();
        Ok((pages, advised && len >= HUGE_PAGE && !transparent_disabled()))
    }

    /// Maps `len` bytes, rounded up to whole huge pages, from the kernel's reserve of huge pages.
    ///
    /// # Errors
    ///
    /// Those of [`map`](Self::map), and `ENOMEM` if the reserve does not suffice, `EINVAL` if the
    /// kernel has none.
    pub(crate) fn map_hugetlb(len: usize) -> Result<Self, Errno> {
        // `munmap` of such a mapping requires whole huge pages.
        let len = len.checked_next_multiple_of(HUGE_PAGE).ok_or(Errno::ENOMEM)?;
        Self::map_by(sys::mmap_hugetlb, len)
    }

    /// Maps `len` bytes by one of the functions of `sys`.
    fn map_by(map: fn(usize) -> Result<NonNull<u8>, Errno>, len: usize) -> Result<Self, Errno> {
        // Rust's pointer arithmetic is limited to `isize::MAX` bytes. The kernel's address space is
        // smaller.
        if isize::try_from(len).is_err() {
            return Err(Errno::ENOMEM);
        }
        Ok(Self { base: map(len)?, len })
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

/// Returns whether transparent huge pages are known to be disabled on this machine.
fn transparent_disabled() -> bool {
    let mut text = [0; 64];
    let read = sys::read_file(c"/sys/kernel/mm/transparent_hugepage/enabled", &mut text);
    let text = read.ok().and_then(|len| text.get(..len)).unwrap_or_default();
    text.windows(NEVER.len()).any(|part| part == NEVER)
}

/// The text that /sys has for the setting `never`.
const NEVER: &[u8] = b"[never]";

/// Returns the size of a page, apart from huge pages, in bytes.
pub(crate) fn page_size() -> usize {
    if cfg!(target_arch = "x86_64") {
        return 4096;
    }
    // On aarch64, it is 4, 16 or 64 KiB.
    let mut auxv = [0; 1024];
    let read = sys::read_file(c"/proc/self/auxv", &mut auxv);
    let auxv = read.ok().and_then(|len| auxv.get(..len)).unwrap_or_default();
    page_size_in(auxv).unwrap_or(Pages::MAX_PAGE)
}

/// Finds the size of a page in an auxiliary vector: pairs of words, a type and a value.
fn page_size_in(auxv: &[u8]) -> Option<usize> {
    const AT_PAGESZ: u64 = 6;
    const WORD: usize = size_of::<u64>();
    let word = |bytes: &[u8]| bytes.try_into().map(u64::from_ne_bytes).ok();
    auxv.chunks_exact(2 * WORD)
        .filter_map(|pair| pair.split_at_checked(WORD))
        .find(|(kind, _)| word(kind) == Some(AT_PAGESZ))
        .and_then(|(_, value)| word(value))
        .map(cast::from_u64)
        .filter(|size| size.is_power_of_two() && (Pages::ALIGN..=Pages::MAX_PAGE).contains(size))
}

#[cfg(test)]
mod tests {
    use super::page_size_in;
    use std::vec::Vec;

    fn auxv(words: &[u64]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    #[test]
    fn page_size_is_found_in_auxiliary_vector() {
        assert_eq!(page_size_in(&auxv(&[33, 1, 6, 16_384, 0, 0])), Some(16_384));
        for bad in [&[][..], &[33, 1], &[6], &[1, 6, 4096, 6], &[6, 0], &[6, 12_288], &[6, 1 << 40]]
        {
            assert_eq!(page_size_in(&auxv(bad)), None, "{bad:?}");
        }
    }
}
