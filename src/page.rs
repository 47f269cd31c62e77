//! [`PageBuf`]: a buffer for direct I/O, without an allocator.

use crate::{
    buf::{IoBuf, IoBufMut, IoBytes},
    errno::Errno,
    pages::Pages,
};
use core::{
    fmt,
    ops::{Deref, DerefMut},
    slice,
};

/// Bytes at the start of a page, in pages of their own, from the kernel.
///
/// The alignment suits `O_DIRECT` on every file system and device, if the length does: make it a
/// multiple of the logical block size, 512 or 4096 bytes. Whole pages are also what keeps direct
/// reads right when the process forks in the meantime.
///
/// Each buffer is a mapping of its own: make them once and use them again, as completions return
/// them.
///
/// ```
/// use linux_aio::PageBuf;
///
/// let mut block = PageBuf::new(4096)?;
/// assert!(block.iter().all(|&byte| byte == 0));
/// block[..5].copy_from_slice(b"hello");
/// assert_eq!(block.as_ptr().addr() % 4096, 0);
/// # Ok::<(), linux_aio::Errno>(())
/// ```
///
/// # Kernel
///
/// `mmap(2)` with `MAP_PRIVATE | MAP_ANONYMOUS`.
pub struct PageBuf {
    pages: Pages,
}

impl PageBuf {
    /// Maps a buffer of `len_bytes` zeros; for 0, an [`empty`](Self::empty) one.
    ///
    /// # Errors
    ///
    /// `ENOMEM`: no memory, or more mappings than `vm.max_map_count`.
    pub fn new(len_bytes: usize) -> Result<Self, Errno> {
        if len_bytes == 0 {
            return Ok(Self::empty());
        }
        Ok(Self { pages: Pages::map(len_bytes)? })
    }

    /// A buffer of no bytes, without pages: something to [carry](crate::Request::carry) in a
    /// request that needs no buffer.
    #[must_use]
    pub const fn empty() -> Self {
        Self { pages: Pages::none() }
    }
}

impl Default for PageBuf {
    fn default() -> Self {
        Self::empty()
    }
}

impl Deref for PageBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the pages hold that many bytes, initialised by the kernel, and are ours alone,
        // or the pointer dangles and there are no bytes;
        // `&self` excludes writers.
        unsafe { slice::from_raw_parts(self.pages.base().as_ptr(), self.pages.len_bytes()) }
    }
}

impl DerefMut for PageBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`; `&mut self` excludes everybody else.
        unsafe { slice::from_raw_parts_mut(self.pages.base().as_ptr(), self.pages.len_bytes()) }
    }
}

// SAFETY: (1) moving the value leaves the pages in place; (2) it owns them; (3) leaked, they stay
// mapped; (4) nothing here can panic.
unsafe impl IoBuf for PageBuf {
    fn io_ptr(&mut self) -> *mut u8 {
        self.pages.base().as_ptr()
    }

    fn io_len(&self) -> usize {
        self.pages.len_bytes()
    }
}

// SAFETY: pointer, length and bytes are those of the pages.
unsafe impl IoBytes for PageBuf {
    fn io_bytes(&self) -> &[u8] {
        self
    }
}

// SAFETY: the pages are writable and owned.
unsafe impl IoBufMut for PageBuf {}

impl fmt::Debug for PageBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageBuf({} bytes)", self.pages.len_bytes())
    }
}
