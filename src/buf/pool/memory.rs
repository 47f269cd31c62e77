//! [`Memory`]: the pages of a pool.

use super::{
    PageKind,
    block::PoolBuf,
    free::{FreeList, PER_WORD},
};
use crate::{
    sys::{
        mm::{self, Pages},
        smaps,
    },
    types::Errno,
};
use core::{ptr::NonNull, slice, sync::atomic::AtomicUsize};

/// A reference to the pages of a pool. Copies refer to the same pages.
///
/// The blocks are in pages of their own, which huge pages can fill. The state is in another mapping:
/// a [`Header`], then the words of a [`FreeList`].
///
/// # Invariants
///
/// As long as a user is counted and has not left, `header` points to the start of a mapping with an
/// initialised header and `header.words` words after it, which are accessed through shared references
/// only. Every value of this type is used only by a user.
#[derive(Clone, Copy)]
pub(super) struct Memory {
    header: NonNull<Header>,
}

/// The start of the mapping that has the state of a pool.
struct Header {
    users: AtomicUsize,
    /// The number of words of the free list.
    words: usize,
    /// The number of blocks.
    count: usize,
    /// The length of a block.
    len_bytes: usize,
    /// The distance from one block to the next: `len_bytes`, rounded up to whole pages.
    stride: usize,
    kind: PageKind,
    /// The pages of the blocks: at least `count * stride` bytes.
    blocks: Pages,
    /// The pages in which this header is.
    #[expect(dead_code, reason = "it is only dropped")]
    state: Pages,
}

// SAFETY: any thread may use the pages and unmap them. What changes in them is atomic.
unsafe impl Send for Memory {}
// SAFETY: through shared references, the fields of the header are read, or are atomic.
unsafe impl Sync for Memory {}

/// The largest number of blocks, and the largest length of one. (Transfers are shorter than 2 GiB.)
const MAX: usize = 1 << 31;

impl Memory {
    /// Maps the pages, with one user: the caller.
    pub(super) fn map(count: usize, len_bytes: usize, kind: PageKind) -> Result<Self, Errno> {
        if count == 0 || len_bytes == 0 || count > MAX || len_bytes > MAX {
            return Err(Errno::EINVAL);
        }
        // Neither overflows: both numbers are at most 2^31.
        let stride = len_bytes.next_multiple_of(mm::page_size());
        let total = count.checked_mul(stride).ok_or(Errno::ENOMEM)?;
        let words = count.div_ceil(PER_WORD);
        let state = Pages::map(size_of::<Header>() + words * size_of::<AtomicUsize>())?;
        let (blocks, kind) = map_blocks(total, kind)?;
        let header = state.base().cast::<Header>();
        let start = Header {
            users: AtomicUsize::new(1),
            words,
            count,
            len_bytes,
            stride,
            kind,
            blocks,
            state,
        };
        // SAFETY: the mapping has room for a header at its start, which is aligned to a page, and no
        // other code knows the address.
        unsafe { header.write(start) };
        let memory = Self { header };
        // All blocks become free. The mapping was zeroed, so none was until now.
        (0..count).for_each(|index| memory.list().give_back(index));
        Ok(memory)
    }

    #[inline]
    const fn header(&self) -> &Header {
        // SAFETY: the caller is a user, so the header is initialised and mapped, and is accessed
        // through shared references only (invariant). `self` lives no longer than the user.
        unsafe { self.header.as_ref() }
    }

    #[inline]
    fn list(&self) -> FreeList<'_, AtomicUsize> {
        let header = self.header();
        // SAFETY: the words follow the header in the same mapping.
        let words = unsafe { self.header.add(1) }.cast::<AtomicUsize>();
        // SAFETY: there are `header.words` words (invariant), aligned like the header, whose size is a
        // multiple of its alignment. They are zeros or what atomic operations have stored. Nobody has
        // mutable references to them.
        let words = unsafe { slice::from_raw_parts(words.as_ptr(), header.words) };
        FreeList::new(&header.users, words)
    }

    /// Takes the free block with the lowest index at or after `first`.
    #[inline]
    pub(super) fn take_from(&self, first: usize) -> Option<PoolBuf> {
        let index = self.list().take_from(first)?;
        let header = self.header();
        // SAFETY: bits are set for indexes below `count` only, so the result is within the blocks.
        let bytes = unsafe { header.blocks.base().add(index * header.stride) };
        // SAFETY: (1) the block was just taken, and counted as a user; (2) these are its bytes, which
        // the kernel has initialised with zeros.
        Some(unsafe { PoolBuf::new(*self, index, bytes, header.len_bytes) })
    }

    /// Makes a block free, and ends the use of the memory by its owner.
    ///
    /// # Safety
    ///
    /// The caller owns the block with this index, was counted as a user when the block was taken, and
    /// uses neither the block nor the memory afterwards.
    #[inline]
    pub(super) unsafe fn give_back(&self, index: usize) {
        self.list().give_back(index);
        // SAFETY: the caller is a user that does not use the memory again (duty of the caller).
        unsafe { self.leave() };
    }

    /// Ends the use of the memory by a user. The last one unmaps it.
    ///
    /// # Safety
    ///
    /// The caller was counted as a user, has not left before, and does not use the memory afterwards.
    #[inline]
    pub(super) unsafe fn leave(&self) {
        if self.list().leave() {
            // SAFETY: this was the last user.
            unsafe { self.unmap() };
        }
    }

    /// Unmaps the pages.
    ///
    /// # Safety
    ///
    /// There are no more users.
    #[cold]
    unsafe fn unmap(&self) {
        // SAFETY: the header is initialised, and is not used again: there are no more users (duty of
        // the caller). The value has the pages, so dropping it unmaps them, including its own.
        drop(unsafe { self.header.read() });
    }

    pub(super) fn available(&self) -> usize {
        self.list().count()
    }

    pub(super) const fn count(&self) -> usize {
        self.header().count
    }

    pub(super) const fn len_bytes(&self) -> usize {
        self.header().len_bytes
    }

    pub(super) const fn kind(&self) -> PageKind {
        self.header().kind
    }

    pub(super) fn huge_bytes(&self) -> Result<usize, Errno> {
        let blocks = &self.header().blocks;
        let start = blocks.base().as_ptr().addr();
        let huge = smaps::huge_bytes(start..start + blocks.len_bytes())?;
        Ok(huge.min(blocks.len_bytes()))
    }

    /// Returns the number of values that use the memory.
    #[cfg(all(test, not(loom)))]
    pub(super) fn users(&self) -> usize {
        self.header().users.load(core::sync::atomic::Ordering::Relaxed)
    }
}

/// Maps `len` bytes in pages of the best kind that the machine has, up to `kind`.
fn map_blocks(len: usize, kind: PageKind) -> Result<(Pages, PageKind), Errno> {
    if kind == PageKind::HugeTlb
        && let Ok(pages) = Pages::map_hugetlb(len)
    {
        return Ok((pages, PageKind::HugeTlb));
    }
    if kind == PageKind::Base {
        return Ok((Pages::map(len)?, PageKind::Base));
    }
    let (pages, huge) = Pages::map_transparent(len)?;
    Ok((pages, if huge { PageKind::Transparent } else { PageKind::Base }))
}
