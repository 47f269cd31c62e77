//! The in-flight table: where buffers and tags are while the kernel works.
//!
//! Pure: it knows the memory it was given and what an event looks like, but makes no system call.

use crate::{
    abi::{IoEvent, Iocb},
    batch::Batch,
    buf::IoBuf,
    request::{Any, Request, What},
    width,
};
use core::{mem::MaybeUninit, ptr};
use done::Done;
use slot::NONE;
pub(crate) use slot::Slot;

/// A completion on its way out of its slot.
pub(crate) struct Taken<B, T> {
    pub(crate) buf: B,
    pub(crate) tag: T,
    pub(crate) what: What,
    pub(crate) event: IoEvent,
}

/// The table: up to `capacity` slots in memory that somebody else owns.
///
/// A slot is free, in flight, or completed.
///
/// # Invariants
///
/// 1. `base` leads to memory for `capacity` slots, aligned, used by this table alone.
/// 2. The slots below `fresh`, which is at most `capacity`, are initialised; those above have never been
///    used.
/// 3. `fresh` = free slots + slots in flight + completed slots. The free ones are a stack that starts at
///    `free`, linked by `next`. `flying` are in flight. The completed ones are those whose ids are in
///    `done`, once each.
/// 4. The id of a slot in flight leads to it. That of another is [`NONE`].
/// 5. A slot that is not free has an initialised `buf` and `tag`.
pub(crate) struct Slots<B, T> {
    /// `*mut`, not `NonNull`: it makes the table **invariant** in `B`. If a context of
    /// `&'static mut [u8]` could pass for one of a shorter lifetime, a borrowed buffer could be
    /// put in, and the context leaked.
    base: *mut Slot<B, T>,
    capacity: u32,
    fresh: u32,
    free: u32,
    /// How many slots are in flight.
    flying: u32,
    /// Completed and not taken.
    done: Done,
    /// The upper half of the next id. Ids tell an event of this request from a stale or made-up
    /// one for the same slot.
    generation: u32,
}

// SAFETY: the table has its memory for itself and is tied to no thread; it owns buffers and tags,
// which may be sent if their types may. It is not `Sync`.
unsafe impl<B: Send, T: Send> Send for Slots<B, T> {}

impl<B, T> Slots<B, T> {
    /// An empty table.
    ///
    /// # Safety
    ///
    /// `base` leads to memory for `capacity` slots and `done` to memory for twice as many ids, aligned
    /// for them, which nobody else uses for as long as the table is used. It need not be initialised.
    pub(crate) const unsafe fn new(
        base: *mut Slot<B, T>,
        done: *mut u64,
        capacity: u32,
        generation: u32,
    ) -> Self {
        Self {
            base,
            capacity,
            fresh: 0,
            free: 0,
            flying: 0,
            // SAFETY: the caller says so.
            done: unsafe { Done::new(done, width::from_u32(capacity)) },
            generation,
        }
    }

    /// A table of no slots, in place of one whose memory has gone elsewhere.
    pub(crate) const fn none() -> Self {
        // SAFETY: there is no memory to be used.
        unsafe { Self::new(ptr::null_mut(), ptr::null_mut(), 0, 0) }
    }

    /// Puts as many requests of a batch into slots as there are slots and places for. They are
    /// encoded, for the kernel to be told of at once; `places` says where.
    ///
    /// They notify by `eventfd`, if they have none of their own.
    pub(crate) fn occupy<const K: usize>(
        &mut self,
        batch: &mut Batch<'_, B, T, K>,
        eventfd: Option<i32>,
        places: &mut [MaybeUninit<*mut Iocb>],
    ) -> usize
    where
        B: IoBuf,
    {
        let wanted = width::saturating_u32(batch.len().min(places.len()));
        if self.vacant() < wanted {
            self.freshen(wanted - self.vacant());
        }
        let taken = wanted.min(self.vacant());
        let count = width::from_u32(taken);
        let mut table = self.in_registers();
        for place in places.get_mut(..count).unwrap_or_default() {
            // SAFETY: there are `count` rounds at most, which is not more than `batch.len()` was.
            let request = unsafe { batch.pop_unchecked() };
            // SAFETY: nor is it more than `vacant` said, of which each round takes one.
            place.write(unsafe { table.fill(request) }.cast());
        }
        batch.rewind();
        (self.free, self.generation) = (table.free, table.generation);
        self.flying += taken;
        if let Some(eventfd) = eventfd {
            for place in places.get(..count).unwrap_or_default() {
                // SAFETY: it was just written.
                let iocb = unsafe { place.assume_init() };
                // SAFETY: it leads to a slot that `fill` has just filled and borrows no more. The kernel
                // learns of it only when this has returned.
                unsafe { Slot::<B, T>::notify_by_default(iocb.cast(), eventfd) };
            }
        }
        count
    }

