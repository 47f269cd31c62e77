//! [`Mapped`]: the memory of a ring that the kernel has mapped.

use super::{Memory, Ring};
use crate::{
    abi::{AioContext, AioRing, IoEvent},
    sys,
    types::cast,
};
use core::{
    mem::offset_of,
    ptr::NonNull,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

/// The memory of a ring, given by its address.
///
/// The kernel writes to the memory, so there is never a reference to the header or to an event,
/// only to atomics of one word. If other code writes to the memory by mistake, the result is a
/// wrong number and not undefined behaviour.
///
/// # Invariants
///
/// At `base`, aligned to 8 bytes, is the header, followed by the number of events that the header
/// had when it was validated. They stay mapped, readable and writable, as long as this value is
/// used.
#[derive(Clone, Debug)]
pub(crate) struct Mapped {
    base: NonNull<AioRing>,
}

// SAFETY: any thread may access the memory, and each access is atomic. `Ring` ensures that there is
// one consumer at a time: events are taken through `&mut Ring`.
unsafe impl Send for Mapped {}
// SAFETY: a shared reference accesses the words by atomic loads, and by the atomic store of
// `store_head`, which `Ring` calls through `&mut Ring` only.
unsafe impl Sync for Mapped {}

impl Ring<Mapped> {
    /// The largest accepted number of entries: a ring of 512 MiB. `ioctx_alloc` uses at most half
    /// of it.
    const MOST: u32 = 1 << 24;

    /// Returns the ring of a context that was made for `nr_events`, if the ring can be read in user
    /// space.
    ///
    /// Sandboxes that emulate the kernel (gVisor) have no ring. Future kernels may have a ring with
    /// another layout (`incompat_features`).
    ///
    /// # Safety
    ///
    /// 1. `ctx` was made by `io_setup`, and is not destroyed as long as the ring is used. No event
    ///    was taken from it.
    /// 2. Until the ring is dropped, no other code takes events from the context, by `io_getevents`
    ///    or in user space, while one of the ring's methods runs or a [`Drain`](super::Drain)
    ///    exists. This includes forked children of this process, which share the memory.
    pub(crate) unsafe fn of_context(ctx: AioContext, nr_events: usize) -> Option<Self> {
        // For tests of `io_getevents` alone: the whole test suite also runs with this option.
        if cfg!(linux_aio_no_ring) {
            return None;
        }
        let address = cast::from_u64(ctx.0);
        // `aio_setup_ring` maps whole pages of user space. Any other number comes from an emulated
        // kernel, and is not the address of a ring.
        if !address.is_multiple_of(4096) || isize::try_from(address).is_err() {
            return None;
        }
        // An emulated kernel may also return an address at which nothing is mapped.
        if !sys::is_mapped(address) {
            return None;
        }
        let nr_events = u32::try_from(nr_events).ok()?;
        let base = NonNull::new(core::ptr::with_exposed_provenance_mut(address))?;
        // SAFETY:
        // 1. `aio_setup_ring` maps the ring with `do_mmap`, shared, readable and writable. The
        //    mapping begins with `struct aio_ring`, and its address is `ctx->user_id`, which
        //    `io_setup` returns. `kill_ioctx` unmaps it when the context is destroyed, which does
        //    not happen while the ring is used (duty 1 of the caller). If an emulated kernel has no
        //    ring, `is_mapped` has checked that the page at the address is mapped (if the emulator
        //    implements this check), and the page is assumed to be readable.
        // 2. There is one consumer (duty 2 of the caller).
        unsafe { Self::validated(base, nr_events) }
    }

    /// Returns the ring at this address, if there is a valid header.
    ///
    /// # Safety
    ///
    /// 1. At `base`, aligned to 8 bytes, is memory for a header, and if it is the header of a ring,
    ///    also for its events. The memory is readable and writable as long as the ring is used.
    /// 2. Duty 2 of [`of_context`](Self::of_context).
    pub(super) unsafe fn validated(base: NonNull<AioRing>, nr_events: u32) -> Option<Self> {
        let memory = Mapped { base };
        let word = |field| memory.header(field).load(Ordering::Relaxed);
        let understood = word(Field::Magic) == AioRing::MAGIC
            && word(Field::IncompatFeatures) == AioRing::INCOMPAT_FEATURES
            && word(Field::HeaderLength) == AioRing::HEADER_LENGTH;
        // The only read of `nr`. `aio_setup_ring` makes at least one entry more than `nr_events`.
        let nr = word(Field::Nr);
        if !understood || nr <= nr_events || nr > Self::MOST {
            return None;
        }
        // SAFETY:
        // 1. The memory has the events of its header (duty 1 of the caller): `aio_setup_ring`
        //    computes `nr` from the size of the mapping. `nr` is above `nr_events`, so it is at
        //    least 1.
        // 2. There is one consumer (duty 2 of the caller).
        let ring = unsafe { Self::over(memory, nr) };
        ring.is_empty().is_ok().then_some(ring)
    }
}

/// A field of [`AioRing`].
#[derive(Clone, Copy)]
enum Field {
    Nr,
    Head,
    Tail,
    Magic,
    IncompatFeatures,
    HeaderLength,
}

impl Field {
    /// The offset of the field, in bytes.
    #[inline]
    const fn offset(self) -> usize {
        match self {
            Self::Nr => offset_of!(AioRing, nr),
            Self::Head => offset_of!(AioRing, head),
            Self::Tail => offset_of!(AioRing, tail),
            Self::Magic => offset_of!(AioRing, magic),
            Self::IncompatFeatures => offset_of!(AioRing, incompat_features),
            Self::HeaderLength => offset_of!(AioRing, header_length),
        }
    }
}

impl Mapped {
    /// Returns a word of the header.
    #[inline]
    fn header(&self, field: Field) -> &AtomicU32 {
        // SAFETY: the offset is that of a field of the header, so the result is in the header.
        let word = unsafe { self.base.byte_add(field.offset()) };
        // SAFETY: the header is mapped and aligned as long as `self` is used (invariant). The word
        // is a `u32` of `struct aio_ring`, which the kernel loads and stores whole.
        unsafe { AtomicU32::from_ptr(word.cast().as_ptr()) }
    }

    /// Loads a word of an event.
    ///
    /// # Safety
    ///
    /// 1. There are more than `index` events.
    /// 2. `offset` is that of a field of [`IoEvent`].
    #[inline]
    unsafe fn event_word(&self, index: u32, offset: usize) -> u64 {
        // SAFETY: the events follow the header, which is as long as one event (32 bytes).
        let first = unsafe { self.base.add(1) }.cast::<IoEvent>();
        // SAFETY: there are more than `index` events (duty 1 of the caller).
        let event = unsafe { first.add(cast::from_u32(index)) };
        // SAFETY: `offset` is that of a field (duty 2 of the caller), so the result is in the
        // event.
        let word = unsafe { event.byte_add(offset) };
        // SAFETY: the event is mapped and aligned as long as `self` is used (invariant). The word
        // is a 64-bit field of `struct io_event`.
        let word = unsafe { AtomicU64::from_ptr(word.cast().as_ptr()) };
        // Relaxed: `Ring` has loaded the tail with acquire before.
        word.load(Ordering::Relaxed)
    }
}

impl Memory for Mapped {
    #[inline]
    fn load_head(&self, order: Ordering) -> u32 {
        self.header(Field::Head).load(order)
    }

    #[inline]
    fn load_tail(&self, order: Ordering) -> u32 {
        self.header(Field::Tail).load(order)
    }

    #[inline]
    fn store_head(&self, head: u32, order: Ordering) {
        self.header(Field::Head).store(head, order);
    }

    #[inline]
    unsafe fn event(&self, index: u32) -> IoEvent {
        let word = |offset| {
            // SAFETY: there are more than `index` events (duty 1 of the caller); the closure is
            // called with offsets of fields only.
            unsafe { self.event_word(index, offset) }
        };
        IoEvent {
            data: word(offset_of!(IoEvent, data)),
            obj: 0, // see `Memory::event`
            res: word(offset_of!(IoEvent, res)).cast_signed(),
            res2: word(offset_of!(IoEvent, res2)).cast_signed(),
        }
    }

    unsafe fn obj(&self, index: u32) -> u64 {
        // SAFETY: there are more than `index` events (duty 1 of the caller); the offset is that of
        // a field.
        unsafe { self.event_word(index, offset_of!(IoEvent, obj)) }
    }
}
