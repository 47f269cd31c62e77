//! [`Slot`]: one request on its way.

use crate::{abi::Iocb, request::What};
use core::mem::MaybeUninit;

/// The id of no request: the slot that it names is beyond every table.
pub(super) const NONE: u64 = u64::MAX;

/// One request on its way: its iocb at an address that stays, and what comes back.
#[repr(C)]
pub(crate) struct Slot<B, T> {
    /// First, so that the slot's address is that of the iocb. `aio_data` is the request's id while
    /// it is in flight, by which its event is recognised, and otherwise [`NONE`].
    pub(super) what: What,
    /// The kernel's answer.
    pub(super) res: i64,
    pub(super) res2: i64,
    /// The next free slot, if this one is free.
    pub(super) next: u32,
    /// Whether its eventfd is the context's, which it loses when it is over or returns to the batch.
    pub(super) notifies_by_default: bool,
    /// Initialised unless the slot is free. In flight it is not touched: not moved, not borrowed.
    pub(super) buf: MaybeUninit<B>,
    /// Initialised unless the slot is free.
    pub(super) tag: MaybeUninit<T>,
}

impl<B, T> Slot<B, T> {
    /// A slot that is free.
    pub(super) fn empty() -> Self {
        let iocb = Iocb { aio_data: NONE, ..Iocb::default() };
        Self {
            what: What { iocb, start: 0, most: 0 },
            res: 0,
            res2: 0,
            next: 0,
            notifies_by_default: false,
            buf: MaybeUninit::uninit(),
            tag: MaybeUninit::uninit(),
        }
    }

    /// Whether the kernel has the request, or is just about to get it. Exactly one event will tell.
    #[inline]
    pub(super) const fn in_flight(&self) -> bool {
        self.what.iocb.aio_data != NONE
    }

    /// What the request was before it came here.
    #[inline]
    pub(super) const fn what(&self) -> What {
        let mut what = self.what;
        if self.notifies_by_default {
            what.notify(None);
        }
        what
    }
}
