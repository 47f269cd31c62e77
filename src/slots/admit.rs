//! Moves requests from a batch to slots, and back if the kernel does not accept them.

use super::{
    Slots, State,
    slot::{NONE, Slot},
};
use crate::{
    abi::Iocb,
    buf::IoBuf,
    request::{Batch, Owners, Request, op::Any},
    types::cast,
};
use core::mem::MaybeUninit;

impl<B, T> Slots<B, T> {
    /// Moves requests from a batch to slots, as many as there are free slots and pointers, and
    /// returns how many.
    ///
    /// The requests are encoded, to be submitted next. The addresses of their iocbs are written to
    /// `pointers`. The owners of their files are moved to `owners`, which must be empty. Requests
    /// without an eventfd of their own get `eventfd`.
    pub(crate) fn admit<F, const K: usize>(
        &mut self,
        batch: &mut Batch<F, B, T, K>,
        owners: &mut Owners<F>,
        eventfd: Option<i32>,
        pointers: &mut [MaybeUninit<*mut Iocb>],
    ) -> usize
    where
        B: IoBuf,
    {
        let most = pointers.len().min(Owners::<F>::LIMIT);
        let wanted = cast::saturating_u32(batch.len().min(most));
        if self.state.vacant() < wanted {
            self.state.extend_free_list(wanted - self.state.vacant());
        }
        let taken = wanted.min(self.state.vacant());
        let count = cast::from_u32(taken);
        let mut state = self.state;
        self.rests = false;
        for pointer in pointers.get_mut(..count).unwrap_or_default() {
            // SAFETY: the loop has at most `count` iterations, and `count` is at most
            // `batch.len()`.
            let request = unsafe { batch.pop_unchecked() };
            // SAFETY: `count` is at most the number of free slots, and each iteration uses one.
            let (slot, owner, is_rest) = unsafe { state.fill(request) };
            if is_rest {
                // An `|=` would take a register and an instruction for every request.
                self.rests = true;
            }
            pointer.write(slot.cast());
            // SAFETY: `owners` was empty, and `count` is at most its limit.
            unsafe { owners.push(owner) };
        }
        batch.rewind();
        (self.state.free, self.state.generation) = (state.free, state.generation);
        self.state.in_flight += taken;
        if self.rests || eventfd.is_some() {
            for pointer in pointers.get(..count).unwrap_or_default() {
                // SAFETY: the loop above has written the first `count` pointers.
                let slot = unsafe { pointer.assume_init() }.cast::<Slot<B, T>>();
                // SAFETY: the slot was just filled and is not borrowed. Its iocb is submitted after
                // this function returns.
                unsafe { Slot::fill_rest(slot) };
                if let Some(eventfd) = eventfd {
                    // SAFETY: as for `fill_rest`.
                    unsafe { Slot::set_context_eventfd(slot, eventfd) };
                }
            }
        }
        count
    }

    /// Moves a request out of its slot that was not submitted or not accepted. Returns `None` if
    /// the slot is not in flight.
    ///
    /// # Safety
    ///
    /// 1. [`admit`](Self::admit) returned `iocb`, and the kernel has not accepted a request with
    ///    this iocb since.
    /// 2. `owner` keeps the file of that request open.
    #[cold]
    pub(crate) unsafe fn withdraw<F>(
        &mut self,
        iocb: *mut Iocb,
        owner: F,
    ) -> Option<Request<F, B, T, Any>> {
        let index = self.state.index_of(iocb);
        let slot = self.state.slot(index)?;
        if !slot.in_flight() {
            return None;
        }
        let template = slot.template();
        slot.iocb.aio_data = NONE;
        // SAFETY: the slot was in flight, so `buf` is initialised (invariant 5). The kernel does
        // not use it (duty 1 of the caller). It is read once: the id is `NONE` now.
        let buf = unsafe { slot.buf.assume_init_read() };
        // SAFETY: the slot was in flight, so `tag` is initialised (invariant 5). It is read once:
        // the id is `NONE` now.
        let tag = unsafe { slot.tag.assume_init_read() };
        self.state.in_flight -= 1;
        // SAFETY: `slot` returned `Some`, so `index` is below `initialised`. The slot is neither
        // free nor queued nor in flight, and its buffer and tag were read.
        unsafe { self.state.release(index) };
        // SAFETY: (1) template and buffer are those of the request that `fill` stored, which
        // fulfilled invariant 1; (2) `owner` keeps the file open (duty 2 of the caller).
        Some(unsafe { Request::from_raw_parts(template, owner, buf, tag) })
    }
}

impl<B, T> State<B, T> {
    /// Moves a request to a free slot and encodes it. Returns the address of the slot, the owner of
    /// the file, and whether [`Slot::fill_rest`] must be called next.
    ///
    /// # Safety
    ///
    /// There is a free slot.
    #[inline]
    unsafe fn fill<F>(&mut self, request: Request<F, B, T, Any>) -> (*mut Slot<B, T>, F, bool)
    where
        B: IoBuf,
    {
        let index = self.free;
        let id = self.next_id(index);
        // SAFETY: there is a free slot (duty of the caller), so `free` is its index, which is below
        // `initialised` (invariant 3).
        let slot = unsafe { self.slot_unchecked(index) };
        let next = slot.next;
        let (template, owner, buf, tag) = request.into_raw_parts();
        let is_rest = slot.fill(template, buf, tag, id);
        self.free = next;
        (self.address(index), owner, is_rest)
    }

    /// Returns the id of the next request in a slot. It differs from the last 2^32 ids.
    #[inline]
    pub(super) fn next_id(&mut self, index: u32) -> u64 {
        self.generation = self.generation.wrapping_add(1);
        u64::from(self.generation) << 32 | u64::from(index)
    }

    /// Initialises up to `wanted` slots that were never used, and pushes them to the stack of free
    /// slots. The slot with the lowest index is at the top.
    #[cold]
    pub(super) fn extend_free_list(&mut self, wanted: u32) {
        let before = self.initialised;
        self.initialised += wanted.min(self.capacity - before);
        for index in (before..self.initialised).rev() {
            // SAFETY: `index` is below `capacity`, so the address is in the table's memory and
            // aligned (invariant 1). The slot was never used (invariant 2), so there is no value to
            // drop.
            unsafe { self.address(index).write(Slot::empty()) };
            // SAFETY: `index` is below `initialised`; the slot was just written and is in no list.
            unsafe { self.release(index) };
        }
    }
}
