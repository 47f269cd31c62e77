//! [`Slot`]: one request on its way.

use crate::{
    abi::Iocb,
    buf::IoBuf,
    flags::Opcode,
    request::{Any, Request, What, notifies, notify},
};
use core::mem::MaybeUninit;

/// The id of no request: the slot that it names is beyond every table.
pub(super) const NONE: u64 = u64::MAX;

/// One request on its way: its iocb at an address that stays, and what comes back.
#[repr(C)]
pub(crate) struct Slot<B, T> {
    /// First, so that the slot's address is that of the iocb. `aio_data` is the request's id while
    /// it is in flight, by which its event is recognised, and otherwise [`NONE`].
    pub(super) iocb: Iocb,
    /// With the iocb, what [`What::decode`] needs to make the [`What`] again.
    addend: usize,
    most: usize,
    /// The kernel's answer.
    pub(super) res: i64,
    pub(super) res2: i64,
    /// The next free slot, if this one is free.
    pub(super) next: u32,
    /// Whether its eventfd is the context's, which it loses when it is over or returns to the batch.
    pub(super) notifies_by_default: bool,
    /// Initialised unless the slot is free. Once its address has been taken, by [`fill`](Self::fill), it is
    /// not touched until the request is over: not moved, not borrowed.
    pub(super) buf: MaybeUninit<B>,
    /// Initialised unless the slot is free.
    pub(super) tag: MaybeUninit<T>,
}

impl<B, T> Slot<B, T> {
    /// A slot that is free.
    pub(super) fn empty() -> Self {
        let iocb = Iocb { aio_data: NONE, ..Iocb::default() };
        Self {
            iocb,
            addend: 0,
            most: 0,
            res: 0,
            res2: 0,
            next: 0,
            notifies_by_default: false,
            buf: MaybeUninit::uninit(),
            tag: MaybeUninit::uninit(),
        }
    }

    /// Takes a request in, encoded, and gives it this id.
    #[inline]
    pub(super) fn fill(&mut self, request: Request<'_, B, T, Any>, id: u64)
    where
        B: IoBuf,
    {
        let (what, buf, tag) = request.dismantle();
        self.tag.write(tag);
        // The pointer is taken only now that the buffer is in its place, where it stays.
        let buf = self.buf.write(buf);
        what.encode(&mut self.iocb, id, buf);
        (self.addend, self.most) = (what.addend(), what.most());
        self.notifies_by_default = false;
    }

    /// Notifies by this eventfd, unless by one of its own.
    ///
    /// The slot is not borrowed as a whole: the address of the buffer has been taken, which may lead into
    /// `buf` itself, to its iovecs.
    ///
    /// # Safety
    ///
    /// `slot` leads to one that was just filled. Neither the kernel knows it, nor does anybody borrow it.
    pub(super) unsafe fn notify_by_default(slot: *mut Self, eventfd: i32) {
        // SAFETY: the caller says so.
        let iocb = unsafe { &mut (*slot).iocb };
        if !notifies(iocb) {
            notify(iocb, eventfd);
            // SAFETY: the caller says so.
            unsafe { (*slot).notifies_by_default = true };
        }
    }

    /// Which operation it is.
    pub(super) const fn opcode(&self) -> Opcode {
        Opcode::of(self.iocb.aio_lio_opcode)
    }

    /// Whether the kernel has the request, or is just about to get it. Exactly one event will tell.
    #[inline]
    pub(super) const fn in_flight(&self) -> bool {
        self.iocb.aio_data != NONE
    }

    /// What the request was before it came here.
    #[inline]
    pub(super) const fn what(&self) -> What {
        let mut what = What::decode(&self.iocb, self.addend, self.most);
        if self.notifies_by_default {
            what.keep_quiet();
        }
        what
    }
}
