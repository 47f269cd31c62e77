//! [`PageBuf`]: a buffer for direct I/O, without an allocator.

use super::{IoBuf, IoBufMut, IoBytes};
use crate::{
    sys::mm::{HUGE_PAGE, Pages},
    types::Errno,
};
use core::{
    fmt,
    ops::{Deref, DerefMut},
    slice,
};

/// A page-aligned, zeroed buffer from `mmap`, in pages of its own.
///
/// The alignment is sufficient for `O_DIRECT` on every file system and device. The length should be
/// a multiple of the logical block size, 512 or 4096 bytes
/// ([`Alignment`](crate::direct::Alignment) finds it out). Direct reads into whole pages are also
/// safe from lost bytes if the process forks while they are in flight, see [`IoBuf`].
///
/// Each buffer is a separate mapping, so making one is slow: reuse the buffers that completions
/// return, or take buffers from a [`BufPool`](crate::BufPool). A buffer of 2 MiB or more is in
/// transparent huge pages, if the machine has them.
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
/// `mmap(2)` with `MAP_PRIVATE | MAP_ANONYMOUS`; from 2 MiB on, `madvise(2)` with `MADV_HUGEPAGE`.
pub struct PageBuf {
    pages: Pages,
}

impl PageBuf {
    /// Maps a buffer of `len_bytes` zeros. If `len_bytes` is 0, returns [`empty`](Self::empty).
    ///
    /// # Errors
    ///
    /// An errno alone, which does not say which call failed when it is printed.
    ///
    /// * `ENOMEM`: there is no memory, or there are more mappings than `vm.max_map_count` allows.
    /// * `EAGAIN`: the process locks its memory (`mlockall(MCL_FUTURE)`), and `RLIMIT_MEMLOCK` is
    ///   used up.
    pub fn new(len_bytes: usize) -> Result<Self, Errno> {
        if len_bytes == 0 {
            return Ok(Self::empty());
        }
        if len_bytes >= HUGE_PAGE {
            let (pages, _huge) = Pages::map_transparent(len_bytes)?;
            return Ok(Self { pages });
        }
        Ok(Self { pages: Pages::map(len_bytes)? })
    }

    /// Returns a buffer of no bytes, without pages, for [`with_buf`](crate::Request::with_buf) of a
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
        // SAFETY: the pages have this length, are initialised by the kernel, and only this value
        // owns them. If there are no pages, the length is 0 and the pointer is aligned and not
        // null. `&self` excludes writes.
        unsafe { slice::from_raw_parts(self.pages.base().as_ptr(), self.pages.len_bytes()) }
    }
}

impl AsRef<[u8]> for PageBuf {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl DerefMut for PageBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: the pages have this length, are initialised by the kernel, and only this value
        // owns them. If there are no pages, the length is 0 and the pointer is aligned and not
        // null. `&mut self` excludes every other access.
        unsafe { slice::from_raw_parts_mut(self.pages.base().as_ptr(), self.pages.len_bytes()) }
    }
}

// SAFETY: (1) moving the value does not move the pages, which are initialised; (2) the value owns
// the pages, and the request owns the value; (3) the pages of a leaked value stay mapped; (4) the
// methods return the fields of the value; (5) values differ in length only.
unsafe impl IoBuf for PageBuf {
    fn io_ptr(&mut self) -> *mut u8 {
        self.pages.base().as_ptr()
    }

    fn io_len(&self) -> usize {
        self.pages.len_bytes()
    }
}

// SAFETY: `io_ptr` and `io_len` are the address and the length of the pages.
unsafe impl IoBytes for PageBuf {}

// SAFETY: the value owns the pages, which are mapped writable.
unsafe impl IoBufMut for PageBuf {}

impl fmt::Debug for PageBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageBuf({} bytes)", self.pages.len_bytes())
    }
}