    /// Puts a request into a free slot, encoded, and says where that is.
    ///
    /// # Safety
    ///
    /// There is a free slot.
    #[inline]
    unsafe fn fill(&mut self, request: Request<'_, B, T, Any>) -> *mut Slot<B, T>
    where
        B: IoBuf,
    {
        let index = self.free;
        let id = self.next_id(index);
        // SAFETY: the first of the free slots is below `fresh`.
        let slot = unsafe { self.listed(index) };
        let next = slot.next;
        slot.fill(request, id);
        self.free = next;
        self.address(index)
    }

    /// Notes events, and says how many of them name no request in flight.
    #[inline]
    pub(crate) fn complete_each(&mut self, events: impl Iterator<Item = IoEvent>) -> u64 {
        let mut table = self.in_registers();
        // SAFETY: what is queued and what is in flight has a slot each (invariant 3), of `capacity`.
        unsafe { table.done.make_room(table.in_kernel()) };
        let mut strays = 0;
        events.for_each(|event| {
            // SAFETY: there was room for all that are in flight, and each that is queued is no longer.
            if !unsafe { table.settle(&event) } {
                strays += 1;
            }
        });
        (self.done, self.flying) = (table.done, table.flying);
        strays
    }

    /// Notes one event. Answers `false` if it names no request in flight.
    pub(crate) fn complete(&mut self, event: &IoEvent) -> bool {
        // SAFETY: as in `complete_each`.
        unsafe { self.done.make_room(self.in_kernel()) };
        // SAFETY: there is room for all that are in flight.
        unsafe { self.settle(event) }
    }

    /// Notes an event: the request it names is done, and its completion is there to be taken.
    ///
    /// Answers `false`, and changes nothing, if it names no request in flight.
    ///
    /// # Safety
    ///
    /// There is room in the queue for all that are in flight.
    #[inline]
    unsafe fn settle(&mut self, event: &IoEvent) -> bool {
        let index = index_in(event.data);
        let Some(slot) = self.get(index) else {
            return false;
        };
        // One that is not in flight has the id `NONE`. The event's is not that: its lower half is below
        // `fresh`, which is at most `u32::MAX`, and that of `NONE` is `u32::MAX`.
        if slot.iocb.aio_data != event.data {
            return false;
        }
        slot.iocb.aio_data = NONE;
        slot.res = event.res;
        slot.res2 = event.res2;
        self.flying -= 1;
        // SAFETY: this one was in flight, so there is room for it.
        unsafe { self.done.push(event.data) };
        true
    }

    /// Takes the completion that came first.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Taken<B, T>> {
        let id = self.done.pop()?;
        let index = index_in(id);
        // SAFETY: `settle` has queued the id, once it had found the slot below `fresh`, which never falls.
        let slot = unsafe { self.listed(index) };
        let what = slot.what();
        let obj = width::to_u64(ptr::from_ref(slot).addr());
        let event = IoEvent { data: id, obj, res: slot.res, res2: slot.res2 };
        // SAFETY: the slot was in the queue of completed ones: invariant 5 holds, the kernel has let
        // go of the buffer, and it is read out only once, now that it is in the queue no more.
        let buf = unsafe { slot.buf.assume_init_read() };
        // SAFETY: as for `buf`.
        let tag = unsafe { slot.tag.assume_init_read() };
        // SAFETY: it is below `fresh`, and it is empty now.
        unsafe { self.vacate(index) };
        Some(Taken { buf, tag, what, event })
    }

    /// How many requests have a slot: in flight, or completed and not taken.
    #[inline]
    pub(crate) const fn outstanding(&self) -> usize {
        self.in_kernel() + self.done()
    }

