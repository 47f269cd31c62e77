//! [`Template`]: the data of a request except its buffer, its tag and the owner of its file.

use crate::{
    abi::{
        IOCB_CMD_FSYNC, IOCB_CMD_NOOP, IOCB_FLAG_IOPRIO, IOCB_FLAG_RESFD, Iocb, Iovec,
        assert_layout,
    },
    buf::IoBuf,
    types::{Opcode, PollEvents, Priority, RwFlags, cast},
};
use core::{
    mem::{align_of, offset_of, size_of, transmute},
    ops::Range,
};

/// An iocb without its id and the address of the buffer, which are known only when the request is
/// in a slot.
///
/// Each field has the offset at which [`Iocb`] has the field with the same meaning. The fields of
/// the id and the address are used for two numbers that an iocb does not contain.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Template {
    /// The largest possible result: the number of bytes to transfer, or all bits of a poll. It is
    /// at most `isize::MAX`, so no errno is a valid result. An iocb has its id, `aio_data`, at this
    /// offset.
    max_result: u64,
    #[cfg(target_endian = "little")]
    key: u32,
    rw_flags: i32,
    #[cfg(target_endian = "big")]
    key: u32,
    opcode: u16,
    reqprio: i16,
    fildes: u32,
    /// The offset in the buffer at which the transfer begins, in bytes. (For several pieces, it
    /// counts the bytes of all pieces before.) For a poll, its events. An iocb has the address,
    /// `aio_buf`, at this offset.
    buf_offset: u64,
    /// The number of bytes to transfer, or the number of pieces. For pieces with a
    /// [`buf_offset`](Self::buf_offset) other than 0, [`encode_rest`] computes the actual number.
    nbytes: u64,
    offset: i64,
    /// 1 if the kernel has refused a poll for another reason than its eventfd; otherwise 0. An iocb
    /// must have 0 at this offset.
    unpollable: u64,
    flags: u32,
    resfd: u32,
}

/// The offsets of the key and the flags: their order depends on the byte order.
const KEY_AND_FLAGS: (usize, usize) =
    if cfg!(target_endian = "little") { (8, 12) } else { (12, 8) };

assert_layout!(Template: size 64, align 8;
    0 => max_result: u64,
    KEY_AND_FLAGS.0 => key: u32,
    KEY_AND_FLAGS.1 => rw_flags: i32,
    16 => opcode: u16,
    18 => reqprio: i16,
    20 => fildes: u32,
    24 => buf_offset: u64,
    32 => nbytes: u64,
    40 => offset: i64,
    48 => unpollable: u64,
    56 => flags: u32,
    60 => resfd: u32,
);

const _: () = assert!(offset_of!(Template, buf_offset) == offset_of!(Iocb, aio_buf));

/// The opcode of a template for the rest of a `readv`, without its first bytes. The kernel has no
/// operation with this number.
const REST_OF_READV: u16 = 4;
/// The opcode of a template for the rest of a `writev`, without its first bytes. The kernel refuses
/// the operation with this number, `IOCB_CMD_NOOP`.
const REST_OF_WRITEV: u16 = IOCB_CMD_NOOP;

/// Returns whether `aio_buf` of an operation with this number is the address of the buffer. The
/// numbers of the other operations are consecutive, so this is one comparison.
#[inline]
const fn has_address(opcode: u16) -> bool {
    !matches!(opcode, IOCB_CMD_FSYNC..=IOCB_CMD_NOOP)
}

impl Template {
    /// Makes a template for `opcode` of the file with this descriptor. All other fields are 0.
    #[inline]
    pub(crate) const fn new(opcode: Opcode, fd: i32) -> Self {
        Self {
            max_result: 0,
            key: 0,
            rw_flags: 0,
            opcode: opcode.raw(),
            reqprio: 0,
            fildes: fd.cast_unsigned(),
            buf_offset: 0,
            nbytes: 0,
            offset: 0,
            unpollable: 0,
            flags: 0,
            resfd: 0,
        }
    }

    /// Makes a template for a transfer at an offset in the file. `nbytes` is the number of bytes to
    /// transfer, or the number of pieces; `max_result` is the number of bytes.
    #[inline]
    pub(crate) const fn transfer(
        opcode: Opcode,
        fd: i32,
        offset: u64,
        nbytes: usize,
        max_result: usize,
    ) -> Self {
        let mut template = Self::new(opcode, fd);
        // An offset above i64::MAX becomes negative, which the kernel refuses with EINVAL.
        template.offset = offset.cast_signed();
        template.nbytes = cast::to_u64(nbytes);
        template.max_result = cast::to_u64(max_result);
        template
    }

