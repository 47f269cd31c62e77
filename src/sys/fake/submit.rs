//! `io_submit`: what it checks, in the order of `io_submit_one`, and what it answers.

use super::{
    State,
    complete::{ALWAYS, Pending, Work},
    file::{Node, OpenFile},
    transfer::{MAX_RW_COUNT, Piece, TASK_SIZE, Transfer},
};
use crate::{
    abi::{
        AioContext, IOCB_CMD_FDSYNC, IOCB_CMD_FSYNC, IOCB_CMD_POLL, IOCB_CMD_PREAD,
        IOCB_CMD_PREADV, IOCB_CMD_PWRITE, IOCB_CMD_PWRITEV, IOCB_FLAG_IOPRIO, IOCB_FLAG_RESFD,
        Iocb, Iovec, UIO_MAXIOV,
    },
    types::Errno,
};
use core::{mem::offset_of, ptr};
use std::{rc::Rc, vec, vec::Vec};

const RWF_NOWAIT: u32 = 0x8;
const RWF_APPEND: u32 = 0x10;
const RWF_NOAPPEND: u32 = 0x20;
const RWF_ATOMIC: u32 = 0x40;
const RWF_DONTCACHE: u32 = 0x80;
/// All that there are: those of Linux 6.18.
pub(super) const RWF_SUPPORTED: u32 = 0x1ff;
/// Those that most files do not take.
pub(super) const RWF_RARE: u32 = RWF_ATOMIC | RWF_DONTCACHE;

impl State {
    /// # Safety
    ///
    /// As the kernel has it.
    pub(super) unsafe fn io_submit(
        &mut self,
        ctx: AioContext,
        nr: isize,
        iocbpp: *const *mut Iocb,
    ) -> Result<usize, Errno> {
        self.allow("io_submit")?;
        let nr = usize::try_from(nr).map_err(|_| Errno::EINVAL)?;
        if nr == 0 && self.ignores_flags {
            return Ok(0);
        }
        let most = self.context(ctx)?.ring.nr as usize - 1;
        self.be_hostile(ctx);
        for index in 0..nr.min(most) {
            // SAFETY: the caller's: there are `nr` pointers.
            let iocb = unsafe { iocbpp.wrapping_add(index).read() };
            // SAFETY: the caller's.
            match unsafe { self.submit_one(ctx, iocb) } {
                Ok(()) => {}
                // None, and no errno: no kernel says so.
                Err(_) if index == 0 && self.entropy.one_in(self.faults.hostile) => return Ok(0),
                Err(errno) if index == 0 => return Err(errno),
                // Masked: whoever submits the rest again will hear of it.
                Err(_) => return Ok(self.count_accepted(index)),
            }
        }
        Ok(self.count_accepted(nr.min(most)))
    }

    /// # Safety
    ///
    /// As the kernel has it.
    unsafe fn submit_one(&mut self, ctx: AioContext, user_iocb: *mut Iocb) -> Result<(), Errno> {
        if user_iocb.addr() < 4096 {
            return Err(Errno::EFAULT);
        }
        // SAFETY: the caller's. A copy: what becomes of the original later does not matter.
        let mut iocb = unsafe { user_iocb.read() };
        if self.ignores_flags {
            iocb.aio_rw_flags = 0;
        }
        if self.ignores_eventfds {
            iocb.aio_flags &= !IOCB_FLAG_RESFD;
        }
        if iocb.aio_reserved2 != 0 || iocb.aio_nbytes.cast_signed() < 0 {
            return Err(Errno::EINVAL);
        }
        let context = self.context(ctx)?;
        // An event that was not taken keeps its request's place.
        if context.pending.len() + context.ring.len() as usize >= context.ring.nr as usize - 1 {
            return Err(Errno::EAGAIN);
        }
        if self.entropy.one_in(self.faults.no_request) {
            return Err(Errno::EAGAIN);
        }
        let file = self.file(iocb.aio_fildes)?;
        let eventfd = if iocb.aio_flags & IOCB_FLAG_RESFD != 0 {
            let eventfd = self.file(iocb.aio_resfd)?;
            Some(Rc::clone(eventfd.counter().ok_or(Errno::EINVAL)?))
        } else {
            None
        };
        let key = user_iocb.cast::<u32>().wrapping_byte_add(offset_of!(Iocb, aio_key));
        // SAFETY: the caller's: it is writable too.
        unsafe { key.write(0) };
        let supported = self.rw_flags;
        // SAFETY: the caller's.
        let work = unsafe { work(&iocb, &file, supported) }?;
        let obj = user_iocb.addr() as u64;
        self.accept(ctx, Pending { data: iocb.aio_data, obj, file, eventfd, work });
        Ok(())
    }
}

