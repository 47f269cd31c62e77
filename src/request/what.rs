//! [`What`]: a request without its buffer and its tag.

use crate::{
    abi::{IOCB_CMD_FSYNC, IOCB_CMD_POLL, IOCB_FLAG_RESFD, Iocb},
    buf::IoBuf,
    fd::Fd,
    flags::{Opcode, PollEvents},
    width,
};

/// The part of a request that is plain data: the iocb, except for what is known only when it is in
/// its slot, the request's id and the address of the data.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct What {
    /// What the kernel reads.
    pub(crate) iocb: Iocb,
    /// First byte of the buffer that takes part, in bytes from its beginning.
    pub(crate) start: usize,
    /// The largest result that makes sense: the bytes that take part, or the bits of a poll. At most
    /// `isize::MAX`, which no errno is.
    pub(crate) most: usize,
}

impl What {
    /// A request for `opcode` of this file, and nothing else that is not zero.
    #[inline]
    pub(crate) fn new(opcode: Opcode, file: Fd<'_>) -> Self {
        let iocb = Iocb {
            aio_lio_opcode: opcode.raw(),
            aio_fildes: file.as_raw().cast_unsigned(),
            ..Iocb::default()
        };
        Self { iocb, start: 0, most: 0 }
    }

    /// The same at a position in the file. `nbytes` is how many bytes are to be transferred, or with
    /// several pieces how many of those; `most` is bytes.
    #[inline]
    pub(crate) fn transfer(
        opcode: Opcode,
        file: Fd<'_>,
        offset: u64,
        nbytes: usize,
        most: usize,
    ) -> Self {
        let mut what = Self::new(opcode, file);
        // Beyond i64::MAX it turns negative, which the kernel refuses with EINVAL.
        what.iocb.aio_offset = offset.cast_signed();
        what.iocb.aio_nbytes = width::to_u64(nbytes);
        Self { most, ..what }
    }

    /// Notifies by this eventfd, or by none.
    #[inline]
    pub(crate) const fn notify(&mut self, eventfd: Option<i32>) {
        match eventfd {
            Some(eventfd) => {
                self.iocb.aio_flags |= IOCB_FLAG_RESFD;
                self.iocb.aio_resfd = eventfd.cast_unsigned();
            }
            None => self.iocb.aio_flags &= !IOCB_FLAG_RESFD,
        }
    }

    /// Whether it has an eventfd.
    #[inline]
    pub(crate) const fn notifies(&self) -> bool {
        self.iocb.aio_flags & IOCB_FLAG_RESFD != 0
    }

    /// Fills in what is known only now: the id, and where the buffer is.
    #[inline]
    pub(crate) fn locate<B: IoBuf>(&mut self, data: u64, buf: &mut B) {
        self.iocb.aio_data = data;
        if self.is_transfer() {
            let first = buf.io_ptr().wrapping_add(self.start);
            self.iocb.aio_buf = width::to_u64(first.expose_provenance());
        }
    }

    /// Which operation it is.
    #[inline]
    pub(crate) const fn opcode(&self) -> Opcode {
        Opcode::of(&self.iocb)
    }

    /// Whether it transfers bytes: the numbers of those that do not lie between those of the others.
    #[inline]
    const fn is_transfer(&self) -> bool {
        !matches!(self.iocb.aio_lio_opcode, IOCB_CMD_FSYNC..=IOCB_CMD_POLL)
    }

    /// The position in the file, in bytes.
    pub(crate) const fn offset(&self) -> u64 {
        self.iocb.aio_offset.cast_unsigned()
    }

    /// How many bytes take part.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        if self.is_transfer() { self.most } else { 0 }
    }

    /// The events that a poll waits for; meaningless for others.
    pub(crate) const fn events(&self) -> PollEvents {
        PollEvents::from_bits_retain(width::low_16(self.iocb.aio_buf))
    }
}
