//! [`Side`]: one of the two kernels, with memory of its own.

use super::{
    file_kind::FileKind,
    requests::{Part, Place, SPAN, Spec},
};
use crate::{
    abi::{AioContext, AioRing, IoEvent, Iocb, Iovec, Timespec},
    sys,
    types::Errno,
};
use core::{mem::offset_of, ptr};
use std::{vec, vec::Vec};

/// How many requests can be in flight.
pub(super) const SLOTS: usize = 16;
/// How many pieces a request has at most.
const PIECES: usize = 5;
/// Memory that requests take part in, and may read a whole file into.
pub(super) const ARENA: usize = 6 * SPAN as usize;

/// A context, and the memory of its requests: slots for iocbs and iovecs, and an arena. By raw
/// pointers: both kernels write there.
pub(super) struct Side {
    ctx: AioContext,
    fds: Vec<i32>,
    iocbs: *mut Iocb,
    iovecs: *mut Iovec,
    arena: *mut u8,
}

impl Side {
    pub(super) fn new(fds: Vec<i32>) -> Self {
        let mut ctx = AioContext::NONE;
        // SAFETY: a local variable.
        unsafe { sys::io_setup(SLOTS as u32, &raw mut ctx) }.unwrap();
        let nowhere = Iovec { iov_base: ptr::null_mut(), iov_len: 0 };
        Self {
            ctx,
            fds,
            iocbs: Vec::leak(vec![Iocb::default(); SLOTS]).as_mut_ptr(),
            iovecs: Vec::leak(vec![nowhere; SLOTS * PIECES]).as_mut_ptr(),
            arena: Vec::leak(vec![0_u8; ARENA]).as_mut_ptr(),
        }
    }

    fn address(&self, part: Part) -> *mut u8 {
        match part.start {
            Some(start) => self.arena.wrapping_add(start as usize),
            None => ptr::without_provenance_mut(16),
        }
    }

    fn fd(&self, kind: FileKind) -> u32 {
        self.fds[kind as usize].cast_unsigned()
    }

    /// Where the iocb of a slot is.
    pub(super) fn iocb(&self, slot: usize) -> *mut Iocb {
        assert!(slot < SLOTS);
        self.iocbs.wrapping_add(slot)
    }

    /// Makes a request of it, in that slot.
    pub(super) fn encode(&self, slot: usize, data: u64, spec: &Spec) {
        let iovecs = self.iovecs.wrapping_add(slot * PIECES);
        let (aio_buf, aio_nbytes) = match &spec.place {
            Place::Bytes(part) => (self.address(*part).expose_provenance() as u64, part.len.into()),
            Place::Pieces(parts) => {
                assert!(parts.len() <= PIECES);
                for (index, &part) in parts.iter().enumerate() {
                    let iovec = Iovec { iov_base: self.address(part), iov_len: part.len as usize };
                    iovec.iov_base.expose_provenance();
                    // SAFETY: the slot has that many.
                    unsafe { iovecs.wrapping_add(index).write(iovec) };
                }
                (iovecs.expose_provenance() as u64, parts.len() as u64)
            }
            Place::Numbers(address, len) => (*address, *len),
        };
        let iocb = Iocb {
            aio_data: data,
            aio_key: 7,
            aio_rw_flags: spec.rw_flags.cast_signed(),
            aio_lio_opcode: spec.opcode,
            aio_reqprio: spec.priority.cast_signed(),
            aio_fildes: self.fd(spec.kind),
            aio_buf,
            aio_nbytes,
            aio_offset: spec.offset,
            aio_reserved2: spec.reserved,
            aio_flags: spec.flags,
            aio_resfd: self.fd(spec.resfd),
        };
        // SAFETY: a slot that is not in flight.
        unsafe { self.iocb(slot).write(iocb) };
    }

    /// Submits slots in that order; `nr` is usually their number.
    pub(super) fn submit(&self, slots: &[usize], nr: isize) -> Result<usize, Errno> {
        let pointers = slots.iter().map(|&slot| self.iocb(slot)).collect::<Vec<_>>();
        // SAFETY: iocbs, iovecs and arena are leaked, and what the kernel writes, it may.
        unsafe { sys::io_submit(self.ctx, nr, pointers.as_ptr()) }
    }

    pub(super) fn cancel(&self, slot: usize) -> Result<(), Errno> {
        // SAFETY: leaked memory.
        unsafe { sys::io_cancel(self.ctx, self.iocb(slot), ptr::null_mut()) }
    }

    /// Takes all events, of which there must come so many; or what the call refuses.
    pub(super) fn events(&self, min: isize, nr: isize) -> Result<Vec<IoEvent>, Errno> {
        let mut events = vec![IoEvent::default(); 2 * SLOTS];
        let span = Timespec { tv_sec: if min > 0 { 5 } else { 0 }, tv_nsec: 0 };
        // SAFETY: there is room for `nr`, where that is valid.
        let got =
            unsafe { sys::io_getevents(self.ctx, min, nr, events.as_mut_ptr(), &raw const span) }?;
        events.truncate(got);
        Ok(events)
    }

    /// A word of the ring's header.
    fn word(&self, offset: usize) -> *mut u32 {
        ptr::with_exposed_provenance_mut::<u8>(self.ctx.0 as usize).wrapping_add(offset).cast()
    }

    /// How many places the ring has.
    pub(super) fn nr(&self) -> u32 {
        // SAFETY: the header of a living context.
        unsafe { self.word(offset_of!(AioRing, nr)).read_volatile() }
    }

    /// Writes numbers to the ring.
    pub(super) fn spoil(&self, head: u32, tail: u32) {
        for (offset, number) in
            [(offset_of!(AioRing, head), head), (offset_of!(AioRing, tail), tail)]
        {
            // SAFETY: the header of a living context.
            unsafe { self.word(offset).write_volatile(number) };
        }
    }

    /// Head and tail, as they stand in the ring.
    pub(super) fn bounds(&self) -> [u32; 2] {
        [offset_of!(AioRing, head), offset_of!(AioRing, tail)].map(|offset| {
            // SAFETY: the header of a living context.
            unsafe { self.word(offset).read_volatile() }
        })
    }

    /// Puts the memory into a known state.
    pub(super) fn reset(&self, fill: &[u8]) {
        assert!(fill.len() <= ARENA);
        // SAFETY: nothing is in flight.
        unsafe { ptr::copy_nonoverlapping(fill.as_ptr(), self.arena, fill.len()) };
    }

    /// The memory, while nothing is in flight.
    pub(super) fn arena(&self) -> &[u8] {
        // SAFETY: leaked, and no kernel writes to it now.
        unsafe { core::slice::from_raw_parts(self.arena, ARENA) }
    }
}
