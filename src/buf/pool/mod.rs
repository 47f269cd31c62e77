//! [`BufPool`]: buffers of equal length in one mapping.

mod block;
mod free;
#[cfg(test)]
mod loom;
mod memory;
#[cfg(all(test, not(loom)))]
mod tests;

pub use block::PoolBuf;

use crate::types::Errno;
use core::fmt;
use memory::Memory;

/// A fixed number of buffers of equal length, in one mapping, if possible in huge pages.
///
/// A direct transfer has a segment for each page that does not follow the one before it in physical
/// memory. From a buffer in ordinary pages, which are usually scattered, 1 MiB has up to 256
/// segments; from a huge page it has one. So large direct transfers are faster from a pool, and take
/// less CPU time, than from a [`PageBuf`](crate::PageBuf) or the heap.
///
/// The memory is mapped when the pool is made. After that, [`take`](Self::take) and the drop of a
/// [`PoolBuf`] make no system call: a buffer goes back to its pool when it is dropped, in whichever
/// thread. The memory is unmapped when the pool and all its buffers have been dropped, in any order.
/// To use a pool in several threads, share a reference to it, or an `Arc`.
///
/// ```
/// use linux_aio::{BufPool, Context, PoolBuf, Request};
///
/// # fn main() -> std::io::Result<()> {
/// # let file = tempfile::tempfile()?;
/// # file.set_len(1 << 20)?;
/// let pool = BufPool::new(16, 256 * 1024)?; // 16 buffers of 256 KiB
/// let mut cx = Context::<PoolBuf, u64>::new(16)?;
/// let mut offset = 0;
/// while let Some(buf) = pool.take() {
///     if offset == 1 << 20 {
///         break;
///     }
///     cx.submit_one(Request::read(&file, buf, offset).tag(offset))?;
///     offset += 256 * 1024;
/// }
/// for done in cx.wait_all(None)? {
///     assert_eq!(done.bytes()?, 256 * 1024);
///     // `done.buf` goes back to the pool here.
/// }
/// assert_eq!(pool.available(), 16);
/// # Ok(())
/// # }
/// ```
///
/// # Memory
///
/// Each buffer begins at a page, and no other buffer is in its last page: a buffer of 512 bytes takes
/// 4096 (on aarch64, the page size of the kernel). In addition, the pool takes one page for each 32,000
/// buffers or so. Memory is zeroed by the kernel when it is touched for the first time, and is not
/// cleared when a buffer is given back.
///
/// # Forks
///
/// A forked child has a copy of the pool and of its buffers. What it takes, writes or drops does not
/// affect the parent.
///
/// In pages of the kind [`HugeTlb`](PageKind::HugeTlb), the child must not access the buffers unless
/// the reserve has as many pages again as the parent or the child writes to. The reserve of the pool
/// is that of the parent: if no other page is left, the child gets `SIGBUS`, when it writes to a
/// buffer, and also when it reads one that the parent has written to since the fork.
///
/// A process that forks while direct reads are in flight can lose the bytes of these reads, see
/// [`IoBuf`](crate::IoBuf#direct-io-and-fork). What the kernel copies then is a page. Before Linux
/// 5.8, this is a whole huge page, which contains several buffers; in pages of the kind
/// [`HugeTlb`](PageKind::HugeTlb) it is so in all kernels that are affected. A program that forks
/// meanwhile, on such a kernel, should use [`Base`](PageKind::Base) pages.
//
// # Invariants
//
// `memory` is counted as a user of the memory, once.
pub struct BufPool {
    memory: Memory,
}

/// The kind of pages that a [`BufPool`] consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PageKind {
    /// Pages of the usual size, 4096 bytes on x86_64.
    Base,
    /// Transparent huge pages: the kernel uses huge pages of 2 MiB where it finds memory for them,
    /// and pages of the usual size elsewhere. [`BufPool::huge_bytes`] returns how much it found.
    Transparent,
    /// Pages of 2 MiB from the reserve of huge pages, which the administrator has set apart
    /// (`vm.nr_hugepages`).
    HugeTlb,
}

