//! [`Side`]: a context on one of the two kernels, with its memory.

use super::{
    file_kind::FileKind,
    requests::{Memory, Part, SPAN, Spec},
};
use crate::{
    abi::{AioContext, AioRing, IoEvent, Iocb, Iovec, Timespec},
    sys,
    types::Errno,
};
use core::{mem::offset_of, ptr};
use std::{vec, vec::Vec};

/// The largest number of requests in flight.
pub(super) const SLOTS: usize = 16;
/// The largest number of pieces of a request.
const PIECES: usize = 5;
/// The size of the memory for transfers. A whole file can be read into it.
pub(super) const ARENA: usize = 6 * SPAN as usize;

/// A context, and the memory of its requests: slots for iocbs and iovecs, and an arena for
/// transfers. The memory is accessed by raw pointers, because the kernel writes to it.
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
        // SAFETY: `ctx` is a local variable.
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

    /// Returns the address of the iocb of a slot.
    pub(super) fn iocb(&self, slot: usize) -> *mut Iocb {
        assert!(slot < SLOTS);
        self.iocbs.wrapping_add(slot)
    }

    /// Encodes a request in a slot.
    pub(super) fn encode(&self, slot: usize, data: u64, spec: &Spec) {
        let iovecs = self.iovecs.wrapping_add(slot * PIECES);
        let (aio_buf, aio_nbytes) = match &spec.memory {
            Memory::Bytes(part) => {
                (self.address(*part).expose_provenance() as u64, part.len.into())
            }
            Memory::Pieces(parts) => {
                assert!(parts.len() <= PIECES);
                for (index, &part) in parts.iter().enumerate() {
                    let iovec = Iovec { iov_base: self.address(part), iov_len: part.len as usize };
                    iovec.iov_base.expose_provenance();
                    // SAFETY: the slot has `PIECES` iovecs, and is not in flight.
                    unsafe { iovecs.wrapping_add(index).write(iovec) };
                }
                (iovecs.expose_provenance() as u64, parts.len() as u64)
            }
            Memory::Numbers(address, len) => (*address, *len),
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
        // SAFETY: the memory is leaked, and the slot is not in flight.
        unsafe { self.iocb(slot).write(iocb) };
    }

    /// Submits slots in this order. `nr` is usually their number.
    pub(super) fn submit(&self, slots: &[usize], nr: isize) -> Result<usize, Errno> {
        let pointers = slots.iter().map(|&slot| self.iocb(slot)).collect::<Vec<_>>();
        // SAFETY: (1) the iocbs are leaked; (2) the descriptors belong to the test; (3) buffers are
        // in the arena, which is leaked and not accessed while requests are in flight, or at
        // invalid addresses; (4) each slot is in flight once.
        unsafe { sys::io_submit(self.ctx, nr, pointers.as_ptr()) }
    }

    pub(super) fn cancel(&self, slot: usize) -> Result<(), Errno> {
        // SAFETY: the iocb is leaked, and has the address at which it was submitted.
        unsafe { sys::io_cancel(self.ctx, self.iocb(slot), ptr::null_mut()) }
    }

    /// Waits for `min` events and takes up to `nr` events.
    pub(super) fn events(&self, min: isize, nr: isize) -> Result<Vec<IoEvent>, Errno> {
        let mut events = vec![IoEvent::default(); 2 * SLOTS];
        let span = Timespec { tv_sec: if min > 0 { 5 } else { 0 }, tv_nsec: 0 };
        // SAFETY: (1) `nr` is at most the length of `events`, or negative, which the kernel
        // refuses; (2) the ring is not read during the call.
        let got =
            unsafe { sys::io_getevents(self.ctx, min, nr, events.as_mut_ptr(), &raw const span) }?;
        events.truncate(got);
        Ok(events)
    }

    /// Returns the address of a word of the ring's header.
    fn word(&self, offset: usize) -> *mut u32 {
        ptr::with_exposed_provenance_mut::<u8>(self.ctx.0 as usize).wrapping_add(offset).cast()
    }

    /// Returns the number of entries of the ring.
    pub(super) fn nr(&self) -> u32 {
        // SAFETY: the word is in the ring's header, and the context exists.
        unsafe { self.word(offset_of!(AioRing, nr)).read_volatile() }
    }

    /// Overwrites head and tail of the ring.
    pub(super) fn spoil(&self, head: u32, tail: u32) {
        for (offset, number) in
            [(offset_of!(AioRing, head), head), (offset_of!(AioRing, tail), tail)]
        {
            // SAFETY: the word is in the ring's header, and the context exists.
            unsafe { self.word(offset).write_volatile(number) };
        }
    }

    /// Returns head and tail of the ring.
    pub(super) fn bounds(&self) -> [u32; 2] {
        [offset_of!(AioRing, head), offset_of!(AioRing, tail)].map(|offset| {
            // SAFETY: the word is in the ring's header, and the context exists.
            unsafe { self.word(offset).read_volatile() }
        })
    }

    /// Fills the arena.
    pub(super) fn reset(&self, fill: &[u8]) {
        assert!(fill.len() <= ARENA);
        // SAFETY: the arena has at least this length, and no request is in flight.
        unsafe { ptr::copy_nonoverlapping(fill.as_ptr(), self.arena, fill.len()) };
    }

    /// Returns the content of the arena. No request may be in flight.
    pub(super) fn arena(&self) -> &[u8] {
        // SAFETY: the arena is leaked and has this length; both callers have no requests in flight.
        unsafe { core::slice::from_raw_parts(self.arena, ARENA) }
    }
}