    /// Makes a template for a poll for these events.
    pub(crate) fn poll(fd: i32, events: PollEvents) -> Self {
        let mut template = Self::new(Opcode::Poll, fd);
        template.max_result = u16::MAX.into();
        template.set_events(events);
        template
    }

    /// Sets the events that a poll waits for.
    pub(crate) fn set_events(&mut self, events: PollEvents) {
        self.buf_offset = events.bits().into();
    }

    /// Restricts a transfer of one piece to these bytes of the buffer.
    pub(crate) const fn set_range(&mut self, start: usize, len: usize) {
        self.buf_offset = cast::to_u64(start);
        self.nbytes = cast::to_u64(len);
        self.max_result = self.nbytes;
    }

    /// Restricts a transfer of `count` pieces with `total` bytes to the bytes from `start` on.
    pub(crate) const fn set_rest_of_pieces(&mut self, start: usize, total: usize, count: usize) {
        self.buf_offset = cast::to_u64(start);
        self.nbytes = cast::to_u64(count);
        self.max_result = cast::to_u64(total - start);
        if start > 0 {
            self.set_rest();
        }
    }

    /// Sets the opcode for the rest of a vectored transfer.
    pub(crate) const fn set_rest(&mut self) {
        self.opcode = match self.opcode() {
            Opcode::Pread | Opcode::Preadv => REST_OF_READV,
            _ => REST_OF_WRITEV,
        };
    }

    /// Sets the offset in the file.
    pub(crate) const fn set_offset(&mut self, offset: u64) {
        self.offset = offset.cast_signed();
    }

    /// Sets the file descriptor.
    pub(crate) const fn set_fd(&mut self, fd: i32) {
        self.fildes = fd.cast_unsigned();
    }

    /// Sets the flags of a transfer.
    pub(crate) const fn set_flags(&mut self, flags: RwFlags) {
        self.rw_flags = flags.bits().cast_signed();
    }

    /// Sets the priority of a transfer.
    pub(crate) const fn set_priority(&mut self, priority: Priority) {
        self.flags |= IOCB_FLAG_IOPRIO;
        self.reqprio = priority.raw().cast_signed();
    }

    /// Sets the eventfd of the request.
    pub(crate) const fn set_resfd(&mut self, eventfd: i32) {
        self.flags |= IOCB_FLAG_RESFD;
        self.resfd = eventfd.cast_unsigned();
    }

    /// Removes the eventfd of the request.
    #[inline]
    pub(crate) const fn clear_resfd(&mut self) {
        self.flags &= !IOCB_FLAG_RESFD;
        self.resfd = 0;
    }

    /// Writes the iocb of the request, with its id `data` and the address of `buf`. If this returns
    /// `true`, the caller must call [`encode_rest`] next.
    #[inline]
    pub(crate) fn encode<B: IoBuf>(self, iocb: &mut Iocb, data: u64, buf: &mut B) -> bool {
        // The whole iocb is written first and then changed in memory. This takes fewer instructions
        // than to select the fields before.
        //
        // SAFETY: both types consist of integers without padding, and have the same size.
        *iocb = unsafe { transmute::<Self, Iocb>(self) };
        iocb.aio_data = data;
        if has_address(iocb.aio_lio_opcode) {
            let first = buf.io_ptr().wrapping_add(self.buf_offset());
            iocb.aio_buf = cast::to_u64(first.expose_provenance());
            return false;
        }
        is_rest(iocb)
    }

    /// Returns the template from which an iocb was [encoded](Self::encode), except for the changes
    /// that were made to the iocb since.
    #[inline]
    pub(crate) const fn decode(iocb: &Iocb, buf_offset: usize, max_result: usize) -> Self {
        let template =
            Iocb { aio_data: cast::to_u64(max_result), aio_buf: cast::to_u64(buf_offset), ..*iocb };
        // SAFETY: both types consist of integers without padding, and have the same size.
        unsafe { transmute::<Iocb, Self>(template) }
    }

    /// Returns the largest possible result.
    #[inline]
    pub(crate) const fn max_result(&self) -> usize {
        cast::from_u64(self.max_result)
    }

    /// Returns the offset in the buffer at which the transfer begins; for a poll, its events.
    #[inline]
    pub(crate) const fn buf_offset(&self) -> usize {
        cast::from_u64(self.buf_offset)
    }