impl BufPool {
    /// Makes a pool of `count` buffers of `len_bytes` bytes each, in transparent huge pages if the
    /// machine has them.
    ///
    /// For direct I/O, `len_bytes` should be a multiple of the logical block size, 512 or 4096 bytes.
    ///
    /// # Errors
    ///
    /// An errno alone, which does not say which call failed when it is printed.
    ///
    /// * `EINVAL`: `count` or `len_bytes` is 0, `count` is more than 2^31, or `len_bytes` is more
    ///   than 2^31.
    /// * `ENOMEM`: there is not enough memory, or there are more mappings than `vm.max_map_count`
    ///   allows.
    /// * `EAGAIN`: the process locks its memory (`mlockall(MCL_FUTURE)`), and `RLIMIT_MEMLOCK` is
    ///   used up.
    ///
    /// # Kernel
    ///
    /// `mmap(2)`, `madvise(2)` with `MADV_HUGEPAGE`; since Linux 2.6.38.
    pub fn new(count: usize, len_bytes: usize) -> Result<Self, Errno> {
        Self::with_pages(count, len_bytes, PageKind::Transparent)
    }

    /// Makes a pool like [`new`](Self::new), in pages of the kind `pages`, or, if the machine has
    /// none of this kind, in pages of the kinds before it. [`pages`](Self::pages) returns which kind
    /// it became.
    ///
    /// [`HugeTlb`](PageKind::HugeTlb) pages are reserved for the pool when it is made. They are
    /// rounded up to 2 MiB in all. The limit of a control group (`hugetlb`) is checked only when a
    /// page is touched: the process gets `SIGBUS` if it is exceeded.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    ///
    /// # Kernel
    ///
    /// `mmap(2)` with `MAP_HUGETLB` and the size of 2 MiB; since Linux 3.8.
    #[doc(alias = "MAP_HUGETLB")]
    pub fn with_pages(count: usize, len_bytes: usize, pages: PageKind) -> Result<Self, Errno> {
        Ok(Self { memory: Memory::map(count, len_bytes, pages)? })
    }

    /// Touches every page of the buffers that are in the pool, so that no transfer has to wait for
    /// the kernel to find and clear memory. This takes about 0.1 s for each GiB.
    ///
    /// It writes zeros to the buffers, but need not write to all of their bytes.
    pub fn touch(&mut self) {
        // `&mut self` excludes `take`, so no caller of it finds the pool empty meanwhile.
        let mut first = 0;
        while let Some(mut buf) = self.memory.take_from(first) {
            buf.touch();
            first = buf.index() + 1;
        }
    }

    /// Takes a buffer out of the pool, or returns `None` if there is none. Dropping the buffer gives
    /// it back.
    ///
    /// The content is unspecified: zeros, or what is left of an earlier use.
    ///
    /// A signal handler may call it, and drop the buffer.
    ///
    /// If other threads take buffers and give some back meanwhile, the result may also be `None`
    /// although there was a buffer at each time: 64 buffers are looked at together, one group after
    /// the other.
    #[inline]
    #[must_use]
    pub fn take(&self) -> Option<PoolBuf> {
        self.memory.take_from(0)
    }

    /// Returns how many buffers are in the pool now. Other threads may change it at any time.
    #[must_use]
    pub fn available(&self) -> usize {
        self.memory.available()
    }

    /// Returns the number of buffers, in the pool and taken.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.memory.count()
    }

    /// Returns the length of each buffer, in bytes.
    #[must_use]
    pub const fn len_bytes(&self) -> usize {
        self.memory.len_bytes()
    }

    /// Returns the kind of pages. [`Transparent`](PageKind::Transparent) means that the kernel was
    /// asked for huge pages and may use them; [`huge_bytes`](Self::huge_bytes) returns how many there
    /// are.
    #[must_use]
    pub const fn pages(&self) -> PageKind {
        self.memory.kind()
    }

    /// Returns how many bytes of the pool are in huge pages now. Memory that was not touched is in
    /// no page.
    ///
    /// The kernel may count a neighbouring mapping too. The result is at most the length of the
    /// pool.
    ///
    /// # Errors
    ///
    /// Those of opening and reading `/proc/self/smaps`: `ENOENT` if `/proc` is not mounted.
    ///
    /// # Kernel
    ///
    /// `/proc/self/smaps`, see `proc_pid_smaps(5)`.
    pub fn huge_bytes(&self) -> Result<usize, Errno> {
        self.memory.huge_bytes()
    }
}

impl Drop for BufPool {
    fn drop(&mut self) {
        // SAFETY: the pool was counted as a user (invariant), and does not use the memory again.
        unsafe { self.memory.leave() };
    }
}

impl fmt::Debug for BufPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufPool")
            .field("count", &self.count())
            .field("len_bytes", &self.len_bytes())
            .field("available", &self.available())
            .field("pages", &self.pages())
            .finish()
    }
}
