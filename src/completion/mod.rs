//! [`Completion`]: a completed request, with its result.

mod info;
mod iter;
mod outcome;
#[cfg(test)]
mod tests;

pub use info::CompletionInfo;
pub use iter::Completions;
pub use outcome::Outcome;

use crate::{
    abi::IoEvent,
    buf::IoBuf,
    error::RequestError,
    request::{IntoFile, Remains, Request, Template, op},
    slots::Taken,
    types::{Errno, cast, errno::decode},
};
use core::fmt;

/// A request that has completed or was refused: its buffer, its tag and its result.
#[non_exhaustive]
pub struct Completion<B, T> {
    /// The whole buffer of the request.
    pub buf: B,
    /// The tag of the request.
    pub tag: T,
    /// The number of transferred bytes, or the errno. (For a poll, the bits of the events that
    /// occurred; for a sync, 0. [`outcome`](Self::outcome) distinguishes the operations.)
    ///
    /// A short transfer is not an error: a read reached the end of the file, a write filled the
    /// device, or a signal interrupted a synchronous transfer. One request transfers at most
    /// `INT_MAX` bytes, rounded down to a page: 0x7ffff000 with pages of 4 KiB.
    /// [`into_rest`](Self::into_rest) makes a request for the remaining bytes.
    ///
    /// # Errors
    ///
    /// The errno of this request. Either `io_submit` refused the request (`EBADF`, `EINVAL`,
    /// `EFAULT`, `EOPNOTSUPP`), or it failed later (`EIO`, `ENOSPC`, `EFBIG`, `EAGAIN` with
    /// `NOWAIT`, `EINVAL` for a misaligned direct transfer). If the kernel reports an impossible
    /// result, the errno is `EIO`.
    pub result: Result<usize, Errno>,
    template: Template,
    event: IoEvent,
}

impl<B, T> Completion<B, T> {
    #[inline]
    pub(crate) fn new(taken: Taken<B, T>) -> Self {
        let Taken { buf, tag, template, event } = taken;
        let result = result_of(&template, &event);
        Self { buf, tag, result, template, event }
    }

