//! [`What`]: a request without its buffer and its tag.

use crate::{
    abi::{IOCB_CMD_FSYNC, IOCB_CMD_POLL, IOCB_FLAG_IOPRIO, IOCB_FLAG_RESFD, Iocb},
    buf::IoBuf,
    fd::Fd,
    flags::{Opcode, PollEvents, RwFlags},
    priority::Priority,
    width,
};
use core::{fmt, ops::Range};

/// The part of a request that is plain data: the iocb, but for what is known only when it is in its
/// slot, the request's id and the address of the data. Where those will be stands what an iocb has no
/// place for: `aio_data` is [`most`](Self::most), and `aio_buf` is [`addend`](Self::addend).
#[derive(Clone, Copy)]
pub(crate) struct What(Iocb);

impl What {
    /// A request for `opcode` of this file, and nothing else that is not zero.
    #[inline]
    pub(crate) fn new(opcode: Opcode, file: Fd<'_>) -> Self {
        Self(Iocb {
            aio_lio_opcode: opcode.raw(),
            aio_fildes: file.as_raw().cast_unsigned(),
            ..Iocb::default()
        })
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
        what.0.aio_offset = offset.cast_signed();
        what.0.aio_nbytes = width::to_u64(nbytes);
        what.0.aio_data = width::to_u64(most);
        what
    }

    /// A poll for these events.
    pub(crate) fn poll(file: Fd<'_>, events: PollEvents) -> Self {
        let mut what = Self::new(Opcode::Poll, file);
        what.0.aio_data = u16::MAX.into();
        what.wait_for(events);
        what
    }

    /// Sets the events that a poll waits for.
    pub(crate) fn wait_for(&mut self, events: PollEvents) {
        self.0.aio_buf = events.bits().into();
    }

    /// Transfers only these bytes of the buffer.
    pub(crate) const fn within(&mut self, start: usize, len: usize) {
        self.0.aio_buf = width::to_u64(start);
        self.0.aio_nbytes = width::to_u64(len);
        self.0.aio_data = self.0.aio_nbytes;
    }

    /// Sets the flags of a transfer.
    pub(crate) const fn set_flags(&mut self, flags: RwFlags) {
        self.0.aio_rw_flags = flags.bits().cast_signed();
    }

    /// Sets the priority of a transfer.
    pub(crate) const fn rank(&mut self, priority: Priority) {
        self.0.aio_flags |= IOCB_FLAG_IOPRIO;
        self.0.aio_reqprio = priority.raw().cast_signed();
    }

    /// Notifies by this eventfd.
    pub(crate) const fn notify(&mut self, eventfd: i32) {
        notify(&mut self.0, eventfd);
    }

    /// Notifies by no eventfd.
    #[inline]
    pub(crate) const fn keep_quiet(&mut self) {
        self.0.aio_flags &= !IOCB_FLAG_RESFD;
    }

    /// Whether it has an eventfd.
    #[inline]
    pub(crate) const fn notifies(&self) -> bool {
        notifies(&self.0)
    }

    /// The request as the kernel reads it, with what is known only now: the id, and where the buffer is.
    #[inline]
    pub(crate) fn encode<B: IoBuf>(self, iocb: &mut Iocb, data: u64, buf: &mut B) {
        // Whole, and then corrected where it stands: that is less work than to choose beforehand.
        *iocb = self.0;
        iocb.aio_data = data;
        if is_transfer(iocb) {
            let first = buf.io_ptr().wrapping_add(self.addend());
            iocb.aio_buf = width::to_u64(first.expose_provenance());
        }
    }

    /// What was [encoded](Self::encode).
    #[inline]
    pub(crate) const fn decode(iocb: &Iocb, addend: usize, most: usize) -> Self {
        Self(Iocb { aio_data: width::to_u64(most), aio_buf: width::to_u64(addend), ..*iocb })
    }

    /// The largest result that makes sense: the bytes that take part, or the bits of a poll. At most
    /// `isize::MAX`, which no errno is.
    #[inline]
    pub(crate) const fn most(&self) -> usize {
        width::from_u64(self.0.aio_data)
    }

