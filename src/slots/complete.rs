//! Completes requests: by their events, by a refusal, or with the end of the context.

use super::{Slots, State, index_in, slot::Slot};
use crate::{
    abi::{IoEvent, Iocb},
    types::{Errno, cast},
};

impl<B, T> Slots<B, T> {
    /// Completes requests by their events. Returns the number of events that belong to no request
    /// in flight. The iterator must not panic: slots would be lost.
    #[inline]
    pub(crate) fn complete_each(&mut self, events: impl Iterator<Item = IoEvent>) -> u64 {
        let mut state = self.state;
        // SAFETY: each id in the queue and each request in flight has its own slot (invariant 3),
        // so together they are at most `capacity`.
        unsafe { state.completed.make_room(state.in_kernel()) };
        let mut spurious = 0;
        events.for_each(|event| {
            // SAFETY: `make_room` has made room for all requests in flight, and each request that
            // is queued leaves their number.
            if !unsafe { state.complete_one(&event) } {
                spurious += 1;
            }
        });
        (self.state.completed, self.state.in_flight) = (state.completed, state.in_flight);
        spurious
    }

    /// Completes one request by its event. Returns `false` if the event belongs to no request in
    /// flight.
    #[cfg(test)]
    pub(crate) fn complete(&mut self, event: &IoEvent) -> bool {
        self.complete_each(core::iter::once(*event)) == 0
    }

    /// Completes a request that the kernel refused, with the result of an event with this errno.
    /// Returns whether the request has the eventfd of the context. `unpollable` means that the
    /// request's eventfd is not the reason for the errno.
    ///
    /// # Safety
    ///
    /// [`admit`](Self::admit) returned `iocb` and the slot was not released since; the kernel has not
    /// accepted the request.
    #[cold]
    pub(crate) unsafe fn refuse(
        &mut self,
        iocb: *mut Iocb,
        errno: Errno,
        unpollable: bool,
    ) -> bool {
        // SAFETY: `admit` returned the address of a slot (duty of the caller), which is in the
        // table's memory and initialised. `&mut self` excludes other references. The kernel
        // accesses the slot only during `io_submit` and `io_cancel`, in which this thread does not
        // run this code.
        let slot = unsafe { &mut *iocb.cast::<Slot<B, T>>() };
        if !slot.in_flight() {
            // An event has completed it, although the kernel has refused it: a hostile ring.
            return false;
        }
        let id = slot.iocb.aio_data;
        slot.complete(-i64::from(errno.raw()), 0);
        slot.iocb.aio_reserved2 = unpollable.into();
        let by_context = slot.has_context_eventfd();
        self.state.queue(id);
        by_context
    }

    /// Completes all requests in flight as cancelled, so that their buffers and tags can be
    /// dropped.
    ///
    /// # Safety
    ///
    /// The kernel has released all buffers: the context was destroyed.
    #[cold]
    pub(crate) unsafe fn complete_all(&mut self) {
        for index in 0..self.state.initialised {
            if let Some(slot) = self.state.slot(index)
                && slot.in_flight()
            {
                let id = slot.iocb.aio_data;
                slot.complete(-i64::from(Errno::ECANCELED.raw()), 0);
                self.state.queue(id);
            }
        }
    }
}

impl<B, T> State<B, T> {
    /// Completes the request in flight that has the id of an event, and queues the id.
    ///
    /// Returns `false`, and changes nothing, if there is no such request.
    ///
    /// # Safety
    ///
    /// The queue has room for all requests in flight.
    #[inline]
    unsafe fn complete_one(&mut self, event: &IoEvent) -> bool {
        let index = index_in(event.data);
        let Some(slot) = self.slot(index) else {
            return false;
        };
        // The id of a slot that is not in flight is `NONE`. The id of the event is not `NONE`: its
        // lower half is below `initialised`, so it is below `u32::MAX`, which is the lower half of
        // `NONE`.
        if slot.iocb.aio_data != event.data {
            return false;
        }
        slot.complete(event.res, event.res2);
        self.in_flight -= 1;
        // SAFETY: this request was in flight, so the queue has room for it (duty of the caller).
        unsafe { self.completed.push(event.data) };
        true
    }

    /// Queues the id of a request that was in flight.
    pub(super) fn queue(&mut self, id: u64) {
        // SAFETY: each id in the queue and each request in flight has its own slot (invariant 3),
        // so together they are at most `capacity`.
        unsafe { self.completed.make_room(cast::from_u32(self.in_flight)) };
        self.in_flight -= 1;
        // SAFETY: `make_room` has made room for all requests that were in flight, including this
        // one.
        unsafe { self.completed.push(id) };
    }
}
