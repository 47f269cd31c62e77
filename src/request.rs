//! [`Request`]: what to do, with which bytes, and what to call it.

use crate::{
    abi::Iocb,
    borrowed::{Buf, IntoBuf},
    buf::{IoBuf, IoBufMut},
    error::OutOfRange,
    fd::Fd,
    flags::{Opcode, RwFlags},
    width,
};
use core::{
    fmt,
    marker::PhantomData,
    ops::{Bound, RangeBounds},
};

/// A read or a write that the kernel does not have yet.
///
/// It owns its buffer `B` and its tag `T`, both of which come back with the completion, and
/// borrows the file until it has been submitted. Built in one expression:
///
/// ```
/// use linux_aio::{PageBuf, Request, RwFlags};
///
/// # fn main() -> std::io::Result<()> {
/// # let file = tempfile::tempfile()?;
/// let block = PageBuf::new(4096)?;
/// let request = Request::write(&file, block, 8192)
///     .flags(RwFlags::DSYNC)
///     .tag("third block")
///     .range(..512)?;
/// # drop(request);
/// # Ok(())
/// # }
/// ```
///
/// # Invariants
///
/// What takes part lies within the buffer: `start + aio_nbytes <= buf.io_len()`. It is a read only if
/// the buffer was [`IoBufMut`].
#[must_use = "a request does nothing until it is pushed to a batch and submitted"]
pub struct Request<'fd, B, T = ()> {
    what: What,
    file: PhantomData<Fd<'fd>>,
    buf: B,
    tag: T,
}

/// The part of a request that is plain data: the iocb, except for what is known only when it is in
/// its slot, the request's id and the address of the data.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct What {
    /// What the kernel reads.
    pub(crate) iocb: Iocb,
    /// First byte of the buffer that takes part.
    pub(crate) start: usize,
    /// What `iocb.aio_lio_opcode` stands for.
    pub(crate) opcode: Opcode,
}

impl<'fd, B: IoBuf> Request<'fd, B> {
    /// Reads from `file` at `offset` (in bytes) until the buffer is full.
    ///
    /// The file's own position is neither used nor moved. The end of the file makes a read short;
    /// a pipe or a socket ignores the offset or refuses it.
    ///
    /// # Kernel
    ///
    /// `IOCB_CMD_PREAD`, `aio_read` in `fs/aio.c`; since Linux 2.6.
    #[doc(alias = "IOCB_CMD_PREAD")]
    pub fn read(file: impl Into<Fd<'fd>>, buf: B, offset: u64) -> Self
    where
        B: IoBufMut,
    {
        Self::new(Opcode::Pread, file.into(), buf, offset)
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
        Self::new(Opcode::Pwrite, file.into(), buf, offset)
    }

    fn new(opcode: Opcode, file: Fd<'fd>, buf: B, offset: u64) -> Self {
        let iocb = Iocb {
            aio_lio_opcode: opcode.raw(),
            aio_fildes: file.as_raw().cast_unsigned(),
            aio_nbytes: width::to_u64(buf.io_len()),
            // Beyond i64::MAX it turns negative, which the kernel refuses with EINVAL.
            aio_offset: offset.cast_signed(),
            ..Iocb::default()
        };
        Self { what: What { iocb, start: 0, opcode }, file: PhantomData, buf, tag: () }
    }
}

impl<'fd, B, T> Request<'fd, B, T> {
    /// Sets the flags of this one read or write, in place of those set before.
    pub fn flags(mut self, flags: RwFlags) -> Self {
        self.what.iocb.aio_rw_flags = flags.bits().cast_signed();
        self
    }

    /// Attaches a value that comes back with the completion, in place of the one before.
    pub fn tag<U>(self, tag: U) -> Request<'fd, B, U> {
        Request { what: self.what, file: self.file, buf: self.buf, tag }
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
        B: IoBuf,
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
                self.what.start = start;
                self.what.iocb.aio_nbytes = width::to_u64(end - start);
                Ok(self)
            }
            _ => Err(OutOfRange { request: self, start, end, buffer: whole }),
        }
    }
}

impl<'fd, B, T> Request<'fd, B, T> {
    /// Turns a request with borrowed bytes into one with a [`Buf`], for a context that uses both
    /// kinds.
    pub fn into_buf<'a>(self) -> Request<'fd, Buf<'a>, T>
    where
        B: IntoBuf<'a>,
    {
        Request { what: self.what, file: self.file, buf: self.buf.into(), tag: self.tag }
    }

    /// Gives up the request for its buffer and tag.
    pub fn into_parts(self) -> (B, T) {
        (self.buf, self.tag)
    }

    /// The buffer, whole.
    pub fn buf(&self) -> &B {
        &self.buf
    }

    /// What was attached by [`tag`](Self::tag).
    pub fn tag_ref(&self) -> &T {
        &self.tag
    }

    /// Takes the request apart, for its way into a slot.
    #[inline]
    pub(crate) fn dismantle(self) -> (What, B, T) {
        (self.what, self.buf, self.tag)
    }

    /// Puts a request together again that came apart on its way to the kernel.
    ///
    /// # Safety
    ///
    /// The parts are those of one request, by [`dismantle`](Self::dismantle), and the file of that
    /// request is open for `'fd`.
    pub(crate) unsafe fn reassemble(what: What, buf: B, tag: T) -> Self {
        Self { what, file: PhantomData, buf, tag }
    }
}

impl<B, T> fmt::Debug for Request<'_, B, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Request").field(&self.what.opcode).field(&self.what.iocb).finish()
    }
}
