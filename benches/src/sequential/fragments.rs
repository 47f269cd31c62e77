//! [`Fragments`]: memory that keeps the kernel's free memory in pieces.

use anyhow::{Result, ensure};
use std::{io, ptr};

/// Pages, every second of which was given back to the kernel. As long as this exists, pages of the usual
/// size come from these pieces first, so that pages that follow each other in a mapping do not follow each
/// other in physical memory.
pub(super) struct Fragments {
    base: *mut libc::c_void,
    len: usize,
}

const PAGE: usize = 4096;

impl Fragments {
    /// Takes `len` bytes of memory, and gives every second page back.
    pub(super) fn make(len: usize) -> Result<Self> {
        let (read_write, private) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: the kernel selects addresses at which nothing is mapped.
        let base = unsafe { libc::mmap(ptr::null_mut(), len, read_write, private, -1, 0) };
        ensure!(base != libc::MAP_FAILED, "mmap of {len} bytes: {}", io::Error::last_os_error());
        let fragments = Self { base, len };
        // SAFETY: the mapping has this length. If the kernel has no huge pages, it refuses the advice.
        let _advised = unsafe { libc::madvise(base, len, libc::MADV_NOHUGEPAGE) };
        for offset in (0..len).step_by(PAGE) {
            // SAFETY: the byte is in the mapping, which only this value uses.
            unsafe { base.cast::<u8>().add(offset).write_volatile(1) };
        }
        for offset in (0..len).step_by(2 * PAGE) {
            // SAFETY: the page is in the mapping, and its content is not needed.
            let given = unsafe { libc::madvise(base.add(offset), PAGE, libc::MADV_DONTNEED) };
            ensure!(given == 0, "madvise: {}", io::Error::last_os_error());
        }
        Ok(fragments)
    }
}

impl Drop for Fragments {
    fn drop(&mut self) {
        // SAFETY: the mapping has this length, and is not used afterwards.
        unsafe { libc::munmap(self.base, self.len) };
    }
}
