//! The states of slots that only the table of a driver has: staged (the request was not submitted
//! yet) and held (the request has completed, and its id was taken from the queue).
//!
//! A driver names its requests by the indexes of their slots. Each method checks the state of the
//! slot, so a wrong index cannot violate an invariant of the table.

use super::{
    Slots, State, Taken, index_in,
    slot::{DRIVEN, HELD, NONE, STAGED, Slot},
};
use crate::{abi::Iocb, buf::IoBuf, request::Request, types::Errno};

/// The state of a slot that a driver uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The request was not submitted yet.
    Staged,
    /// The kernel has the request, or is about to get it.
    InFlight,
    /// The request has completed, and its id is in the queue of completed requests.
    Queued,
    /// The request has completed, and its id was taken from the queue.
    Held,
}

impl<B, T> Slots<B, T> {
    /// Moves a request to a free slot, and returns the index of the slot. `tag` makes the tag from
    /// the owner of the file and the tag of the request.
    ///
    /// # Errors
    ///
    /// The request, if there is no free slot.
    pub(crate) fn stage<F, U, O>(
        &mut self,
        request: Request<F, B, U, O>,
        tag: impl FnOnce(F, U) -> T,
    ) -> Result<u32, Request<F, B, U, O>>
    where
        B: IoBuf,
    {
        if self.state.vacant() == 0 {
            self.state.extend_free_list(1);
        }
        if self.state.vacant() == 0 {
            return Err(request);
        }
        let (template, file, buf, before) = request.into_raw_parts();
        let tag = tag(file, before);
        let index = self.state.free;
        // SAFETY: there is a free slot, so `free` is its index, which is below `initialised`
        // (invariant 3).
        let slot = unsafe { self.state.slot_unchecked(index) };
        let next = slot.next;
        // Without an id, so that no event can complete the request before it is submitted.
        let is_rest = slot.fill(template, buf, tag, NONE);
        slot.differs = DRIVEN | STAGED;
        self.state.free = next;
        self.state.apart += 1;
        if is_rest {
            // SAFETY: the slot was just filled, and is not borrowed. Its iocb was not submitted.
            unsafe { Slot::fill_rest(self.state.address(index)) };
        }
        Ok(index)
    }

    /// Returns the state of a slot, or `None` if no request of a driver is in it.
    pub(crate) fn phase(&self, index: u32) -> Option<Phase> {
        self.state.phase(index)
    }

    /// Returns the tag of a request.
    pub(crate) fn driven_tag(&mut self, index: u32) -> Option<&mut T> {
        self.state.phase(index)?;
        let slot = self.state.address(index);
        // SAFETY: `phase` has returned a state, so the slot is in the table's memory and
        // initialised. Only this field is borrowed, with `self`: the iocb may be in use by the
        // kernel, and the address of `buf` was taken.
        let tag = unsafe { &mut (*slot).tag };
        // SAFETY: the slot is not free, so `tag` is initialised (invariant 5).
        Some(unsafe { tag.assume_init_mut() })
    }

    /// Marks a staged request as in flight, and gives it an id and the eventfd of the driver.
    /// Returns the address of its iocb, which is to be submitted next, and the id.
    pub(crate) fn launch(&mut self, index: u32, eventfd: i32) -> Option<(*mut Iocb, u64)> {
        if self.state.phase(index)? != Phase::Staged {
            return None;
        }
        let id = self.state.next_id(index);
        let slot = self.state.address(index);
        // SAFETY: `phase` has returned a state, so the slot is in the table's memory and
        // initialised. Only this field is accessed.
        unsafe { (*slot).differs &= !STAGED };
        // SAFETY: as above.
        unsafe { (*slot).iocb.aio_data = id };
        // SAFETY: the slot was filled when the request was staged, and is not borrowed. Its iocb
        // was not submitted.
        unsafe { Slot::set_context_eventfd(slot, eventfd) };
        self.state.apart -= 1;
        self.state.in_flight += 1;
        Some((slot.cast(), id))
    }

    /// Marks a request that was launched as staged again, and returns the index of its slot.
    /// Returns `None` if an event has completed it: a hostile ring.
    ///
    /// # Safety
    ///
    /// [`launch`](Self::launch) returned `iocb`, and the kernel has not accepted a request with this
    /// iocb since.
    #[cold]
    pub(crate) unsafe fn unlaunch(&mut self, iocb: *mut Iocb) -> Option<u32> {
        let index = self.state.index_of(iocb);
        if self.state.phase(index)? != Phase::InFlight {
            return None;
        }
        let slot = self.state.address(index);
        // SAFETY: `phase` has returned a state, so the slot is in the table's memory and
        // initialised. Only this field is accessed.
        unsafe { (*slot).differs |= STAGED };
        // SAFETY: as above. The kernel does not use the iocb (duty of the caller).
        unsafe { (*slot).iocb.aio_data = NONE };
        self.state.in_flight -= 1;
        self.state.apart += 1;
        Some(index)
    }

