//! Requests that end without an event: withdrawn, refused, or cut off with the context.

use super::{Slots, slot::NONE};
use crate::{
    abi::{IoEvent, Iocb},
    errno::Errno,
    request::{Any, Request},
};

impl<B, T> Slots<B, T> {
    /// Takes a request back that the kernel was not told of or did not accept.
    ///
    /// # Safety
    ///
    /// 1. `iocb` came from [`occupy`](Self::occupy), is still in flight, and the kernel does not
    ///    have the request.
    /// 2. The file of that request is open for `'fd`.
    #[cold]
    pub(crate) unsafe fn withdraw<'fd>(
        &mut self,
        iocb: *mut Iocb,
    ) -> Option<Request<'fd, B, T, Any>> {
        let index = self.index_of(iocb);
        let slot = self.get(index)?;
        if !slot.in_flight() {
            return None;
        }
        slot.iocb.aio_data = NONE;
        let what = slot.what();
        // SAFETY: the slot was in flight, so invariant 5 holds; marked free, it is read out once.
        let buf = unsafe { slot.buf.assume_init_read() };
        // SAFETY: as for `buf`.
        let tag = unsafe { slot.tag.assume_init_read() };
        self.flying -= 1;
        // SAFETY: `get` has found it below `fresh`, and it is empty now.
        unsafe { self.vacate(index) };
        // SAFETY: the parts come from the request that `Slot::fill` dismantled, and the caller vouches
        // for the file.
        Some(unsafe { Request::reassemble(what, buf, tag) })
    }

    /// Completes a request that the kernel refused, as if an event had said so.
    #[cold]
    pub(crate) fn refuse(&mut self, iocb: *mut Iocb, errno: Errno) {
        let index = self.index_of(iocb);
        if let Some(slot) = self.get(index) {
            let event =
                IoEvent { data: slot.iocb.aio_data, obj: 0, res: -i64::from(errno.raw()), res2: 0 };
            self.complete(&event);
        }
    }

    /// Completes everything in flight as cancelled, so that it can be taken and dropped.
    ///
    /// # Safety
    ///
    /// The kernel is done with every buffer: the context was destroyed.
    #[cold]
    pub(crate) unsafe fn complete_all(&mut self) {
        for index in 0..self.fresh {
            if let Some(slot) = self.get(index)
                && slot.in_flight()
            {
                let res = -i64::from(Errno::ECANCELED.raw());
                let event = IoEvent { data: slot.iocb.aio_data, obj: 0, res, res2: 0 };
                self.complete(&event);
            }
        }
    }
}