/// What a request is to do, if it is well-formed.
///
/// # Safety
///
/// Iovecs can be read.
unsafe fn work(iocb: &Iocb, file: &OpenFile, supported: u32) -> Result<Work, Errno> {
    match iocb.aio_lio_opcode {
        // SAFETY: the caller's.
        IOCB_CMD_PREAD | IOCB_CMD_PREADV => unsafe { transfer(iocb, file, false, supported) },
        // SAFETY: the caller's.
        IOCB_CMD_PWRITE | IOCB_CMD_PWRITEV => unsafe { transfer(iocb, file, true, supported) },
        IOCB_CMD_FSYNC | IOCB_CMD_FDSYNC => {
            let unused = iocb.aio_buf == 0 && iocb.aio_offset == 0 && iocb.aio_nbytes == 0;
            if !unused || iocb.aio_rw_flags != 0 || !file.can_sync() {
                return Err(Errno::EINVAL);
            }
            Ok(Work::Sync)
        }
        IOCB_CMD_POLL => {
            let events = u16::try_from(iocb.aio_buf).map_err(|_| Errno::EINVAL)?;
            if iocb.aio_offset != 0 || iocb.aio_nbytes != 0 || iocb.aio_rw_flags != 0 {
                return Err(Errno::EINVAL);
            }
            let events = events | ALWAYS;
            // There is nothing to wait for in files that are always ready, for these events only.
            let has_queue = matches!(file.node, Node::Stream(_) | Node::EventFd(_));
            if !has_queue && file.ready() & events == 0 {
                return Err(Errno::EINVAL);
            }
            Ok(Work::Poll(events))
        }
        _ => Err(Errno::EINVAL),
    }
}

/// `aio_read` and `aio_write`, up to the transfer itself.
///
/// # Safety
///
/// Iovecs can be read.
unsafe fn transfer(
    iocb: &Iocb,
    file: &OpenFile,
    write: bool,
    supported: u32,
) -> Result<Work, Errno> {
    if iocb.aio_flags & IOCB_FLAG_IOPRIO != 0 {
        check_priority(iocb.aio_reqprio.cast_unsigned())?;
    }
    let flags = iocb.aio_rw_flags.cast_unsigned();
    if flags & !supported != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    check_flags(flags, file, write)?;
    if !(if write { file.mode.write } else { file.mode.read }) {
        return Err(Errno::EBADF);
    }
    let can = match file.node {
        Node::Regular(_) | Node::Stream(_) => true,
        Node::EventFd(_) => !write,
        Node::Directory | Node::Opaque => false,
    };
    if !can {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the caller's.
    let pieces = unsafe { pieces(iocb) }?;
    let total = pieces.iter().map(|piece| piece.len).sum::<usize>().min(MAX_RW_COUNT);
    // `rw_verify_area`
    if iocb.aio_offset < 0 || iocb.aio_offset.checked_add(total as i64).is_none() {
        return Err(Errno::EINVAL);
    }
    let append = flags & RWF_APPEND != 0 || file.mode.append && flags & RWF_NOAPPEND == 0;
    let nowait = flags & RWF_NOWAIT != 0;
    Ok(Work::Transfer(Transfer { write, pieces, offset: iocb.aio_offset, append, nowait }))
}

/// `kiocb_set_rw_flags`.
fn check_flags(flags: u32, file: &OpenFile, write: bool) -> Result<(), Errno> {
    if flags & RWF_APPEND != 0 && flags & RWF_NOAPPEND != 0 {
        return Err(Errno::EINVAL);
    }
    let taken = match &file.node {
        Node::Regular(regular) => regular.flags.get()[usize::from(write)],
        Node::Stream(_) | Node::EventFd(_) => !RWF_RARE,
        Node::Directory | Node::Opaque => !(RWF_RARE | RWF_NOWAIT),
    };
    if flags & !taken != 0 { Err(Errno::EOPNOTSUPP) } else { Ok(()) }
}

/// `ioprio_check_cap`, for one who may do everything.
fn check_priority(priority: u16) -> Result<(), Errno> {
    let (class, level) = (priority >> 13, priority & 7);
    match class {
        0 if level == 0 => Ok(()),
        1..=3 => Ok(()),
        _ => Err(Errno::EINVAL),
    }
}

/// `aio_setup_rw`: where the data is. Iovecs are copied.
///
/// # Safety
///
/// Iovecs can be read.
unsafe fn pieces(iocb: &Iocb) -> Result<Vec<Piece>, Errno> {
    let address = iocb.aio_buf as usize;
    if matches!(iocb.aio_lio_opcode, IOCB_CMD_PREAD | IOCB_CMD_PWRITE) {
        let len = (iocb.aio_nbytes as usize).min(MAX_RW_COUNT);
        let piece = Piece { address, len };
        return if in_user_space(piece) { Ok(vec![piece]) } else { Err(Errno::EFAULT) };
    }
    // `__import_iovec` takes the number as 32 bits.
    let count = iocb.aio_nbytes as u32 as usize;
    if count > UIO_MAXIOV {
        return Err(Errno::EINVAL);
    }
    if count > 0 && address < 4096 {
        return Err(Errno::EFAULT);
    }
    let iovecs = ptr::with_exposed_provenance::<Iovec>(address);
    let mut pieces = Vec::with_capacity(count);
    for index in 0..count {
        // SAFETY: the caller's.
        let iovec = unsafe { iovecs.wrapping_add(index).read() };
        let address = iovec.iov_base.expose_provenance();
        let piece = Piece { address, len: iovec.iov_len };
        if iovec.iov_len > isize::MAX as usize {
            return Err(Errno::EINVAL);
        }
        if !in_user_space(piece) {
            return Err(Errno::EFAULT);
        }
        pieces.push(piece);
    }
    Ok(pieces)
}

/// `access_ok`.
fn in_user_space(piece: Piece) -> bool {
    piece.address.checked_add(piece.len).is_some_and(|end| end <= TASK_SIZE)
}
