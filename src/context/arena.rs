//! [`Arena`]: the pages of a context.
//!
//! One mapping contains, in this order: the pointers for one `io_submit`, the ids of completed
//! requests, the events of one `io_getevents`, and the slots. Because they are not in the handle,
//! the handle is small, and the iocbs do not move with it. The parts that do not depend on the
//! types of buffer and tag come first.

use crate::{
    abi::{IoEvent, Iocb},
    slots::{Slot, Slots},
    sys::mm::Pages,
    types::{Errno, cast},
};
use core::{mem::MaybeUninit, slice};

/// The pages of a context, with room for a number of requests.
///
/// # Invariants
///
/// The pages have room for the pointers, ids and events of `capacity` requests.
#[derive(Debug)]
pub(super) struct Arena {
    pages: Pages,
    capacity: u32,
}

/// The minimum alignment of the slots: a cache line.
const LINE: usize = 64;

/// The number of bytes for each request before the slots: a pointer, two ids, an event.
const PER_REQUEST: usize = size_of::<*mut Iocb>() + IDS + size_of::<IoEvent>();
const IDS: usize = 2 * size_of::<u64>();

impl Arena {
    /// Makes an arena for no requests, without pages.
    pub(super) const fn none() -> Self {
        Self { pages: Pages::none(), capacity: 0 }
    }

    /// Maps pages for `capacity` requests with buffer `B` and tag `T`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new<B, T>(capacity: u32) -> Result<Self, Errno> {
        let len = Self::len::<B, T>(capacity).ok_or(Errno::ENOMEM)?;
        Ok(Self { pages: Pages::map(len)?, capacity })
    }

    /// Returns the number of requests for which there is room.
    pub(super) const fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Returns the offset of the slots, in bytes.
    fn slots_at<B, T>(capacity: u32) -> Option<usize> {
        const {
            assert!(
                align_of::<Slot<B, T>>() <= Pages::ALIGN,
                "buffers and tags may be aligned to at most 4096 bytes"
            );
        }
        let before = cast::from_u32(capacity).checked_mul(PER_REQUEST)?;
        before.checked_next_multiple_of(LINE.max(align_of::<Slot<B, T>>()))
    }

    /// Returns the number of bytes for `capacity` requests with buffer `B` and tag `T`.
    fn len<B, T>(capacity: u32) -> Option<usize> {
        let slots = cast::from_u32(capacity).checked_mul(size_of::<Slot<B, T>>())?;
        Self::slots_at::<B, T>(capacity)?.checked_add(slots)
    }

    /// Maps new pages, if the existing ones have not enough room for slots with buffer `B` and tag
    /// `T`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; the existing pages are kept.
    pub(super) fn ensure<B, T>(&mut self) -> Result<(), Errno> {
        if Self::len::<B, T>(self.capacity).is_none_or(|len| self.pages.len_bytes() < len) {
            *self = Self::new::<B, T>(self.capacity)?;
        }
        Ok(())
    }

    /// Makes an empty table in the pages.
    ///
    /// # Safety
    ///
    /// 1. The pages have room for slots with buffer `B` and tag `T`: the arena was made by
    ///    [`new`](Self::new) for these types, or [`ensure`](Self::ensure) has succeeded for them.
    /// 2. The table is not used after the arena is dropped.
    /// 3. No table that was made in the arena before is used again.
    pub(super) unsafe fn slots<B, T>(&self, generation: u32) -> Slots<B, T> {
        let base = self.pages.base().as_ptr();
        // It does not overflow: `new` or `ensure` has computed it (duty 1 of the caller).
        let at = Self::slots_at::<B, T>(self.capacity).unwrap_or(0);
        let (slots, ids) = (base.wrapping_add(at), base.wrapping_add(self.ids_at()));
        // SAFETY: the pages have room for the slots from `at` on (duty 1), and for twice as many
        // ids at `ids_at` (invariant). Both are aligned: the pages are aligned to at least `ALIGN`,
        // which `slots_at` checks to be sufficient, and both offsets are multiples of the
        // alignment. The pages are not dropped before the table (duty 2). No other table uses them
        // (duty 3), and the methods of the arena use other bytes.
        unsafe { Slots::new(slots.cast(), ids.cast(), self.capacity, generation) }
    }

    /// Returns the offset of the ids, in bytes.
    const fn ids_at(&self) -> usize {
        cast::from_u32(self.capacity) * size_of::<*mut Iocb>()
    }

    /// Returns the memory for the pointers of one call.
    #[inline]
    pub(super) fn pointers(&mut self) -> &mut [MaybeUninit<*mut Iocb>] {
        let start = self.pages.base().as_ptr().cast();
        // SAFETY: the pages begin with `capacity` pointers (invariant). The table uses other bytes,
        // and `&mut self` excludes other references to these. If the capacity is 0, the slice is
        // empty, and its address is aligned and not null.
        unsafe { slice::from_raw_parts_mut(start, cast::from_u32(self.capacity)) }
    }

    /// Returns the memory for the pointers of one call, for reading.
    #[inline]
    pub(super) fn peek_pointers(&self) -> &[MaybeUninit<*mut Iocb>] {
        let start = self.pages.base().as_ptr().cast();
        // SAFETY: the pages begin with `capacity` pointers (invariant). The table uses other bytes,
        // and `&self` excludes mutable references to these. If the capacity is 0, the slice is
        // empty, and its address is aligned and not null.
        unsafe { slice::from_raw_parts(start, cast::from_u32(self.capacity)) }
    }

    /// Returns the memory for the events of one call.
    #[inline]
    pub(super) fn events(&mut self) -> &mut [MaybeUninit<IoEvent>] {
        let at = self.ids_at() + cast::from_u32(self.capacity) * IDS;
        let start = self.pages.base().as_ptr().wrapping_add(at);
        // SAFETY: after the ids, the pages have `capacity` events (invariant), with the same
        // alignment. The table uses other bytes, and `&mut self` excludes other references to
        // these. If the capacity is 0, the slice is empty, and its address is aligned and not null.
        unsafe { slice::from_raw_parts_mut(start.cast(), cast::from_u32(self.capacity)) }
    }

    /// Leaves the pages mapped for ever.
    pub(super) fn leak(self) {
        self.pages.leak();
    }
}
