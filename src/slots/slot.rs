//! [`Slot`]: the memory of one request in flight.

use crate::{
    abi::{IOCB_FLAG_RESFD, IoEvent, Iocb},
    buf::IoBuf,
    request::{Template, encode_rest, is_rest},
    types::{Opcode, cast},
};
use core::{mem::MaybeUninit, ptr};

/// The id of no request: the index in it is larger than that of any slot.
pub(super) const NONE: u64 = u64::MAX;

/// Flag: the iocb has the eventfd of the context, because the request has none of its own.
const CONTEXT_EVENTFD: u8 = 1;
/// Flag: the template is for the rest of a vectored transfer.
const REST: u8 = 2;
/// Flag: the slot is not free, and its request was staged by a driver.
pub(super) const DRIVEN: u8 = 4;
/// Flag: the request was not submitted yet.
pub(super) const STAGED: u8 = 8;
/// Flag: the request has completed, and its id was taken from the queue.
pub(super) const HELD: u8 = 16;

/// The memory of one request: its iocb at a constant address, its buffer and tag, and its result.
#[repr(C)]
pub(crate) struct Slot<B, T> {
    /// The first field, so that the address of the slot is that of the iocb. While the request is
    /// in flight, `aio_data` is its id, which its event has too. Otherwise it is [`NONE`].
    pub(super) iocb: Iocb,
    /// [`Template::decode`] makes the [`Template`] from this, `max_result` and the iocb.
    buf_offset: usize,
    max_result: usize,
    /// The results in the event.
    res: i64,
    res2: i64,
    /// The index of the next free slot, if this one is free.
    pub(super) next: u32,
    /// The differences between the iocb and the template: the flags [`CONTEXT_EVENTFD`] and
    /// [`REST`]; and the state of the request of a driver: [`DRIVEN`], [`STAGED`], [`HELD`].
    pub(super) differs: u8,
    /// Initialised unless the slot is free. After [`fill`](Self::fill) has taken its address, it is
    /// neither moved nor borrowed by itself until the request is over.
    pub(super) buf: MaybeUninit<B>,
    /// Initialised unless the slot is free.
    pub(super) tag: MaybeUninit<T>,
}

impl<B, T> Slot<B, T> {
    /// Makes a free slot.
    pub(super) fn empty() -> Self {
        let iocb = Iocb { aio_data: NONE, ..Iocb::default() };
        Self {
            iocb,
            buf_offset: 0,
            max_result: 0,
            res: 0,
            res2: 0,
            next: 0,
            differs: 0,
            buf: MaybeUninit::uninit(),
            tag: MaybeUninit::uninit(),
        }
    }

    /// Stores the parts of a request, and encodes its iocb with this id. If it returns `true`, the
    /// caller must call [`fill_rest`](Self::fill_rest) next.
    #[inline]
    pub(super) fn fill(&mut self, template: Template, buf: B, tag: T, id: u64) -> bool
    where
        B: IoBuf,
    {
        self.tag.write(tag);
        // The address is taken after the move to the slot: the buffer stays there.
        let buf = self.buf.write(buf);
        let is_rest = template.encode(&mut self.iocb, id, buf);
        (self.buf_offset, self.max_result) = (template.buf_offset(), template.max_result());
        self.differs = 0;
        is_rest
    }

    /// Completes the iocb of a request for the rest of a vectored transfer. Other requests are
    /// unchanged.
    ///
    /// # Safety
    ///
    /// `slot` points to a slot that was just filled. Its iocb was not submitted yet, and the slot
    /// is not borrowed.
    #[cold]
    pub(super) unsafe fn fill_rest(slot: *mut Self)
    where
        B: IoBuf,
    {
        // SAFETY: the slot is initialised and not borrowed (duty of the caller). Only the iocb is
        // borrowed, because the address of `buf` may have been taken.
        let iocb = unsafe { &mut (*slot).iocb };
        if is_rest(iocb) {
            // SAFETY: the slot is initialised and not borrowed (duty of the caller). `encode` has
            // not taken the address of the buffer of such a request.
            let buf = unsafe { &mut (*slot).buf };
            // SAFETY: the slot was just filled, so `buf` is initialised.
            let buf = unsafe { buf.assume_init_mut() };
            // SAFETY: `iocb` was encoded from the request with this buffer. Such a request has a
            // buffer that is `IoVecs`, or a `Buf` that was converted from one (invariant 1 of
            // `Request`).
            unsafe { encode_rest(iocb, buf) };
            // SAFETY: the slot is initialised and not borrowed (duty of the caller).
            unsafe { (*slot).differs |= REST };
        }
    }

    /// Sets the eventfd of the context in the iocb, unless the request has an eventfd of its own.
    ///
    /// The slot is not borrowed as a whole: the address of the buffer was taken, and it may point
    /// into `buf` itself, to iovecs.
    ///
    /// # Safety
    ///
    /// `slot` points to a slot that was just filled. Its iocb was not submitted yet, and the slot
    /// is not borrowed.
    pub(super) unsafe fn set_context_eventfd(slot: *mut Self, eventfd: i32) {
        // SAFETY: the slot is initialised and not borrowed (duty of the caller).
        let iocb = unsafe { &mut (*slot).iocb };
        if iocb.aio_flags & IOCB_FLAG_RESFD == 0 {
            iocb.aio_flags |= IOCB_FLAG_RESFD;
            iocb.aio_resfd = eventfd.cast_unsigned();
            // SAFETY: the slot is initialised and not borrowed (duty of the caller).
            unsafe { (*slot).differs |= CONTEXT_EVENTFD };
        }
    }

    /// Returns whether the iocb has the eventfd of the context.
    pub(super) const fn has_context_eventfd(&self) -> bool {
        self.differs & CONTEXT_EVENTFD != 0
    }

    /// Returns the operation of the request.
    pub(super) const fn opcode(&self) -> Opcode {
        self.template().opcode()
    }

    /// Returns whether the request is in flight, or in a call that submits it. The kernel will
    /// report its completion by exactly one event.
    #[inline]
    pub(super) const fn in_flight(&self) -> bool {
        self.iocb.aio_data != NONE
    }

    /// Marks the request as completed, and stores its result.
    #[inline]
    pub(super) const fn complete(&mut self, res: i64, res2: i64) {
        self.iocb.aio_data = NONE;
        (self.res, self.res2) = (res, res2);
    }

    /// Returns the event of the completed request, which had this id.
    #[inline]
    pub(super) fn event(&self, id: u64) -> IoEvent {
        let obj = cast::to_u64(ptr::from_ref(self).addr());
        IoEvent { data: id, obj, res: self.res, res2: self.res2 }
    }

    /// Returns the template of the request.
    #[inline]
    pub(super) const fn template(&self) -> Template {
        let mut template = Template::decode(&self.iocb, self.buf_offset, self.max_result);
        if self.differs != 0 {
            if self.has_context_eventfd() {
                template.clear_resfd();
            }
            if self.differs & REST != 0 {
                template.set_rest();
            }
        }
        template
    }
}
