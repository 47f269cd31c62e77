//! `io_submit`: its checks, in the order of `io_submit_one`, and its return values.

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
/// All flags of Linux 6.18.
pub(super) const RWF_SUPPORTED: u32 = 0x1ff;
/// The flags that most files do not support.
pub(super) const RWF_RARE: u32 = RWF_ATOMIC | RWF_DONTCACHE;

impl State {
    /// # Safety
    ///
    /// The duties of `aio::io_submit`.
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
            // SAFETY: `iocbpp` is valid for reading `nr` pointers (duty 1 of the caller).
            let iocb = unsafe { iocbpp.wrapping_add(index).read() };
            // SAFETY: the iocb is valid (duty 1 of the caller), and so are its buffers (duty 3).
            match unsafe { self.submit_one(ctx, iocb) } {
                Ok(()) => {}
                // A real kernel never returns 0 here.
                Err(_) if index == 0 && self.entropy.one_in(self.faults.hostile) => return Ok(0),
                Err(errno) if index == 0 => return Err(errno),
                // The errno is not reported: it is returned when the rest is submitted again.
                Err(_) => return Ok(self.count_accepted(index)),
            }
        }
        Ok(self.count_accepted(nr.min(most)))
    }

    /// # Safety
    ///
    /// 1. `user_iocb` is valid for reading and writing.
    /// 2. If the request is accepted, its buffers are valid until its event was received. Its
    ///    iovecs are valid for reading during the call.
    unsafe fn submit_one(&mut self, ctx: AioContext, user_iocb: *mut Iocb) -> Result<(), Errno> {
        if user_iocb.addr() < 4096 {
            return Err(Errno::EFAULT);
        }
        // SAFETY: `user_iocb` is valid for reading (duty 1 of the caller). This copies the iocb, so
        // that later changes of the original have no effect.
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
        // An event that was not taken uses the room of its request.
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
        // SAFETY: `user_iocb` is valid for writing (duty 1 of the caller), and `key` points to its
        // field.
        unsafe { key.write(0) };
        let supported = self.rw_flags;
        // SAFETY: the iovecs are valid for reading (duty 2 of the caller).
        let work = unsafe { work(&iocb, &file, supported) }?;
        let obj = user_iocb.addr() as u64;
        self.accept(ctx, Pending { data: iocb.aio_data, obj, file, eventfd, work });
        Ok(())
    }
}

/// Returns the work of a request, if the request is well-formed.
///
/// # Safety
///
/// If the request has iovecs, they are valid for reading.
unsafe fn work(iocb: &Iocb, file: &OpenFile, supported: u32) -> Result<Work, Errno> {
    match iocb.aio_lio_opcode {
        // SAFETY: the iovecs are valid for reading (duty of the caller).
        IOCB_CMD_PREAD | IOCB_CMD_PREADV => unsafe { transfer(iocb, file, false, supported) },
        // SAFETY: the iovecs are valid for reading (duty of the caller).
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
            // Files that are always ready have no wait queue: a poll for other events is refused.
            let has_queue = matches!(file.node, Node::Stream(_) | Node::EventFd(_));
            if !has_queue && file.ready() & events == 0 {
                return Err(Errno::EINVAL);
            }
            Ok(Work::Poll(events))
        }
        _ => Err(Errno::EINVAL),
    }
}

/// Does the checks of `aio_read` and `aio_write`, and returns the transfer.
///
/// # Safety
///
/// If the request has iovecs, they are valid for reading.
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
    // SAFETY: the iovecs are valid for reading (duty of the caller).
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

/// Does the checks of `kiocb_set_rw_flags`.
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

/// Does the checks of `ioprio_check_cap`, for a process with all capabilities.
fn check_priority(priority: u16) -> Result<(), Errno> {
    let (class, level) = (priority >> 13, priority & 7);
    match class {
        0 if level == 0 => Ok(()),
        1..=3 => Ok(()),
        _ => Err(Errno::EINVAL),
    }
}

/// Returns the pieces of a transfer, as `aio_setup_rw` does. Iovecs are copied.
///
/// # Safety
///
/// If the request has iovecs, they are valid for reading.
unsafe fn pieces(iocb: &Iocb) -> Result<Vec<Piece>, Errno> {
    let address = iocb.aio_buf as usize;
    if matches!(iocb.aio_lio_opcode, IOCB_CMD_PREAD | IOCB_CMD_PWRITE) {
        let len = (iocb.aio_nbytes as usize).min(MAX_RW_COUNT);
        let piece = Piece { address, len };
        return if in_user_space(piece) { Ok(vec![piece]) } else { Err(Errno::EFAULT) };
    }
    // `__import_iovec` uses the lower 32 bits of the number.
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
        // SAFETY: the iovecs are valid for reading (duty of the caller).
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

/// Returns whether a piece is in user space, as `access_ok` does.
fn in_user_space(piece: Piece) -> bool {
    piece.address.checked_add(piece.len).is_some_and(|end| end <= TASK_SIZE)
}