    /// Returns a copy of the request's options and of the kernel's event. Call it before the buffer
    /// is moved out of the completion.
    ///
    /// ```
    /// use linux_aio::{Context, PageBuf, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::tempfile()?;
    /// # std::io::Write::write_all(&mut &file, &[7; 8192])?;
    /// let mut cx = Context::<PageBuf, ()>::new(1)?;
    /// cx.submit_one(Request::read(&file, PageBuf::new(4096)?, 4096))?;
    /// for done in cx.wait(1, None)? {
    ///     let info = done.info();
    ///     let block: PageBuf = done.buf;
    ///     println!("{} of {:?} at {}", block.len(), info.range(), info.offset());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn info(&self) -> CompletionInfo {
        CompletionInfo::new(self.template, self.event)
    }

    /// Returns the meaning of the result for the operation.
    ///
    /// # Errors
    ///
    /// [`RequestError`], with the meaning of the errno for the operation.
    pub fn outcome(&self) -> Result<Outcome, RequestError> {
        Outcome::of(&self.template, self.result)
    }

    /// Returns the number of bytes that were read or written, or the error with its meaning for the
    /// operation. For a sync or a poll, the number is 0.
    ///
    /// This is the [`result`](Self::result) of a read or write, with an error whose message says what
    /// to do:
    ///
    /// ```
    /// use linux_aio::{Context, PageBuf, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let file = std::fs::File::open("/dev/null")?;
    /// let mut cx = Context::<PageBuf, ()>::new(1)?;
    /// cx.submit_one(Request::write(&file, PageBuf::new(4096)?, 0))?;
    /// for done in cx.wait(1, None)? {
    ///     let error = done.bytes().unwrap_err();
    ///     assert_eq!(
    ///         error.to_string(),
    ///         "write of 4096 bytes at 0: EBADF: Bad file descriptor (os error 9): the file is not \
    ///          open for writing, or the eventfd not open"
    ///     );
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`RequestError`], with the meaning of the errno for the operation.
    pub fn bytes(&self) -> Result<usize, RequestError> {
        self.outcome().map(|outcome| match outcome {
            Outcome::Transferred(bytes) => bytes,
            _ => 0,
        })
    }

    /// Returns the part of the buffer that was read into or written from. It is empty on error.
    #[must_use]
    pub fn transferred(&self) -> &[u8]
    where
        B: AsRef<[u8]>,
    {
        // The caller may have changed `result` and `buf`, and the result of a poll is not a length.
        let range = self.template.range();
        let end = range.start + self.result.unwrap_or(0).min(range.len());
        self.buf.as_ref().get(range.start..end).unwrap_or_default()
    }

    /// Makes a request for the remaining bytes of a short read or write, with the same flags,
    /// priority and tag. Its range and its offset begin where the transfer stopped.
    ///
    /// The file must be passed again. The new request has no eventfd of its own; set it again if it
    /// needs one.
    ///
    /// The `result` and the [`transferred`](Self::transferred) bytes of the new completion are those of
    /// the new request. The start of its range says how many bytes of the buffer came before.
    ///
    /// ```
    /// use linux_aio::{Batch, Context, PageBuf, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::tempfile()?;
    /// let mut cx = Context::<PageBuf, ()>::new(8)?;
    /// let mut batch = Batch::<_, _, _, 8>::new();
    /// batch.push(Request::write(&file, PageBuf::new(1 << 20)?, 0))?;
    /// while !batch.is_empty() || cx.outstanding() > 0 {
    ///     cx.submit(&mut batch)?;
    ///     for done in cx.wait(1, None)? {
    ///         match done.into_rest(&file) {
    ///             Ok(rest) => batch.push(rest)?,
    ///             Err(done) => assert_eq!(done.info().range().start + done.bytes()?, 1 << 20),
    ///         }
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The completion, if there is nothing to continue: all bytes were transferred, or none (at the
    /// end of the file), or the request failed, or it is not a transfer; or if `buf` was exchanged
    /// for a buffer that is too short. Its `result` tells these apart: `Err` if the request failed,
    /// `Ok(0)` at the end of the file.
    pub fn into_rest<F>(
        self,
        file: impl IntoFile<Owner = F>,
    ) -> Result<Request<F, B, T, op::Transfer>, Self>
    where
        B: IoBuf,
    {
        self.into_rest_aligned(file, 1)
    }

    /// Does the same as [`into_rest`](Self::into_rest), for direct I/O: the new request begins at
    /// an offset in the file that is a multiple of `alignment`, in bytes
    /// ([`Alignment::offset`](crate::direct::Alignment::offset)).
    ///
    /// If the transfer stopped at another offset, up to `alignment - 1` bytes are transferred
    /// again. So the sum of the results is too large. How many bytes of the buffer were transferred
    /// in all is the start of the last request's range plus its result: `done.info().range().start +
    /// done.bytes()?`.
    ///
    /// ```
    /// use linux_aio::{Context, PageBuf, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::tempfile()?;
    /// let mut cx = Context::<PageBuf, ()>::new(1)?;
    /// cx.submit_one(Request::write(&file, PageBuf::new(65_536)?, 0))?;
    /// while let Some(done) = cx.wait_one(None)? {
    ///     match done.into_rest_aligned(&file, 4096) {
    ///         Ok(rest) => drop(cx.submit_one(rest)?),
    ///         Err(done) => assert_eq!(done.info().range().start + done.bytes()?, 65_536),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The completion, as for [`into_rest`](Self::into_rest), and also if less than a block was
    /// transferred: a direct read that ends within a block has reached the end of the file.
    pub fn into_rest_aligned<F>(
        self,
        file: impl IntoFile<Owner = F>,
        alignment: usize,
    ) -> Result<Request<F, B, T, op::Transfer>, Self>
    where
        B: IoBuf,
    {
        let done = self.result.unwrap_or(0);
        let remains = Remains { template: self.template, buf: &self.buf };
        let Some(template) = remains.rest(done, alignment) else {
            return Err(self);
        };
        // SAFETY: `remains` has returned the template for this buffer.
        Ok(unsafe { Request::again(template, file, self.buf, self.tag) }.into_kind())
    }

    /// Makes the same request again, with the same tag: after `EAGAIN` or `EINTR`, or to poll
    /// again.
    ///
    /// The file must be passed again. The new request has no eventfd of its own; set it again if it
    /// needs one.
    ///
    /// ```
    /// use linux_aio::{Context, Errno, PageBuf, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = std::fs::File::open("/proc/self/exe")?;
    /// let mut cx = Context::<PageBuf, ()>::new(1)?;
    /// cx.submit_one(Request::read(&file, PageBuf::new(4096)?, 0))?;
    /// while let Some(done) = cx.wait_one(None)? {
    ///     match done.result {
    ///         Err(Errno::EINTR | Errno::EAGAIN) => match done.into_request(&file) {
    ///             Ok(again) => drop(cx.submit_one(again)?),
    ///             Err(done) => unreachable!("its buffer is the same: {done:?}"),
    ///         },
    ///         result => assert_eq!(result?, 4096),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The completion, if `buf` was exchanged for a buffer that is too short.
    pub fn into_request<F>(
        self,
        file: impl IntoFile<Owner = F>,
    ) -> Result<Request<F, B, T, op::Any>, Self>
    where
        B: IoBuf,
    {
        let remains = Remains { template: self.template, buf: &self.buf };
        let Some(template) = remains.whole() else {
            return Err(self);
        };
        // SAFETY: `remains` has returned the template for this buffer.
        Ok(unsafe { Request::again(template, file, self.buf, self.tag) })
    }
}

impl<B: fmt::Debug, T: fmt::Debug> fmt::Debug for Completion<B, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completion")
            .field("buf", &self.buf)
            .field("tag", &self.tag)
            .field("result", &self.result)
            .field("request", &*self.info())
            .finish_non_exhaustive()
    }
}

/// Returns the result in an event.
#[inline]
fn result_of(template: &Template, event: &IoEvent) -> Result<usize, Errno> {
    match cast::from_u64(event.res.cast_unsigned()) {
        // A negated errno is above `isize::MAX` as a `usize`, so it is larger than `max_result`.
        count if count <= template.max_result() => Ok(count),
        // A count larger than `max_result` is impossible for this buffer.
        other => Err(decode(other).err().unwrap_or(Errno::EIO)),
    }
}
