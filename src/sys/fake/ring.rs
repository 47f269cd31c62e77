//! [`RingMemory`]: a completion ring in plain memory, and the kernel's end of it.

use crate::abi::{AioContext, AioRing, IoEvent};
use core::{mem::offset_of, ptr::NonNull};
use std::alloc::{self, Layout};

/// The pages of a ring. Everything in it is read and written through raw pointers: the process has
/// it too.
#[derive(Debug)]
pub(super) struct RingMemory {
    base: NonNull<u8>,
    layout: Layout,
    /// The kernel's own copy: `ctx->nr_events`.
    pub(super) nr: u32,
    /// The kernel's own tail: `ctx->tail`.
    tail: u32,
}

const PAGE: usize = 4096;

impl RingMemory {
    /// The ring of a context for that many requests, as `aio_setup_ring` makes it.
    pub(super) fn new(id: u32, asked: u32) -> Self {
        /// Per-processor counters take more than is asked for. This machine has two processors.
        const PROCESSORS: usize = 2;
        let wanted = (asked as usize).max(PROCESSORS * 4) * 2 + 2;
        let pages = (size_of::<AioRing>() + wanted * size_of::<IoEvent>()).div_ceil(PAGE);
        let nr = ((pages * PAGE - size_of::<AioRing>()) / size_of::<IoEvent>()) as u32;
        let layout = Layout::from_size_align(pages * PAGE, PAGE).expect("not too many pages");
        // SAFETY: of at least one page.
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
        // SAFETY: the first bytes of the page.
        unsafe { ring.base.cast::<AioRing>().write(header) };
        ring
    }

    /// The context's number: where the ring is.
    pub(super) fn context(&self) -> AioContext {
        AioContext(self.base.as_ptr().addr() as u64)
    }

    /// Goes so far round, with nothing in it.
    pub(super) fn turn(&mut self, places: u32) {
        self.tail = (self.tail + places) % self.nr;
        self.set(offset_of!(AioRing, head), self.tail);
        self.set(offset_of!(AioRing, tail), self.tail);
    }

    /// Puts an event in: `aio_complete`.
    pub(super) fn post(&mut self, event: IoEvent) {
        self.write_event(self.tail, event);
        self.tail = (self.tail + 1) % self.nr;
        self.set(offset_of!(AioRing, tail), self.tail);
    }

    /// Takes events out: `aio_read_events_ring`. It believes the shared numbers, and looks at their
    /// remainders.
    pub(super) fn take(&mut self) -> Option<IoEvent> {
        let (head, tail) = self.bounds();
        if head == tail {
            return None;
        }
        // SAFETY: in the ring.
        let event = unsafe { self.place(head).read() };
        self.set(offset_of!(AioRing, head), (head + 1) % self.nr);
        Some(event)
    }

    /// How many events there are, by the shared numbers.
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
        // SAFETY: in the header, and aligned.
        unsafe { self.word(offset).write_volatile(word) };
    }

    /// A word of the header.
    pub(super) fn get(&self, offset: usize) -> u32 {
        // SAFETY: in the header, and aligned.
        unsafe { self.word(offset).read_volatile() }
    }

    fn word(&self, offset: usize) -> *mut u32 {
        self.base.as_ptr().wrapping_add(offset).cast()
    }

    /// Overwrites the event at a place.
    pub(super) fn write_event(&self, place: u32, event: IoEvent) {
        // SAFETY: in the ring.
        unsafe { self.place(place).write_volatile(event) };
    }

    fn place(&self, place: u32) -> NonNull<IoEvent> {
        assert!(place < self.nr);
        // SAFETY: the header is as long as an event, and there are `nr` places after it.
        unsafe { self.base.cast::<IoEvent>().add(1 + place as usize) }
    }
}

impl Drop for RingMemory {
    fn drop(&mut self) {
        // SAFETY: of `alloc`, with this layout; the context is gone.
        unsafe { alloc::dealloc(self.base.as_ptr(), self.layout) };
    }
}
