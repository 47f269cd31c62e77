//! Where things are in the pages of a context.
//!
//! One mapping holds, in this order: the slots, room for the events of one `io_getevents`, the
//! pointers of one `io_submit`, and the ids of completed requests. They are here and not in the handle
//! so that the handle is small and the iocbs stay where they are when it moves.

use crate::{
    abi::{IoEvent, Iocb},
    errno::Errno,
    pages::Pages,
    slots::{Slot, Slots},
};
use core::{marker::PhantomData, mem::MaybeUninit, slice};

/// The plan of the pages for `N` requests with buffer `B` and tag `T`.
pub(crate) struct Memory<B, T, const N: usize>(PhantomData<(B, T)>);

impl<B, T, const N: usize> Memory<B, T, N> {
    /// Slots start at 0; in bytes, events start here. Slots are a multiple of 8 bytes, since they
    /// hold an iocb, so what follows them is aligned.
    const EVENTS: usize = N * size_of::<Slot<B, T>>();
    /// In bytes, pointers start here.
    const POINTERS: usize = Self::EVENTS + N * size_of::<IoEvent>();
    /// In bytes, ids start here.
    const DONE: usize = Self::POINTERS + N * size_of::<*mut Iocb>();
    /// How many bytes there are in all.
    const LEN: usize = Self::DONE + 2 * N * size_of::<u64>();

    /// How many slots there are.
    #[expect(clippy::as_conversions, reason = "`N` was just found to fit")]
    const CAPACITY: u32 = {
        assert!(N > 0, "a context needs room for at least one request");
        assert!(N <= u32::MAX as usize, "a context has room for at most u32::MAX requests");
        assert!(
            align_of::<Slot<B, T>>() <= Pages::ALIGN,
            "buffers and tags may be aligned to at most 4096 bytes"
        );
        N as u32
    };

    /// Maps pages with room for everything, unless those there are have it already.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn ensure(pages: &mut Pages) -> Result<(), Errno> {
        if pages.len_bytes() < Self::LEN {
            *pages = Pages::map(Self::LEN)?;
        }
        Ok(())
    }

    /// An empty table in the pages.
    ///
    /// # Safety
    ///
    /// 1. The pages went through [`ensure`](Self::ensure), and outlive the use of the table.
    /// 2. No table that was made of them before is used again.
    pub(crate) unsafe fn slots(pages: &mut Pages, generation: u32) -> Slots<B, T> {
        let base = pages.base().as_ptr();
        // SAFETY: `DONE` lies within the pages.
        let done = unsafe { base.add(Self::DONE) };
        // SAFETY: pages are aligned to at least `ALIGN`, which suffices (`CAPACITY`). The first
        // `EVENTS` bytes have room for `N` slots, and those from `DONE` on for twice as many ids, aligned
        // since all before them are multiples of 8 bytes. The caller gives both to this table alone.
        unsafe { Slots::new(base.cast(), done.cast(), Self::CAPACITY, generation) }
    }

    /// Room for the events of one call; none if the pages did not go through
    /// [`ensure`](Self::ensure), as those of a context that has moved out.
    #[inline]
    pub(crate) fn events(pages: &mut Pages) -> &mut [MaybeUninit<IoEvent>] {
        if pages.len_bytes() < Self::LEN {
            return &mut [];
        }
        // SAFETY: `EVENTS` lies within the pages.
        let start = unsafe { pages.base().as_ptr().add(Self::EVENTS) };
        // SAFETY: aligned and long enough, by the plan; the table uses other bytes; `&mut Pages`
        // excludes a second slice.
        unsafe { slice::from_raw_parts_mut(start.cast(), N) }
    }

    /// Room for the pointers of one call; none if the pages did not go through
    /// [`ensure`](Self::ensure).
    #[inline]
    pub(crate) fn pointers(pages: &mut Pages) -> &mut [MaybeUninit<*mut Iocb>] {
        if pages.len_bytes() < Self::LEN {
            return &mut [];
        }
        // SAFETY: `POINTERS` lies within the pages.
        let start = unsafe { pages.base().as_ptr().add(Self::POINTERS) };
        // SAFETY: as for the events.
        unsafe { slice::from_raw_parts_mut(start.cast(), N) }
    }
}
