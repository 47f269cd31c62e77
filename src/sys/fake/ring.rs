//! [`RingMemory`]: a completion ring in memory, as the kernel accesses it.

use crate::abi::{AioContext, AioRing, IoEvent};
use core::{mem::offset_of, ptr::NonNull};
use std::alloc::{self, Layout};

/// The pages of a ring. All accesses are by raw pointers, because the process accesses them too.
#[derive(Debug)]
pub(super) struct RingMemory {
    base: NonNull<u8>,
    layout: Layout,
    /// The number of entries, `ctx->nr_events`.
    pub(super) nr: u32,
    /// The kernel's own tail, `ctx->tail`.
    tail: u32,
}

const PAGE: usize = 4096;

impl RingMemory {
    /// Makes the ring of a context for `asked` requests, as `aio_setup_ring` does.
    pub(super) fn new(id: u32, asked: u32) -> Self {
        /// The number of processors, for whose counters the kernel adds entries.
        const PROCESSORS: usize = 2;
        let wanted = (asked as usize).max(PROCESSORS * 4) * 2 + 2;
        let pages = (size_of::<AioRing>() + wanted * size_of::<IoEvent>()).div_ceil(PAGE);
        let nr = ((pages * PAGE - size_of::<AioRing>()) / size_of::<IoEvent>()) as u32;
        let layout = Layout::from_size_align(pages * PAGE, PAGE).expect("a valid size");
        // SAFETY: the layout has at least one page.
        let base = unsafe { alloc::alloc_zeroed(layout) };
        let base = NonNull::new(base).expect("memory for the fake kernel's ring");
        base.as_ptr().expose_provenance();
        let ring = Self { base, layout, nr, tail: 0 };
        let header = AioRing {
            id,
            nr,
            head: 0,
            tail: 0,
            magic: AioRing::MAGIC,
            compat_features: 1,
            incompat_features: AioRing::INCOMPAT_FEATURES,
            header_length: AioRing::HEADER_LENGTH,
        };
        // SAFETY: the header is at the start of the pages.
        unsafe { ring.base.cast::<AioRing>().write(header) };
        ring
    }

    /// Returns the number of the context: the address of the ring.
    pub(super) fn context(&self) -> AioContext {
        AioContext(self.base.as_ptr().addr() as u64)
    }

    /// Advances head and tail of an empty ring by `entries`.
    pub(super) fn advance(&mut self, entries: u32) {
        self.tail = (self.tail + entries) % self.nr;
        self.set(offset_of!(AioRing, head), self.tail);
        self.set(offset_of!(AioRing, tail), self.tail);
    }

    /// Adds an event, as `aio_complete` does.
    pub(super) fn post(&mut self, event: IoEvent) {
        self.write_event(self.tail, event);
        self.tail = (self.tail + 1) % self.nr;
        self.set(offset_of!(AioRing, tail), self.tail);
    }

    /// Takes an event, as `aio_read_events_ring` does: it uses the remainders of the shared head
    /// and tail.
    pub(super) fn take(&mut self) -> Option<IoEvent> {
        let (head, tail) = self.bounds();
        if head == tail {
            return None;
        }
        // SAFETY: `entry` returns the address of an entry, which is initialised.
        let event = unsafe { self.entry(head).read() };
        self.set(offset_of!(AioRing, head), (head + 1) % self.nr);
        Some(event)
    }

    /// Returns the number of events, from the shared head and tail.
    pub(super) fn len(&self) -> u32 {
        let (head, tail) = self.bounds();
        if head <= tail { tail - head } else { self.nr - head + tail }
    }

    fn bounds(&self) -> (u32, u32) {
        let head = self.get(offset_of!(AioRing, head)) % self.nr;
        let tail = self.get(offset_of!(AioRing, tail)) % self.nr;
        (head, tail)
    }

    /// Overwrites a word of the header.
    pub(super) fn set(&self, offset: usize, word: u32) {
        // SAFETY: all callers pass the offset of a word of the header.
        unsafe { self.word(offset).write_volatile(word) };
    }

    /// Reads a word of the header.
    pub(super) fn get(&self, offset: usize) -> u32 {
        // SAFETY: all callers pass the offset of a word of the header.
        unsafe { self.word(offset).read_volatile() }
    }

    fn word(&self, offset: usize) -> *mut u32 {
        self.base.as_ptr().wrapping_add(offset).cast()
    }

    /// Overwrites the event at an index.
    pub(super) fn write_event(&self, index: u32, event: IoEvent) {
        // SAFETY: `entry` returns the address of an entry.
        unsafe { self.entry(index).write_volatile(event) };
    }

    fn entry(&self, index: u32) -> NonNull<IoEvent> {
        assert!(index < self.nr);
        // SAFETY: the header is as long as an event, and `nr` entries follow it.
        unsafe { self.base.cast::<IoEvent>().add(1 + index as usize) }
    }
}

impl Drop for RingMemory {
    fn drop(&mut self) {
        // SAFETY: the memory comes from `alloc_zeroed` with this layout. The context was destroyed,
        // so the program does not use its ring any more.
        unsafe { alloc::dealloc(self.base.as_ptr(), self.layout) };
    }
}
