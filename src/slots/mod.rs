//! [`Slots`]: the table of requests in flight, which owns their buffers and tags.
//!
//! The table makes no system calls. It uses memory that its owner provides, and processes events
//! that its owner has received.

mod admit;
mod complete;
mod driven;
mod in_flight;
mod lookup;
mod queue;
mod slot;
#[cfg(test)]
mod tests;

pub(crate) use driven::Phase;
pub use in_flight::{InFlight, RequestId};
pub(crate) use slot::Slot;

use crate::{
    abi::{IoEvent, Iocb},
    request::Template,
    types::cast,
};
use core::ptr;
use queue::Queue;

/// The parts of a completion, which were moved out of a slot.
pub(crate) struct Taken<B, T> {
    pub(crate) buf: B,
    pub(crate) tag: T,
    pub(crate) template: Template,
    pub(crate) event: IoEvent,
}

/// The table: up to `capacity` slots, in memory that the owner of the table provides.
///
/// A slot is free, in flight, or completed. In the table of a driver, it can also be staged (the
/// request was not submitted yet) or held (the request has completed, and its id was taken from the
/// queue).
///
/// # Invariants
///
/// 1. `base` points to aligned memory for `capacity` slots, which only this table uses.
/// 2. The slots below `initialised`, which is at most `capacity`, are initialised. Those from
///    `initialised` on were never used.
/// 3. `initialised` = free slots + slots in flight + completed slots + `apart`. The free slots are a
///    stack that begins at `free` and is linked by `next`. `in_flight` slots are in flight. The
///    completed slots are those whose ids are in `completed`, each once. `apart` slots are staged or
///    held; only these have the flag `STAGED` or the flag `HELD`.
/// 4. The id of a slot in flight contains the index of that slot. The id of any other slot is
///    [`slot::NONE`].
/// 5. `buf` and `tag` are initialised in each slot that is not free. A free slot has no flag
///    `DRIVEN`.
pub(crate) struct Slots<B, T> {
    state: State<B, T>,
    /// Whether the requests of the current call of `admit` include the rest of a vectored transfer.
    rests: bool,
}

/// The state of a table. A loop copies it into registers and writes it back afterwards. It owns
/// nothing: dropping a copy has no effect.
struct State<B, T> {
    /// `*mut` and not `NonNull`, so that the table is **invariant** in `B`. If a context of
    /// `&'static mut [u8]` could be used as one of a shorter lifetime, a buffer that is borrowed
    /// for this lifetime could be put into it, and the context leaked.
    base: *mut Slot<B, T>,
    capacity: u32,
    initialised: u32,
    free: u32,
    /// The number of slots in flight.
    in_flight: u32,
    /// The number of slots that are staged or held.
    apart: u32,
    /// The ids of completed slots that were not taken.
    completed: Queue,
    /// The upper half of the last id. Because of it, an event for an earlier request in the same
    /// slot, or one with an arbitrary id, does not match.
    generation: u32,
}

impl<B, T> Clone for State<B, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<B, T> Copy for State<B, T> {}

// SAFETY: any thread may access the memory, which only this table uses (invariant 1). The table
// owns values of `B` and `T`, which are `Send`. It is not `Sync`.
unsafe impl<B: Send, T: Send> Send for Slots<B, T> {}

impl<B, T> Slots<B, T> {
    /// Makes an empty table.
    ///
    /// # Safety
    ///
    /// `base` points to memory for `capacity` slots, and `ids` to memory for twice as many ids.
    /// Both are aligned. No other code uses the memory as long as the table is used. It need not be
    /// initialised.
    pub(crate) const unsafe fn new(
        base: *mut Slot<B, T>,
        ids: *mut u64,
        capacity: u32,
        generation: u32,
    ) -> Self {
        // SAFETY: `ids` points to memory for twice `capacity` ids, which only the table uses (duty
        // of the caller).
        let completed = unsafe { Queue::new(ids, cast::from_u32(capacity)) };
        let state = State {
            base,
            capacity,
            initialised: 0,
            free: 0,
            in_flight: 0,
            apart: 0,
            completed,
            generation,
        };
        Self { state, rests: false }
    }

    /// Makes a table of no slots, without memory.
    pub(crate) const fn none() -> Self {
        // SAFETY: a table of no slots does not access its memory.
        unsafe { Self::new(ptr::null_mut(), ptr::null_mut(), 0, 0) }
    }