    /// What is added to the address of the buffer, the first byte that takes part; or of a poll, which
    /// has no buffer, the events.
    #[inline]
    pub(crate) const fn addend(&self) -> usize {
        width::from_u64(self.0.aio_buf)
    }

    /// Which operation it is.
    #[inline]
    pub(crate) const fn opcode(&self) -> Opcode {
        Opcode::of(self.0.aio_lio_opcode)
    }

    /// The position in the file, in bytes.
    pub(crate) const fn offset(&self) -> u64 {
        self.0.aio_offset.cast_unsigned()
    }

    /// The part of the buffer that takes part, in bytes from its beginning.
    #[inline]
    pub(crate) const fn range(&self) -> Range<usize> {
        if is_transfer(&self.0) { self.addend()..self.addend() + self.most() } else { 0..0 }
    }

    /// The events that a poll waits for; meaningless for others.
    pub(crate) const fn events(&self) -> PollEvents {
        PollEvents::from_bits_retain(width::low_16(self.0.aio_buf))
    }
}

impl fmt::Debug for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct(self.opcode().name());
        all.field("file", &self.0.aio_fildes.cast_signed());
        match self.opcode() {
            Opcode::Fsync | Opcode::Fdsync => {}
            Opcode::Poll => {
                all.field("events", &self.events());
            }
            Opcode::Pread | Opcode::Pwrite | Opcode::Preadv | Opcode::Pwritev => {
                all.field("offset", &self.0.aio_offset).field("bytes", &self.range());
                all.field("flags", &RwFlags::from_bits_retain(self.0.aio_rw_flags.cast_unsigned()));
            }
        }
        if self.0.aio_flags & IOCB_FLAG_IOPRIO != 0 {
            all.field("priority", &Priority::from_raw(self.0.aio_reqprio.cast_unsigned()));
        }
        if self.notifies() {
            all.field("eventfd", &self.0.aio_resfd.cast_signed());
        }
        all.finish()
    }
}

/// Has an iocb notify by this eventfd.
pub(crate) const fn notify(iocb: &mut Iocb, eventfd: i32) {
    iocb.aio_flags |= IOCB_FLAG_RESFD;
    iocb.aio_resfd = eventfd.cast_unsigned();
}

/// Whether an iocb has an eventfd.
#[inline]
pub(crate) const fn notifies(iocb: &Iocb) -> bool {
    iocb.aio_flags & IOCB_FLAG_RESFD != 0
}

/// Whether it transfers bytes: the numbers of those that do not lie between those of the others.
#[inline]
const fn is_transfer(iocb: &Iocb) -> bool {
    !matches!(iocb.aio_lio_opcode, IOCB_CMD_FSYNC..=IOCB_CMD_POLL)
}

#[cfg(test)]
mod tests {
    use crate::{Fd, IoSlice, PollEvents, Priority, Request, RwFlags};
    use std::{format, vec};

    #[test]
    fn what_is_printed_is_what_was_asked_for() {
        // SAFETY: nothing is submitted.
        let [file, eventfd] = [3, 4].map(|fd| unsafe { Fd::from_raw(fd) });
        let read = Request::read(file, vec![0; 512], 1024).flags(RwFlags::NOWAIT);
        let read = read.range(8..24).unwrap().notify(eventfd);
        assert_eq!(
            format!("{read:?}"),
            "Request(read { file: 3, offset: 1024, bytes: 8..24, flags: RwFlags(NOWAIT), eventfd: 4 })"
        );
        let pieces = [IoSlice::new(b"ab"), IoSlice::new(b"cde")];
        let write = Request::writev(file, &pieces[..], 0).unwrap().priority(Priority::from_raw(3));
        assert_eq!(
            format!("{write:?}"),
            "Request(writev { file: 3, offset: 0, bytes: 0..5, flags: RwFlags(0x0), priority: Priority(3) })"
        );
        assert_eq!(format!("{:?}", Request::fdsync(file)), "Request(fdsync { file: 3 })");
        let poll = Request::poll(file).events(PollEvents::IN);
        assert_eq!(format!("{poll:?}"), "Request(poll { file: 3, events: PollEvents(IN) })");
    }
}
