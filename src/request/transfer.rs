//! The constructors and the options of reads and writes.

use super::{IntoFile, Request, Template, op::Transfer, rest::total};
use crate::{
    abi::UIO_MAXIOV,
    buf::{IoBufMut, IoBytes, IoVecs},
    error::{PieceCountError, RangeError},
    types::{Opcode, Priority, RwFlags},
};
use core::ops::{Bound, RangeBounds};

impl<F, B: IoBytes> Request<F, B> {
    /// Reads from `file` at `offset` (in bytes) until the buffer is full.
    ///
    /// The file's own position is neither used nor changed. A read that reaches the end of the file
    /// is short. A pipe ignores the offset; a socket accepts only 0.
    ///
    /// A `Vec` is read into up to its length, not its capacity. A read into a buffer of no bytes, such
    /// as `Vec::with_capacity(4096)`, succeeds with 0 bytes, as at the end of the file.
    ///
    /// On kernels that do not pin pages, a direct read (`O_DIRECT`) into a part of a page can lose
    /// bytes if the process forks while the read is in flight: see [`IoBuf`](crate::IoBuf).
    ///
    /// # Kernel
    ///
    /// `IOCB_CMD_PREAD`, `aio_read` in `fs/aio.c`; since Linux 2.6.
    #[doc(alias = "IOCB_CMD_PREAD")]
    pub fn read(file: impl IntoFile<Owner = F>, buf: B, offset: u64) -> Self
    where
        B: IoBufMut,
    {
        Self::bytes(Opcode::Pread, file, buf, offset)
    }

    /// Writes the whole buffer to `file` at `offset` (in bytes).
    ///
    /// The file's own position is neither used nor changed. Writing past the end extends the file.
    /// If the file is open with `O_APPEND`, the offset is ignored. Writing to a pipe or socket
    /// whose other end is closed raises `SIGPIPE`, unless the request has [`RwFlags::NOSIGNAL`].
    ///
    /// # Kernel
    ///
    /// `IOCB_CMD_PWRITE`, `aio_write` in `fs/aio.c`; since Linux 2.6.
    #[doc(alias = "IOCB_CMD_PWRITE")]
    pub fn write(file: impl IntoFile<Owner = F>, buf: B, offset: u64) -> Self {
        Self::bytes(Opcode::Pwrite, file, buf, offset)
    }

    /// Makes a request that transfers the whole buffer.
    fn bytes(opcode: Opcode, file: impl IntoFile<Owner = F>, buf: B, offset: u64) -> Self {
        let len = buf.io_len();
        let (fd, file) = file.into_file();
        let template = Template::transfer(opcode, fd, offset, len, len);
        // SAFETY: (1) the range is the whole of an `IoBytes`, and `read` requires `IoBufMut`; (2)
        // `file` keeps `fd` open, by the contract of `IntoFile`.
        unsafe { Self::from_raw_parts(template, file, buf, ()) }
    }
}

impl<F, B: IoVecs> Request<F, B> {
    /// Reads from `file` at `offset` (in bytes) into several pieces of memory, one after the other.
    ///
    /// Everything else is the same as for [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// [`PieceCountError`], unless the buffer has 1 to 1024 pieces. The buffer is dropped. To get it
    /// back, use [`try_readv`](Self::try_readv).
    ///
    /// # Kernel
    ///
    /// `IOCB_CMD_PREADV`, `aio_read` in `fs/aio.c`; since Linux 2.6.19.
    #[doc(alias = "IOCB_CMD_PREADV")]
    pub fn readv(
        file: impl IntoFile<Owner = F>,
        buf: B,
        offset: u64,
    ) -> Result<Self, PieceCountError>
    where
        B: IoBufMut,
    {
        Self::try_readv(file, buf, offset).map_err(PieceCountError::dropped)
    }

    /// Does the same as [`readv`](Self::readv), or returns the buffer.
    ///
    /// ```
    /// use linux_aio::{PieceCountError, Pieces, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::tempfile()?;
    /// let none = Pieces::<Vec<u8>, 2>::new();
    /// let error: PieceCountError<Pieces<Vec<u8>, 2>> = Request::try_readv(&file, none, 0).unwrap_err();
    /// let mut pieces = error.buf; // returned
    /// pieces.push(vec![0; 512])?;
    /// Request::readv(&file, pieces, 0)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`PieceCountError`], with the buffer, unless the buffer has 1 to 1024 pieces.
    pub fn try_readv(
        file: impl IntoFile<Owner = F>,
        buf: B,
        offset: u64,
    ) -> Result<Self, PieceCountError<B>>
    where
        B: IoBufMut,
    {
        Self::vecs(Opcode::Preadv, file, buf, offset)
    }

