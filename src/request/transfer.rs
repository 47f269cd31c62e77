//! Reads and writes, in one piece or in several.

use super::{Request, What};
use crate::{
    abi::UIO_MAXIOV,
    buf::{IoBufMut, IoBytes, IoVecs},
    error::{OutOfRange, PieceCount},
    fd::Fd,
    flags::{Opcode, RwFlags},
    priority::Priority,
};
use core::ops::{Bound, RangeBounds};

/// The kind of a [`Request`] that reads or writes: it has flags and a priority.
#[derive(Clone, Copy, Debug)]
pub enum Transfer {}

impl<'fd, B: IoBytes> Request<'fd, B> {
    /// Reads from `file` at `offset` (in bytes) until the buffer is full.
    ///
    /// The file's own position is neither used nor moved. The end of the file makes a read short;
    /// a pipe ignores the offset, and a socket refuses any but 0.
    ///
    /// # Kernel
    ///
    /// `IOCB_CMD_PREAD`, `aio_read` in `fs/aio.c`; since Linux 2.6.
    #[doc(alias = "IOCB_CMD_PREAD")]
    pub fn read(file: impl Into<Fd<'fd>>, buf: B, offset: u64) -> Self
    where
        B: IoBufMut,
    {
        Self::bytes(Opcode::Pread, file.into(), buf, offset)
    }

    /// Writes the whole buffer to `file` at `offset` (in bytes).
    ///
    /// The file's own position is neither used nor moved. Writing past the end extends the file.
    ///
    /// # Kernel
    ///
    /// `IOCB_CMD_PWRITE`, `aio_write` in `fs/aio.c`; since Linux 2.6.
    #[doc(alias = "IOCB_CMD_PWRITE")]
    pub fn write(file: impl Into<Fd<'fd>>, buf: B, offset: u64) -> Self {
        Self::bytes(Opcode::Pwrite, file.into(), buf, offset)
    }

    fn bytes(opcode: Opcode, file: Fd<'fd>, buf: B, offset: u64) -> Self {
        let len = buf.io_len();
        Self::new(What::transfer(opcode, file, offset, len, len), buf)
    }
}

impl<'fd, B: IoVecs> Request<'fd, B> {
    /// Reads from `file` at `offset` (in bytes) into several pieces of memory, one after the other.
    ///
    /// Otherwise like [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// [`PieceCount`], with the buffer, unless it has 1 to 1024 pieces.
    ///
    /// # Kernel
    ///
    /// `IOCB_CMD_PREADV`, `aio_read` in `fs/aio.c`; since Linux 2.6.19.
    #[doc(alias = "IOCB_CMD_PREADV")]
    pub fn readv(file: impl Into<Fd<'fd>>, buf: B, offset: u64) -> Result<Self, PieceCount<B>>
    where
        B: IoBufMut,
    {
        Self::vecs(Opcode::Preadv, file.into(), buf, offset)
    }

    /// Writes several pieces of memory to `file` at `offset` (in bytes), one after the other.
    ///
    /// Otherwise like [`write`](Self::write).
    ///
    /// # Errors
    ///
    /// [`PieceCount`], with the buffer, unless it has 1 to 1024 pieces.
    ///
    /// # Kernel
    ///
    /// `IOCB_CMD_PWRITEV`, `aio_write` in `fs/aio.c`; since Linux 2.6.19.
    #[doc(alias = "IOCB_CMD_PWRITEV")]
    pub fn writev(file: impl Into<Fd<'fd>>, buf: B, offset: u64) -> Result<Self, PieceCount<B>> {
        Self::vecs(Opcode::Pwritev, file.into(), buf, offset)
    }

    fn vecs(opcode: Opcode, file: Fd<'fd>, buf: B, offset: u64) -> Result<Self, PieceCount<B>> {
        let count = buf.io_len();
        if count == 0 || count > UIO_MAXIOV {
            return Err(PieceCount { buf, count });
        }
        let total = buf.io_total().min(isize::MAX.cast_unsigned());
        Ok(Self::new(What::transfer(opcode, file, offset, count, total), buf))
    }
}

impl<B, T> Request<'_, B, T> {
    /// Sets the flags of this one read or write, in place of those set before.
    ///
    /// # Kernel
    ///
    /// `aio_rw_flags`; since Linux 4.13.
    #[doc(alias = "aio_rw_flags")]
    pub fn flags(mut self, flags: RwFlags) -> Self {
        self.what.set_flags(flags);
        self
    }

    /// Ranks this one read or write, instead of by the priority of the thread.
    ///
    /// # Kernel
    ///
    /// `aio_reqprio` with `IOCB_FLAG_IOPRIO`; since Linux 4.18. Older kernels ignore it.
    #[doc(alias = "IOCB_FLAG_IOPRIO")]
    #[doc(alias = "aio_reqprio")]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.what.rank(priority);
        self
    }

    /// Uses only these bytes of the buffer, counted from its beginning.
    ///
    /// The buffer stays whole: all of it belongs to the kernel until the completion.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`], with the request as it was, if the range ends before it starts or after the
    /// buffer.
    pub fn range(mut self, range: impl RangeBounds<usize>) -> Result<Self, OutOfRange<Self>>
    where
        B: IoBytes,
    {
        let whole = self.buf.io_len();
        let start = match range.start_bound() {
            Bound::Included(&start) => Some(start),
            Bound::Excluded(&before) => before.checked_add(1),
            Bound::Unbounded => Some(0),
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.checked_add(1),
            Bound::Excluded(&end) => Some(end),
            Bound::Unbounded => Some(whole),
        };
        match (start, end) {
            (Some(start), Some(end)) if start <= end && end <= whole => {
                self.what.within(start, end - start);
                Ok(self)
            }
            _ => Err(OutOfRange { request: self, start, end, buffer: whole }),
        }
    }
}