    /// Takes the completion that was queued first.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Taken<B, T>> {
        let id = self.state.completed.pop()?;
        let index = index_in(id);
        // SAFETY: the ids in the queue are those of completed slots, which are below `initialised`
        // (invariants 2 and 3).
        let slot = unsafe { self.state.slot_unchecked(index) };
        let template = slot.template();
        let event = slot.event(id);
        // SAFETY: the slot is completed, so `buf` is initialised (invariant 5) and the kernel has
        // released the buffer. It is read once: the id is no longer in the queue.
        let buf = unsafe { slot.buf.assume_init_read() };
        // SAFETY: the slot is completed, so `tag` is initialised (invariant 5). It is read once:
        // the id is no longer in the queue.
        let tag = unsafe { slot.tag.assume_init_read() };
        // SAFETY: `index` is below `initialised`; the slot is neither queued nor in flight; its
        // buffer and tag were read.
        unsafe { self.state.release(index) };
        Some(Taken { buf, tag, template, event })
    }

    /// Returns the number of requests in slots: in flight, completed and not taken, or staged.
    #[inline]
    pub(crate) const fn outstanding(&self) -> usize {
        self.state.outstanding()
    }

    /// Returns the number of completions that were not taken.
    #[inline]
    pub(crate) const fn completed(&self) -> usize {
        self.state.completed.len()
    }

    /// Returns the number of requests in flight.
    #[inline]
    pub(crate) const fn in_kernel(&self) -> usize {
        self.state.in_kernel()
    }

    /// Returns the generation from which the next table should continue, so that ids of this table
    /// are not reused soon.
    pub(crate) const fn generation(&self) -> u32 {
        self.state.generation
    }
}

impl<B, T> State<B, T> {
    /// Returns the same as [`Slots::outstanding`].
    #[inline]
    const fn outstanding(&self) -> usize {
        self.in_kernel() + self.completed.len() + cast::from_u32(self.apart)
    }

    /// Returns the same as [`Slots::in_kernel`].
    #[inline]
    const fn in_kernel(&self) -> usize {
        cast::from_u32(self.in_flight)
    }

    /// Returns the number of initialised slots that are free.
    #[inline]
    fn vacant(&self) -> u32 {
        self.initialised - cast::saturating_u32(self.outstanding())
    }

    /// Pushes a slot to the stack of free slots.
    ///
    /// # Safety
    ///
    /// `index` is below `initialised`. The slot is neither free nor queued nor in flight, and its
    /// buffer and tag were moved out.
    #[inline]
    unsafe fn release(&mut self, index: u32) {
        let next = self.free;
        // SAFETY: `index` is below `initialised` (duty of the caller).
        let slot = unsafe { self.slot_unchecked(index) };
        slot.next = next;
        slot.differs = 0;
        self.free = index;
    }

    /// Returns a slot that is initialised.
    ///
    /// # Safety
    ///
    /// `index` is below `initialised`. (This holds for all indexes in the stack and in the queue,
    /// by invariant 3.)
    #[inline]
    unsafe fn slot_unchecked(&mut self, index: u32) -> &mut Slot<B, T> {
        let slot = self.address(index);
        // SAFETY: the slot is in the memory of the table (invariant 1) and initialised (invariant
        // 2). `&mut self` excludes other references. The kernel accesses the iocb, and iovecs in
        // `buf`, only during `io_submit` and `io_cancel`, in which this thread does not run this
        // code. It does not access the other fields.
        unsafe { &mut *slot }
    }

    /// Returns a slot, if it is initialised.
    #[inline]
    fn slot(&mut self, index: u32) -> Option<&mut Slot<B, T>> {
        if index >= self.initialised {
            return None;
        }
        // SAFETY: `index` is below `initialised`.
        Some(unsafe { self.slot_unchecked(index) })
    }

    /// Returns a slot for reading, if it is initialised.
    #[inline]
    fn peek(&self, index: u32) -> Option<&Slot<B, T>> {
        if index >= self.initialised {
            return None;
        }
        let slot = self.address(index);
        // SAFETY: the slot is in the memory of the table (invariant 1) and initialised (invariant
        // 2). `&self` excludes mutable references. The kernel writes to the iocb only during
        // `io_submit`, in which this thread does not run this code.
        Some(unsafe { &*slot })
    }

    /// Returns the address of a slot.
    #[inline]
    fn address(&self, index: u32) -> *mut Slot<B, T> {
        self.base.wrapping_add(cast::from_u32(index))
    }

    /// Returns the index of the slot that contains an iocb.
    fn index_of(&self, iocb: *mut Iocb) -> u32 {
        let bytes = iocb.addr().wrapping_sub(self.base.addr());
        u32::try_from(bytes / size_of::<Slot<B, T>>()).unwrap_or(u32::MAX)
    }
}

/// Returns the index of a slot in an id: the lower half.
#[expect(clippy::as_conversions, reason = "the upper half is removed on purpose")]
const fn index_in(id: u64) -> u32 {
    id as u32
}