    /// How many completions are there to be taken.
    #[inline]
    pub(crate) const fn done(&self) -> usize {
        self.done.len()
    }

    /// How many requests the kernel has.
    #[inline]
    pub(crate) const fn in_kernel(&self) -> usize {
        width::from_u32(self.flying)
    }

    /// How many slots are free, of those that were ever used.
    #[inline]
    fn vacant(&self) -> u32 {
        self.fresh - width::saturating_u32(self.outstanding())
    }

    /// Where the next table should go on counting, so that no id of this one is used again soon.
    pub(crate) const fn generation(&self) -> u32 {
        self.generation
    }

    /// Makes slots free that were never used, as far as there are any. The first is on top then.
    #[cold]
    fn freshen(&mut self, wanted: u32) {
        let before = self.fresh;
        self.fresh += wanted.min(self.capacity - before);
        for index in (before..self.fresh).rev() {
            // SAFETY: `index` is below `capacity`, so this is memory of the table, aligned. It was
            // never used, so there is nothing to drop.
            unsafe { self.address(index).write(Slot::empty()) };
            // SAFETY: it is below `fresh`, just written, and empty.
            unsafe { self.vacate(index) };
        }
    }

    /// The table for the length of a loop, which the compiler then keeps in registers. What the loop
    /// changes goes back afterwards.
    #[inline]
    const fn in_registers(&self) -> Self {
        Self { ..*self }
    }

    /// Returns a slot to the stack of free ones.
    ///
    /// # Safety
    ///
    /// `index` is below `fresh`. The slot is in no list and not in flight, and its buffer and tag have
    /// been read out.
    #[inline]
    unsafe fn vacate(&mut self, index: u32) {
        let next = self.free;
        // SAFETY: the caller says so.
        unsafe { self.listed(index) }.next = next;
        self.free = index;
    }

    /// The id of the next request in that slot, unlike the last 2^32 ids.
    #[inline]
    fn next_id(&mut self, index: u32) -> u64 {
        self.generation = self.generation.wrapping_add(1);
        u64::from(self.generation) << 32 | u64::from(index)
    }

    /// A slot that is or was in use, known to be so.
    ///
    /// # Safety
    ///
    /// `index` is below `fresh`, as are all that the stack and the queue name (invariant 3).
    #[inline]
    unsafe fn listed(&mut self, index: u32) -> &mut Slot<B, T> {
        let slot = self.address(index);
        // SAFETY: as in `get`.
        unsafe { &mut *slot }
    }

    /// A slot that is or was in use.
    #[inline]
    fn get(&mut self, index: u32) -> Option<&mut Slot<B, T>> {
        if index >= self.fresh {
            return None;
        }
        let slot = self.address(index);
        // SAFETY: invariants 1 and 2: memory of the table, initialised. `&mut self` excludes any
        // other reference. The kernel uses iocbs, and iovecs in `buf`, only inside `io_submit` and
        // `io_cancel`, during which nobody is here, and does not use the other fields at all.
        Some(unsafe { &mut *slot })
    }

    /// A slot that is or was in use, to look at.
    #[inline]
    fn peek(&self, index: u32) -> Option<&Slot<B, T>> {
        if index >= self.fresh {
            return None;
        }
        let slot = self.address(index);
        // SAFETY: as in `get`; `&self` excludes writers.
        Some(unsafe { &*slot })
    }

    /// Where a slot is.
    #[inline]
    fn address(&self, index: u32) -> *mut Slot<B, T> {
        self.base.wrapping_add(width::from_u32(index))
    }

    /// Which slot an iocb is in.
    fn index_of(&self, iocb: *mut Iocb) -> u32 {
        let bytes = iocb.addr().wrapping_sub(self.base.addr());
        u32::try_from(bytes / size_of::<Slot<B, T>>()).unwrap_or(u32::MAX)
    }
}

/// The slot that an id names: its lower half.
#[expect(clippy::as_conversions, reason = "the upper half is cut off on purpose")]
const fn index_in(id: u64) -> u32 {
    id as u32
}

mod done;
mod find;
mod slot;
#[cfg(test)]
mod tests;
mod unanswered;
