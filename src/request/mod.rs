//! [`Request`]: an operation with its file, buffer and tag.
//!
//! The constructors are in the files `transfer`, `sync` and `poll`.

mod batch;
mod file;
mod info;
pub mod op;
mod poll;
mod rest;
mod sync;
mod template;
#[cfg(test)]
mod tests;
mod transfer;

pub use batch::Batch;
pub(crate) use file::Owners;
pub use file::{Borrowed, IntoFile, RawFile};
pub use info::RequestInfo;
pub(crate) use rest::Remains;
pub(crate) use template::{Template, encode_rest, is_rest};

use crate::{
    abi::Iocb,
    buf::{Buf, IntoBuf, IoBuf},
    types::Opcode,
};
use core::{fmt, marker::PhantomData};

/// An operation that was not submitted yet.
///
/// A request owns its buffer `B` and its tag `T`; the completion returns both. `F` keeps the file
/// open until the request was submitted, by a borrow or as its owner ([`IntoFile`]). The kind `O`
/// of the operation ([`op::Transfer`], [`op::Sync`], [`op::Poll`]) decides which options the
/// request has; in a batch, the kind of all requests is [`op::Any`]. A request is built in one
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
/// assert_eq!((request.info().offset(), request.info().range()), (8192, 0..512));
/// # Ok(())
/// # }
/// ```
//
// # Invariants
//
// 1. The template fits the buffer. For `read` and `write`, `B` is `IoBytes` and the range is
//    within the buffer. For `readv` and `writev`, `B` is `IoVecs` with 1 to 1024 pieces, and the
//    range ends at the end of the last piece. For `read` and `readv`, `B` is also `IoBufMut`.
//    Instead, the buffer may have been converted to a `Buf` from a type that fulfils this.
// 2. `file` keeps the descriptors of the template open.
#[must_use = "a request does nothing until it is pushed to a batch and submitted"]
pub struct Request<F, B, T = (), O = op::Transfer> {
    template: Template,
    file: F,
    kind: PhantomData<fn() -> O>,
    buf: B,
    tag: T,
}

impl<F, B, T, O> Request<F, B, T, O> {
    /// Sets the tag, a value that the completion returns. It replaces the previous tag.
    pub fn tag<U>(self, tag: U) -> Request<F, B, U, O> {
        Request { template: self.template, file: self.file, kind: self.kind, buf: self.buf, tag }
    }

    /// Does the same as [`eventfd`](Request::eventfd) for owned descriptors: the request keeps the
    /// file and the eventfd open.
    ///
    /// ```
    /// use linux_aio::{Batch, PageBuf, Request};
    /// use std::{fs::File, os::fd::OwnedFd, sync::Arc};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let file = Arc::new(File::open("/proc/self/exe")?);
    /// # let eventfd = rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC)?;
    /// let wakeup: Arc<OwnedFd> = Arc::new(eventfd);
    /// // The owner of a request's files is a pair.
    /// let mut batch = Batch::<(Arc<File>, Arc<OwnedFd>), PageBuf, (), 1>::new();
    /// batch.push(Request::read(file, PageBuf::new(4096)?, 0).eventfd_owned(wakeup))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn eventfd_owned<E>(
        mut self,
        eventfd: impl IntoFile<Owner = E>,
    ) -> Request<(F, E), B, T, O> {
        let (eventfd, owner) = eventfd.into_file();
        self.template.set_resfd(eventfd);
        let Self { template, file, kind, buf, tag } = self;
        Request { template, file: (file, owner), kind, buf, tag }
    }

    /// Converts the buffer to a [`Buf`], for a context whose requests have buffers of several
    /// types.
    pub fn into_buf<'a>(self) -> Request<F, Buf<'a>, T, O>
    where
        B: IntoBuf<'a>,
    {
        // SAFETY: the `Buf` points to the same memory with the same rights, as `IntoBuf` is sealed.
        unsafe { self.map_buf(Into::into) }
    }

    /// Converts the kind to [`op::Any`], as in a batch: for a function that returns requests of
    /// several kinds.
    pub fn into_any(self) -> Request<F, B, T, op::Any> {
        self.into_kind()
    }

    /// Returns the owner of the file, the buffer and the tag.
    pub fn into_parts(self) -> (F, B, T) {
        (self.file, self.buf, self.tag)
    }

    /// Returns the operation with its file, offset, range, flags and other options.
    pub const fn info(&self) -> RequestInfo {
        RequestInfo::new(self.template)
    }

    /// Returns the operation.
    pub const fn opcode(&self) -> Opcode {
        self.template.opcode()
    }

    /// Returns the value that keeps the file open.
    pub const fn file(&self) -> &F {
        &self.file
    }

    /// Returns the whole buffer.
    pub const fn buf(&self) -> &B {
        &self.buf
    }

    /// Returns the tag that was set by [`tag`](Self::tag).
    pub const fn tag_ref(&self) -> &T {
        &self.tag
    }

    /// Returns the iocb of the request, with `data` as the value that its event has.
    ///
    /// This is for the [`raw`](crate::raw) layer, and to inspect requests. The call is safe; to
    /// submit the iocb is unsafe. The iocb is valid as long as the request is neither moved nor
    /// dropped.
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
        if self.template.encode(&mut iocb, data, &mut self.buf) {
            // SAFETY: the template is one for the rest of a vectored transfer, so the buffer is
            // `IoVecs` or a `Buf` made from one (invariant 1).
            unsafe { encode_rest(&mut iocb, &mut self.buf) };
        }
        iocb
    }

    /// Converts the request to another kind.
    pub(crate) fn into_kind<P>(self) -> Request<F, B, T, P> {
        let Self { template, file, buf, tag, .. } = self;
        Request { template, file, kind: PhantomData, buf, tag }
    }

    /// Returns the parts of the request, to store them in a slot.
    #[inline]
    pub(crate) fn into_raw_parts(self) -> (Template, F, B, T) {
        (self.template, self.file, self.buf, self.tag)
    }

    /// Makes a request from its parts.
    ///
    /// # Safety
    ///
    /// The parts fulfil the invariants of [`Request`].
    #[inline]
    pub(crate) const unsafe fn from_raw_parts(template: Template, file: F, buf: B, tag: T) -> Self {
        Self { template, file, kind: PhantomData, buf, tag }
    }

    /// Replaces the buffer by the result of `with`.
    ///
    /// # Safety
    ///
    /// With the new buffer, the request fulfils invariant 1.
    unsafe fn map_buf<C>(self, with: impl FnOnce(B) -> C) -> Request<F, C, T, O> {
        let Self { template, file, kind, buf, tag } = self;
        Request { template, file, kind, buf: with(buf), tag }
    }
}