    /// Completes a staged request, which is not submitted, with this errno. Returns its id.
    #[cold]
    pub(crate) fn fail(&mut self, index: u32, errno: Errno) -> Option<u64> {
        if self.state.phase(index)? != Phase::Staged {
            return None;
        }
        let id = self.state.next_id(index);
        // SAFETY: `phase` has returned a state, so `index` is below `initialised`.
        let slot = unsafe { self.state.slot_unchecked(index) };
        slot.differs &= !STAGED;
        slot.complete(-i64::from(errno.raw()), 0);
        // The slot leaves `apart` as if it were in flight, from where `queue` takes it.
        self.state.apart -= 1;
        self.state.in_flight += 1;
        self.state.queue(id);
        Some(id)
    }

    /// Takes the id that was queued first. The request is then held. Returns the index of its slot.
    pub(crate) fn hold_next(&mut self) -> Option<u32> {
        let id = self.state.completed.pop()?;
        let index = index_in(id);
        // SAFETY: the ids in the queue are those of completed slots, which are below `initialised`
        // (invariants 2 and 3).
        let slot = unsafe { self.state.slot_unchecked(index) };
        slot.differs |= HELD;
        self.state.apart += 1;
        Some(index)
    }

    /// Moves a request that was not submitted out of its slot, or one that has completed, with its
    /// result. `id` is the id that the request had in flight.
    pub(crate) fn collect(&mut self, index: u32, id: u64) -> Option<Taken<B, T>> {
        match self.state.phase(index)? {
            Phase::Staged | Phase::Held => self.state.apart -= 1,
            Phase::Queued => drop(self.state.completed.remove(|id| index_in(id) == index)?),
            Phase::InFlight => return None,
        }
        // SAFETY: `phase` has returned a state, so `index` is below `initialised`.
        let slot = unsafe { self.state.slot_unchecked(index) };
        // `template` ignores the other flags.
        let (template, event) = (slot.template(), slot.event(id));
        // SAFETY: the slot is not free, so `buf` is initialised (invariant 5), and the kernel does
        // not use the buffer: the request was not submitted, or it has completed. It is read once:
        // the slot is released below.
        let buf = unsafe { slot.buf.assume_init_read() };
        // SAFETY: the slot is not free, so `tag` is initialised (invariant 5). It is read once: the
        // slot is released below.
        let tag = unsafe { slot.tag.assume_init_read() };
        // SAFETY: `index` is below `initialised`; the slot was removed from the queue, or from those
        // that are apart; its buffer and tag were read.
        unsafe { self.state.release(index) };
        Some(Taken { buf, tag, template, event })
    }

    /// Completes all staged requests as cancelled, and queues the ids of all held requests again, so
    /// that [`take`](Self::take) returns them all.
    #[cold]
    pub(crate) fn queue_apart(&mut self) {
        for index in 0..self.state.initialised {
            match self.state.phase(index) {
                Some(Phase::Staged) => drop(self.fail(index, Errno::ECANCELED)),
                Some(Phase::Held) => {
                    // SAFETY: `phase` has returned a state, so `index` is below `initialised`.
                    unsafe { self.state.slot_unchecked(index) }.differs &= !HELD;
                    self.state.apart -= 1;
                    self.state.in_flight += 1;
                    self.state.queue(index.into());
                }
                _ => {}
            }
        }
    }
}

impl<B, T> State<B, T> {
    /// Returns the state of a slot, or `None` if no request of a driver is in it.
    fn phase(&self, index: u32) -> Option<Phase> {
        if index >= self.initialised {
            return None;
        }
        let slot = self.address(index);
        // SAFETY: `index` is below `initialised`, so the slot is in the table's memory and
        // initialised (invariants 1 and 2). Only this field is read, which the kernel does not
        // access.
        let flags = unsafe { (*slot).differs };
        // SAFETY: as above. The kernel does not write to this field.
        let id = unsafe { (*slot).iocb.aio_data };
        match flags & (DRIVEN | STAGED | HELD) {
            DRIVEN if id == NONE => Some(Phase::Queued),
            DRIVEN => Some(Phase::InFlight),
            0 => None,
            flags if flags & STAGED != 0 => Some(Phase::Staged),
            _ => Some(Phase::Held),
        }
    }
}
