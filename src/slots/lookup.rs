//! Finds requests in the table, by their ids or operations.

use super::{InFlight, RequestId, Slots, index_in};
use crate::{
    abi::{IoEvent, Iocb},
    types::{Opcode, cast},
};
use core::{mem::MaybeUninit, slice};

impl<B, T> Slots<B, T> {
    /// Returns an iterator over the requests in flight. `serial` becomes a part of their
    /// [`RequestId`]s.
    pub(crate) fn in_flight(&self, serial: u64) -> impl Iterator<Item = InFlight<'_, T>> {
        (0..self.state.initialised).filter_map(move |index| {
            let slot = self.state.peek(index).filter(|slot| slot.in_flight())?;
            // SAFETY: the slot is in flight, so `tag` is initialised (invariant 5). The kernel does
            // not access tags.
            let tag = unsafe { slot.tag.assume_init_ref() };
            let id = RequestId { serial, data: slot.iocb.aio_data };
            Some(InFlight { id, tag, opcode: slot.opcode() })
        })
    }

    /// Returns whether a request is in flight for whose operation `which` returns `true`.
    pub(crate) fn any_in_flight(&self, which: impl Fn(Opcode) -> bool) -> bool {
        let mut slots = (0..self.state.initialised).filter_map(|index| self.state.peek(index));
        slots.any(|slot| slot.in_flight() && which(slot.opcode()))
    }

    /// Writes the ids of the polls in flight to `scratch`, as many as fit, in the order in which
    /// they were submitted.
    pub(crate) fn polls<'e>(&self, scratch: &'e mut [MaybeUninit<IoEvent>]) -> &'e [IoEvent] {
        let slots = (0..self.state.initialised).filter_map(|index| self.state.peek(index));
        let polls = slots.filter(|slot| slot.in_flight() && slot.opcode() == Opcode::Poll);
        let mut count = 0;
        for (room, slot) in scratch.iter_mut().zip(polls) {
            room.write(IoEvent { data: slot.iocb.aio_data, ..IoEvent::default() });
            count += 1;
        }
        let polls = scratch.get_mut(..count).unwrap_or_default();
        // SAFETY: the loop has written these `count` events, and `polls` is borrowed mutably for
        // `'e`.
        let polls = unsafe { slice::from_raw_parts_mut(polls.as_mut_ptr().cast(), count) };
        // The older a poll is, the larger is the distance from its generation to the newest one.
        let newest = self.state.generation;
        polls.sort_unstable_by_key(|poll: &IoEvent| {
            u32::MAX - newest.wrapping_sub(cast::high_32(poll.data))
        });
        polls
    }

    /// Returns the address of the iocb of a request in flight.
    pub(crate) fn iocb(&self, data: u64) -> Option<*mut Iocb> {
        let index = index_in(data);
        let slot = self.state.peek(index)?;
        let found = slot.iocb.aio_data == data;
        found.then(|| self.state.address(index).cast())
    }

    /// Returns the id of the request in flight that has this iocb, if there is one.
    pub(crate) fn data_of(&self, iocb: *mut Iocb) -> Option<u64> {
        let slot = self.state.peek(self.state.index_of(iocb))?;
        slot.in_flight().then_some(slot.iocb.aio_data)
    }

    /// Returns the id of the request that was admitted last, by itself, and has this iocb.
    pub(crate) fn last_data(&self, iocb: *mut Iocb) -> u64 {
        u64::from(self.state.generation) << 32 | u64::from(self.state.index_of(iocb))
    }
}
