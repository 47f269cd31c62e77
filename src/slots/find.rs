//! Finding requests in the table, by name or by what they do.

use super::{Slots, index_in};
use crate::{
    abi::Iocb,
    flags::Opcode,
    in_flight::{InFlight, RequestId},
};

impl<B, T> Slots<B, T> {
    /// The requests in flight, whose events have not come.
    pub(crate) fn in_flight(&self) -> impl Iterator<Item = InFlight<'_, T>> {
        (0..self.fresh).filter_map(|index| {
            let slot = self.peek(index).filter(|slot| slot.in_flight())?;
            // SAFETY: the slot is not free (invariant 4), and the kernel does not know tags.
            let tag = unsafe { slot.tag.assume_init_ref() };
            let id = RequestId(slot.iocb.aio_data);
            Some(InFlight { id, tag, opcode: slot.opcode() })
        })
    }

    /// The first request in flight with that operation, from that slot on.
    pub(crate) fn next_in_flight(&self, from: u32, opcode: Opcode) -> Option<(u32, RequestId)> {
        (from..self.fresh).find_map(|index| {
            let slot = self.peek(index)?;
            let found = slot.in_flight() && slot.opcode() == opcode;
            found.then_some((index, RequestId(slot.iocb.aio_data)))
        })
    }

    /// The address of the iocb of a request in flight.
    pub(crate) fn iocb(&self, id: RequestId) -> Option<*mut Iocb> {
        let index = index_in(id.0);
        let slot = self.peek(index)?;
        let found = slot.iocb.aio_data == id.0;
        found.then(|| self.address(index).cast())
    }
}