    /// Returns the operation.
    #[inline]
    pub(crate) const fn opcode(&self) -> Opcode {
        match self.opcode {
            REST_OF_READV => Opcode::Preadv,
            REST_OF_WRITEV => Opcode::Pwritev,
            opcode => Opcode::of(opcode),
        }
    }

    /// Returns the file descriptor.
    pub(crate) const fn fd(&self) -> i32 {
        self.fildes.cast_signed()
    }

    /// Returns the offset in the file, in bytes.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset.cast_unsigned()
    }

    /// Returns the part of the buffer that is transferred, in bytes.
    #[inline]
    pub(crate) const fn range(&self) -> Range<usize> {
        if self.opcode().is_transfer() {
            self.buf_offset()..self.buf_offset() + self.max_result()
        } else {
            0..0
        }
    }

    /// Returns the flags of a transfer; no flags for other operations.
    pub(crate) const fn flags(&self) -> RwFlags {
        RwFlags::from_bits_retain(self.rw_flags.cast_unsigned())
    }

    /// Returns the priority of a transfer, if one was set.
    pub(crate) const fn priority(&self) -> Option<Priority> {
        if self.flags & IOCB_FLAG_IOPRIO == 0 {
            return None;
        }
        Some(Priority::from_raw(self.reqprio.cast_unsigned()))
    }

    /// Returns the events that a poll waits for. The result is meaningless for other operations.
    pub(crate) const fn events(&self) -> PollEvents {
        PollEvents::from_bits_retain(cast::low_16(self.buf_offset))
    }

    /// Resets the mark that the kernel has refused a poll.
    pub(crate) const fn clear_unpollable(&mut self) {
        self.unpollable = 0;
    }

    /// Returns whether `EINVAL` of a poll means that the kernel cannot wait for the file, because
    /// its eventfd is not the reason.
    pub(crate) const fn is_unpollable(&self) -> bool {
        self.unpollable != 0 || self.resfd().is_none()
    }

    /// Returns the descriptor of the eventfd, if there is one.
    pub(crate) const fn resfd(&self) -> Option<i32> {
        if self.flags & IOCB_FLAG_RESFD == 0 { None } else { Some(self.resfd.cast_signed()) }
    }
}

/// Returns whether an iocb was encoded from a template for the rest of a vectored transfer, and
/// [`encode_rest`] was not called for it yet.
#[inline]
pub(crate) const fn is_rest(iocb: &Iocb) -> bool {
    matches!(iocb.aio_lio_opcode, REST_OF_READV | REST_OF_WRITEV)
}

/// Completes an iocb for the rest of a vectored transfer. If the rest begins with a piece, the iocb
/// transfers all remaining pieces; otherwise it transfers the rest of the first of them. On entry,
/// `aio_buf` is the number of bytes to skip.
///
/// # Safety
///
/// `buf` is the buffer of the request from which `iocb` was encoded. It is
/// [`IoVecs`](crate::IoVecs), or a [`Buf`](crate::Buf) that was converted from one.
#[cold]
pub(crate) unsafe fn encode_rest<B: IoBuf>(iocb: &mut Iocb, buf: &mut B) {
    let (one, several) = if iocb.aio_lio_opcode == REST_OF_READV {
        (Opcode::Pread, Opcode::Preadv)
    } else {
        (Opcode::Pwrite, Opcode::Pwritev)
    };
    let (first, count) = (buf.io_ptr().cast::<Iovec>(), buf.io_len());
    let mut done = cast::from_u64(iocb.aio_buf);
    // If no bytes are left, the iocb transfers none.
    iocb.aio_lio_opcode = one.raw();
    (iocb.aio_buf, iocb.aio_nbytes) = (0, 0);
    for index in 0..count {
        let iovec = first.wrapping_add(index);
        // SAFETY: `buf` is `IoVecs` (duty of the caller): there are `count` iovecs at `first`.
        let Iovec { iov_base, iov_len } = unsafe { *iovec };
        if done == 0 {
            iocb.aio_lio_opcode = several.raw();
            iocb.aio_buf = cast::to_u64(iovec.expose_provenance());
            iocb.aio_nbytes = cast::to_u64(count - index);
            return;
        }
        if done < iov_len {
            iocb.aio_buf = cast::to_u64(iov_base.wrapping_add(done).expose_provenance());
            iocb.aio_nbytes = cast::to_u64(iov_len - done);
            return;
        }
        done -= iov_len;
    }
}
