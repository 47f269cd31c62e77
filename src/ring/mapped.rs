//! [`Mapped`]: a ring where the kernel has mapped it.

use super::{Memory, Ring};
use crate::{
    abi::{AioContext, AioRing, IoEvent},
    width,
};
use core::{
    mem::offset_of,
    ptr::NonNull,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

/// The memory of a ring, by its address.
///
/// Never borrowed as a whole: the kernel writes to it. All that is made are atomics, of one word
/// each, so that whoever else writes there by mistake makes for a wrong number and not for
/// undefined behaviour.
///
/// # Invariants
///
/// At `base`, aligned to 8 bytes, is the header, followed by as many events as it said when it was
/// validated. They stay mapped, readable and writable, for as long as this value is used.
#[derive(Clone, Debug)]
pub(crate) struct Mapped {
    base: NonNull<AioRing>,
}

// SAFETY: memory of the process, tied to no thread; each access is atomic. That there is only one
// consumer at a time is the duty of `Ring`: what takes events out has or borrows `&mut Ring`.
unsafe impl Send for Mapped {}
// SAFETY: through a shared reference words are loaded atomically. (`store_head` takes `&self` too,
// and is as atomic; who calls it has or borrows `&mut Ring`.)
unsafe impl Sync for Mapped {}

impl Ring<Mapped> {
    /// The largest number of places: a ring of 512 MiB. `ioctx_alloc` asks for at most half of it.
    const MOST: u32 = 1 << 24;

    /// The ring of a context that was asked to hold `nr_events`, if it has one that can be read
    /// from user space.
    ///
    /// It has none in sandboxes that only imitate the kernel (gVisor), and may have none that is
    /// understood on future kernels (`incompat_features`).
    ///
    /// # Safety
    ///
    /// 1. `ctx` was made by `io_setup` and lives for as long as the ring is used. Nobody has taken
    ///    events from it.
    /// 2. Until the ring is dropped, nobody takes events from the context, by `io_getevents` or from
    ///    user space, while one of the ring's methods runs or a [`Drain`](super::Drain) lives; nor
    ///    does a forked child of this process, which shares the memory.
    pub(crate) unsafe fn of_context(ctx: AioContext, nr_events: usize) -> Option<Self> {
        // The whole test-suite runs with this too: `io_getevents` must do as well.
        if cfg!(linux_aio_no_ring) {
            return None;
        }
        let address = width::from_u64(ctx.0);
        // `aio_setup_ring` maps whole pages of user space; an address of anything else is a number
        // that some imitation has made up.
        if !address.is_multiple_of(4096) || isize::try_from(address).is_err() {
            return None;
        }
        let nr_events = u32::try_from(nr_events).ok()?;
        let base = NonNull::new(core::ptr::with_exposed_provenance_mut(address))?;
        // SAFETY: `aio_setup_ring` maps the ring with `do_mmap`, shared, readable and writable,
        // starts it with `struct aio_ring` and stores the address of the mapping in `ctx->user_id`,
        // which is what `io_setup` returns. `kill_ioctx` unmaps it (`vm_munmap`), when the context
        // ends. `lookup_ioctx` reads at this address in each system call, and so does the C library
        // libaio, so there is memory to be read even where an imitation of the kernel has no ring.
        // The caller sees to the rest.
        unsafe { Self::validated(base, nr_events) }
    }

    /// The ring at this address, if it is one.
    ///
    /// # Safety
    ///
    /// 1. At `base`, aligned to 8 bytes, there is memory for a header, and if this is that of a
    ///    ring, for its events; readable and writable for as long as the ring is used.
    /// 2. As the second of [`of_context`](Self::of_context).
    pub(super) unsafe fn validated(base: NonNull<AioRing>, nr_events: u32) -> Option<Self> {
        let memory = Mapped { base };
        let word = |offset| memory.header(offset).load(Ordering::Relaxed);
        let understood = word(offset_of!(AioRing, magic)) == AioRing::MAGIC
            && word(offset_of!(AioRing, incompat_features)) == AioRing::INCOMPAT_FEATURES
            && word(offset_of!(AioRing, header_length)) == AioRing::HEADER_LENGTH;
        // Once and for all. `aio_setup_ring` makes room for at least one more than was asked for.
        let nr = word(offset_of!(AioRing, nr));
        if !understood || nr <= nr_events || nr > Self::MOST {
            return None;
        }
        // SAFETY: `aio_setup_ring` computes `nr` from the size of the mapping, and it was read
        // before anybody could have changed it; the caller vouches for one consumer.
        let ring = unsafe { Self::over(memory, nr) };
        ring.is_empty().is_ok().then_some(ring)
    }
}

impl Mapped {
    /// A word of the header.
    #[inline]
    fn header(&self, offset: usize) -> &AtomicU32 {
        // SAFETY: `offset` is that of a field, so this stays within the header.
        let word = unsafe { self.base.byte_add(offset) };
        // SAFETY: mapped and aligned for as long as `self` is used (invariant); a `u32` of
        // `struct aio_ring`, which the kernel loads and stores whole.
        unsafe { AtomicU32::from_ptr(word.cast().as_ptr()) }
    }
}

impl Memory for Mapped {
    #[inline]
    fn load_head(&self, order: Ordering) -> u32 {
        self.header(offset_of!(AioRing, head)).load(order)
    }

    #[inline]
    fn load_tail(&self, order: Ordering) -> u32 {
        self.header(offset_of!(AioRing, tail)).load(order)
    }

    #[inline]
    fn store_head(&self, head: u32, order: Ordering) {
        self.header(offset_of!(AioRing, head)).store(head, order);
    }

    #[inline]
    unsafe fn event(&self, place: u32) -> IoEvent {
        // SAFETY: the header is a whole number of events long (32 bytes), and the events follow it.
        let first = unsafe { self.base.add(1) }.cast::<IoEvent>();
        // SAFETY: the caller says that there are more than `place` events.
        let event = unsafe { first.add(width::from_u32(place)) };
        let word = |offset| {
            // SAFETY: `offset` is that of a field, so this stays within the event.
            let word = unsafe { event.byte_add(offset) };
            // SAFETY: mapped and aligned for as long as `self` is used (invariant); 64 bits of
            // `struct io_event`.
            let word = unsafe { AtomicU64::from_ptr(word.cast().as_ptr()) };
            // Relaxed: the caller's acquire of the tail stands before it.
            word.load(Ordering::Relaxed)
        };
        IoEvent {
            data: word(offset_of!(IoEvent, data)),
            obj: 0, // as the trait says
            res: word(offset_of!(IoEvent, res)).cast_signed(),
            res2: word(offset_of!(IoEvent, res2)).cast_signed(),
        }
    }
}
