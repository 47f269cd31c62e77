//! [`Arena`]: where things are in the pages of a context.
//!
//! One mapping holds, in this order: the pointers of one `io_submit`, the ids of completed requests,
//! room for the events of one `io_getevents`, and the slots. They are here and not in the handle so
//! that the handle is small and the iocbs stay where they are when it moves. What every request uses
//! comes first, and does not depend on the type of buffer and tag.

use crate::{
    abi::{IoEvent, Iocb},
    slots::{Slot, Slots},
    sys::mm::Pages,
    types::{Errno, cast},
};
use core::{mem::MaybeUninit, slice};

/// The pages of a context, and how many requests they have room for.
///
/// # Invariants
///
/// The pages have room for the pointers, ids and events of `capacity` requests.
#[derive(Debug)]
pub(super) struct Arena {
    pages: Pages,
    capacity: u32,
}

/// What slots are aligned to at least: a cache line.
const LINE: usize = 64;

/// Bytes for each request before the slots: a pointer, two ids, an event.
const PER_REQUEST: usize = size_of::<*mut Iocb>() + IDS + size_of::<IoEvent>();
const IDS: usize = 2 * size_of::<u64>();

impl Arena {
    /// Nothing, for no requests.
    pub(super) const fn none() -> Self {
        Self { pages: Pages::none(), capacity: 0 }
    }

    /// Nothing yet, for that many requests with buffer `B` and tag `T`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new<B, T>(capacity: u32) -> Result<Self, Errno> {
        let len = Self::len::<B, T>(capacity).ok_or(Errno::ENOMEM)?;
        Ok(Self { pages: Pages::map(len)?, capacity })
    }

    /// How many requests there is room for.
    pub(super) const fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Where the slots begin, in bytes.
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

    /// How many bytes are needed in all.
    fn len<B, T>(capacity: u32) -> Option<usize> {
        let slots = cast::from_u32(capacity).checked_mul(size_of::<Slot<B, T>>())?;
        Self::slots_at::<B, T>(capacity)?.checked_add(slots)
    }

    /// Maps other pages, if those there are have too little room for slots with buffer `B` and tag
    /// `T`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; the pages stay.
    pub(super) fn ensure<B, T>(&mut self) -> Result<(), Errno> {
        if Self::len::<B, T>(self.capacity).is_none_or(|len| self.pages.len_bytes() < len) {
            *self = Self::new::<B, T>(self.capacity)?;
        }
        Ok(())
    }

    /// An empty table in the pages.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    ///
    /// # Safety
    ///
    /// 1. The pages outlive the use of the table.
    /// 2. No table that was made of them before is used again.
    pub(super) unsafe fn slots<B, T>(&mut self, generation: u32) -> Result<Slots<B, T>, Errno> {
        self.ensure::<B, T>()?;
        let base = self.pages.base().as_ptr();
        let at = Self::slots_at::<B, T>(self.capacity).ok_or(Errno::ENOMEM)?;
        let (slots, ids) = (base.wrapping_add(at), base.wrapping_add(self.ids_at()));
        // SAFETY: the pages have room for the slots from `at` on (`ensure`) and, before them, for twice
        // as many ids. Both are aligned: pages to at least `ALIGN`, which suffices (`slots_at`), and what
        // comes before the ids and the slots is a multiple of what they need. The caller gives both to
        // this table alone.
        Ok(unsafe { Slots::new(slots.cast(), ids.cast(), self.capacity, generation) })
    }

    /// Where the ids begin, in bytes.
    const fn ids_at(&self) -> usize {
        cast::from_u32(self.capacity) * size_of::<*mut Iocb>()
    }

    /// Room for the pointers of one call.
    #[inline]
    pub(super) fn pointers(&mut self) -> &mut [MaybeUninit<*mut Iocb>] {
        let start = self.pages.base().as_ptr().cast();
        // SAFETY: the invariant: there is room for as many, first in the pages; the table uses other
        // bytes; `&mut self` excludes a second slice. With no capacity, it is an empty slice, and the
        // address is aligned nevertheless.
        unsafe { slice::from_raw_parts_mut(start, cast::from_u32(self.capacity)) }
    }

    /// The pointers of the last call, to look at.
    #[inline]
    pub(super) fn peek_pointers(&self) -> &[MaybeUninit<*mut Iocb>] {
        let start = self.pages.base().as_ptr().cast();
        // SAFETY: as in `pointers`; `&self` excludes writers.
        unsafe { slice::from_raw_parts(start, cast::from_u32(self.capacity)) }
    }

    /// Room for the events of one call.
    #[inline]
    pub(super) fn events(&mut self) -> &mut [MaybeUninit<IoEvent>] {
        let at = self.ids_at() + cast::from_u32(self.capacity) * IDS;
        let start = self.pages.base().as_ptr().wrapping_add(at);
        // SAFETY: the invariant: there is room for as many behind the ids, aligned as they are; else as
        // for the pointers.
        unsafe { slice::from_raw_parts_mut(start.cast(), cast::from_u32(self.capacity)) }
    }

    /// Never gives the pages back.
    pub(super) fn leak(self) {
        self.pages.leak();
    }
}
