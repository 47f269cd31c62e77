//! [`Request`]: what to do, with which buffer, and what to call it.
//!
//! How requests are made is in the files for their kinds: `transfer`, `sync`, `poll`.

mod poll;
mod sync;
mod transfer;
mod what;

pub use poll::Poll;
pub use sync::Sync;
pub use transfer::Transfer;
pub(crate) use what::{What, notifies, notify};

use crate::{
    abi::Iocb,
    borrowed::{Buf, IntoBuf},
    buf::IoBuf,
    fd::Fd,
    flags::Opcode,
};
use core::{fmt, marker::PhantomData};

/// An operation that the kernel does not have yet.
///
/// It owns its buffer `B` and its tag `T`, both of which come back with the completion, and
/// borrows the file until it has been submitted. The kind `O` of the operation ([`Transfer`],
/// [`Sync`], [`Poll`]) decides which options it has; in a batch all kinds are [`Any`]. Built in one
/// expression:
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
/// What the iocb will say fits the buffer. For `read` and `write`, that is [`IoBytes`] and
/// `addend + nbytes` lies within it; for `readv` and `writev`, it is [`IoVecs`], `addend` is 0 and
/// `nbytes` is how many iovecs it has; or it became a [`Buf`] of that kind. For `read` and `readv` it
/// is [`IoBufMut`] besides.
///
/// [`IoBytes`]: crate::IoBytes
/// [`IoVecs`]: crate::IoVecs
/// [`IoBufMut`]: crate::IoBufMut
#[must_use = "a request does nothing until it is pushed to a batch and submitted"]
pub struct Request<'fd, B, T = (), O = Transfer> {
    what: What,
    files: PhantomData<Fd<'fd>>,
    kind: PhantomData<fn() -> O>,
    buf: B,
    tag: T,
}

/// The kind of a request in a batch, where its options are settled.
#[derive(Clone, Copy, Debug)]
pub enum Any {}

impl<'fd, B, T, O> Request<'fd, B, T, O> {
    /// Attaches a value that comes back with the completion, in place of the one before.
    pub fn tag<U>(self, tag: U) -> Request<'fd, B, U, O> {
        Request { what: self.what, files: self.files, kind: self.kind, buf: self.buf, tag }
    }

    /// Adds 1 to the counter of this eventfd when the request has completed and its event is there.
    ///
    /// It takes the place of the context's own eventfd, if that has
    /// [one](crate::Context::set_notify). The eventfd may be closed once the request has been
    /// submitted. To lose nothing, read the eventfd first and reap afterwards.
    ///
    /// A descriptor that is not an eventfd makes the request complete with `EINVAL`. A request that
    /// `io_submit` refuses does not notify: its completion is there when `submit` returns.
    ///
    /// # Kernel
    ///
    /// `IOCB_FLAG_RESFD`; since Linux 2.6.22.
    #[doc(alias = "IOCB_FLAG_RESFD")]
    #[doc(alias = "aio_resfd")]
    pub fn notify(mut self, eventfd: impl Into<Fd<'fd>>) -> Self {
        self.what.notify(eventfd.into().as_raw());
        self
    }

    /// Turns a request with borrowed memory into one with a [`Buf`], for a context that uses
    /// several kinds.
    pub fn into_buf<'a>(self) -> Request<'fd, Buf<'a>, T, O>
    where
        B: IntoBuf<'a>,
    {
        self.replace_buf(Into::into)
    }

    /// The request without its kind, as it is in a batch: for a function that makes one of several.
    pub fn into_any(self) -> Request<'fd, B, T, Any> {
        self.into_kind()
    }

    /// Gives up the request for its buffer and tag.
    pub fn into_parts(self) -> (B, T) {
        (self.buf, self.tag)
    }

    /// Which operation it is.
    pub fn opcode(&self) -> Opcode {
        self.what.opcode()
    }

    /// The buffer, whole.
    pub fn buf(&self) -> &B {
        &self.buf
    }

    /// What was attached by [`tag`](Self::tag).
    pub fn tag_ref(&self) -> &T {
        &self.tag
    }

    /// The request with another buffer. The caller sees to the invariant.
    fn replace_buf<C>(self, with: impl FnOnce(B) -> C) -> Request<'fd, C, T, O> {
        let Self { what, files, kind, buf, tag } = self;
        Request { what, files, kind, buf: with(buf), tag }
    }

    /// The request as the kernel reads it, with `data` to come back in the event.
    ///
    /// For the [`raw`](crate::raw) layer, and to see what a request says. This is safe; submitting it
    /// is not. It holds for as long as the request is neither moved nor dropped.
    ///
    /// ```
    /// use linux_aio::{Request, RwFlags, abi::IOCB_CMD_PWRITE};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::tempfile()?;
    /// let iocb = Request::write(&file, &b"hello"[..], 512).flags(RwFlags::DSYNC).encode(42);
    /// assert_eq!((iocb.aio_lio_opcode, iocb.aio_nbytes, iocb.aio_offset), (IOCB_CMD_PWRITE, 5, 512));
    /// assert_eq!((iocb.aio_rw_flags, iocb.aio_data), (2, 42));
    /// # Ok(())
    /// # }
    /// ```
    pub fn encode(&mut self, data: u64) -> Iocb
    where
        B: IoBuf,
    {
        let mut iocb = Iocb::default();
        self.what.encode(&mut iocb, data, &mut self.buf);
        iocb
    }

    /// The same request as another kind.
    pub(crate) fn into_kind<P>(self) -> Request<'fd, B, T, P> {
        let Self { what, files, buf, tag, .. } = self;
        Request { what, files, kind: PhantomData, buf, tag }
    }

    /// Takes the request apart, for its way into a slot.
    #[inline]
    pub(crate) fn dismantle(self) -> (What, B, T) {
        (self.what, self.buf, self.tag)
    }
}

impl<'fd, T, O> Request<'fd, (), T, O> {
    /// Takes a buffer along that the operation has no use for; it comes back with the completion.
    ///
    /// So that an fsync or a poll goes through a context whose other requests have buffers:
    ///
    /// ```
    /// use linux_aio::{Batch, PageBuf, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::tempfile()?;
    /// let mut batch = Batch::<PageBuf, (), 2>::new();
    /// batch.push(Request::write(&file, PageBuf::new(4096)?, 0))?;
    /// batch.push(Request::fdsync(&file).carry(PageBuf::empty()))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn carry<B>(self, buf: B) -> Request<'fd, B, T, O> {
        // Only an fsync or a poll has the unit type for a buffer: it is neither `IoBytes` nor
        // `IoVecs`. Neither looks at the buffer.
        self.replace_buf(|()| buf)
    }
}

impl<B, O> Request<'_, B, (), O> {
    /// A request that says this. The caller sees to the invariant.
    #[inline]
    const fn new(what: What, buf: B) -> Self {
        Self { what, files: PhantomData, kind: PhantomData, buf, tag: () }
    }
}

impl<B, T> Request<'_, B, T, Any> {
    /// Puts a request together again that came apart on its way to the kernel.
    ///
    /// # Safety
    ///
    /// The parts are those of one request, by [`dismantle`](Self::dismantle), and its files are open
    /// for the lifetime that the caller gives to the result.
    pub(crate) unsafe fn reassemble(what: What, buf: B, tag: T) -> Self {
        Self { what, files: PhantomData, kind: PhantomData, buf, tag }
    }
}

impl<B, T, O> fmt::Debug for Request<'_, B, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Request").field(&self.what).finish()
    }
}