impl<'fd, B, T, O> Request<Borrowed<'fd>, B, T, O> {
    /// Sets an eventfd: when the request has completed and its event can be received, the kernel
    /// adds 1 to the counter of the eventfd.
    ///
    /// The request then does not use the [eventfd of the context](crate::Context::set_eventfd). The
    /// eventfd may be closed when the request was submitted. To miss no completion, read the
    /// eventfd first and reap afterwards.
    ///
    /// If the descriptor is not an eventfd, the request completes with `EINVAL`. A request that
    /// `io_submit` refuses does not change the counter: its completion is available when `submit`
    /// returns.
    ///
    /// The file and the eventfd are borrowed. For owned ones use
    /// [`eventfd_owned`](Self::eventfd_owned).
    ///
    /// # Kernel
    ///
    /// `IOCB_FLAG_RESFD`; since Linux 2.6.22.
    #[doc(alias = "IOCB_FLAG_RESFD")]
    #[doc(alias = "aio_resfd")]
    pub fn eventfd(mut self, eventfd: impl IntoFile<Owner = Borrowed<'fd>>) -> Self {
        let (eventfd, _borrowed) = eventfd.into_file();
        self.template.set_resfd(eventfd);
        self
    }
}

impl<F, T, O> Request<F, (), T, O> {
    /// Sets a buffer that the operation does not use; the completion returns it.
    ///
    /// With a buffer, an fsync or a poll can be submitted to a context whose other requests have
    /// buffers. Without, such a program does not compile: "mismatched types: expected
    /// `Request<_, PageBuf, ..>`, found `Request<_, (), ..>`".
    ///
    /// ```
    /// use linux_aio::{Batch, PageBuf, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::tempfile()?;
    /// let mut batch = Batch::<_, PageBuf, (), 2>::new();
    /// batch.push(Request::write(&file, PageBuf::new(4096)?, 0))?;
    /// batch.push(Request::fdsync(&file).with_buf(PageBuf::empty()))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_buf<B>(self, buf: B) -> Request<F, B, T, O> {
        // SAFETY: `()` is neither `IoBytes` nor `IoVecs`, so this is an fsync or a poll, for which
        // invariant 1 requires nothing of the buffer.
        unsafe { self.map_buf(|()| buf) }
    }
}

impl<F, B, T, O> fmt::Debug for Request<F, B, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Request").field(&self.info()).finish()
    }
}