    /// Writes several pieces of memory to `file` at `offset` (in bytes), one after the other.
    ///
    /// Everything else is the same as for [`write`](Self::write).
    ///
    /// # Errors
    ///
    /// [`PieceCountError`], unless the buffer has 1 to 1024 pieces. The buffer is dropped. To get it
    /// back, use [`try_writev`](Self::try_writev).
    ///
    /// # Kernel
    ///
    /// `IOCB_CMD_PWRITEV`, `aio_write` in `fs/aio.c`; since Linux 2.6.19.
    #[doc(alias = "IOCB_CMD_PWRITEV")]
    pub fn writev(
        file: impl IntoFile<Owner = F>,
        buf: B,
        offset: u64,
    ) -> Result<Self, PieceCountError> {
        Self::try_writev(file, buf, offset).map_err(PieceCountError::dropped)
    }

    /// Does the same as [`writev`](Self::writev), or returns the buffer.
    ///
    /// ```
    /// use linux_aio::{IoSlice, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::tempfile()?;
    /// let pieces = vec![IoSlice::new(b"x"); 2000];
    /// let error = Request::try_writev(&file, &pieces[..], 0).unwrap_err();
    /// assert_eq!((error.buf.len(), error.count), (2000, 2000)); // 1024 are allowed
    /// Request::writev(&file, &error.buf[..1024], 0)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`PieceCountError`], with the buffer, unless the buffer has 1 to 1024 pieces.
    pub fn try_writev(
        file: impl IntoFile<Owner = F>,
        buf: B,
        offset: u64,
    ) -> Result<Self, PieceCountError<B>> {
        Self::vecs(Opcode::Pwritev, file, buf, offset)
    }

    /// Makes a request that transfers all pieces.
    fn vecs(
        opcode: Opcode,
        file: impl IntoFile<Owner = F>,
        buf: B,
        offset: u64,
    ) -> Result<Self, PieceCountError<B>> {
        let count = buf.io_len();
        if count == 0 || count > UIO_MAXIOV {
            return Err(PieceCountError { buf, count });
        }
        let (fd, file) = file.into_file();
        let template = Template::transfer(opcode, fd, offset, count, total(&buf));
        // SAFETY: (1) the range is the whole of an `IoVecs` with 1 to 1024 pieces, and `readv`
        // requires `IoBufMut`; (2) `file` keeps `fd` open, by the contract of `IntoFile`.
        Ok(unsafe { Self::from_raw_parts(template, file, buf, ()) })
    }
}

impl<F, B, T> Request<F, B, T, Transfer> {
    /// Sets the flags of the read or write. They replace the previous flags.
    ///
    /// # Kernel
    ///
    /// `aio_rw_flags`; since Linux 4.13.
    #[doc(alias = "aio_rw_flags")]
    pub fn flags(mut self, flags: RwFlags) -> Self {
        self.template.set_flags(flags);
        self
    }

    /// Sets the I/O priority of the read or write. It replaces the priority of the thread.
    ///
    /// # Kernel
    ///
    /// `aio_reqprio` with `IOCB_FLAG_IOPRIO`; since Linux 4.18. Older kernels ignore it.
    #[doc(alias = "IOCB_FLAG_IOPRIO")]
    #[doc(alias = "aio_reqprio")]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.template.set_priority(priority);
        self
    }

    /// Restricts the transfer to this range of bytes of the buffer.
    ///
    /// The request still owns the whole buffer until the completion.
    ///
    /// # Errors
    ///
    /// [`RangeError`], if the range ends before its start or after the end of the buffer. The
    /// request is dropped. To get it back, use [`try_range`](Self::try_range).
    pub fn range(mut self, range: impl RangeBounds<usize>) -> Result<Self, RangeError>
    where
        B: IoBytes,
    {
        self.set_range(range)?;
        Ok(self)
    }

    /// Does the same as [`range`](Self::range), or returns the request.
    ///
    /// ```
    /// use linux_aio::{PageBuf, RangeError, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::tempfile()?;
    /// let request = Request::read(&file, PageBuf::new(4096)?, 0);
    /// let request = match request.try_range(..8192) {
    ///     Ok(request) => request,
    ///     Err(RangeError { request, buffer, .. }) => request.range(..buffer)?, // all of it
    /// };
    /// assert_eq!(request.info().range(), 0..4096);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`RangeError`], with the unchanged request, if the range ends before its start or after the
    /// end of the buffer.
    pub fn try_range(mut self, range: impl RangeBounds<usize>) -> Result<Self, RangeError<Self>>
    where
        B: IoBytes,
    {
        match self.set_range(range) {
            Ok(()) => Ok(self),
            Err(RangeError { start, end, buffer, .. }) => {
                Err(RangeError { request: self, start, end, buffer })
            }
        }
    }

    /// Restricts the transfer to a range of bytes of the buffer.
    ///
    /// # Errors
    ///
    /// [`RangeError`], if the range is not within the buffer. The request is unchanged.
    fn set_range(&mut self, range: impl RangeBounds<usize>) -> Result<(), RangeError>
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
                self.template.set_range(start, end - start);
                Ok(())
            }
            _ => Err(RangeError { request: (), start, end, buffer: whole }),
        }
    }
}
