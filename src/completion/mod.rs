//! [`Completion`]: what became of a request.

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

/// A request that is over: its buffer and its tag are the caller's again, with the result.
#[non_exhaustive]
pub struct Completion<B, T> {
    /// The buffer of the request, whole.
    pub buf: B,
    /// The tag of the request.
    pub tag: T,
    /// How many bytes were transferred, or why none were. (For a poll, the bits of what was found;
    /// for a sync, 0. [`outcome`](Self::outcome) tells them apart.)
    ///
    /// Fewer than asked for is not an error: a read reached the end of the file, a write filled the
    /// device, or a signal cut a synchronous transfer short. One request transfers at most
    /// `INT_MAX` bytes, rounded down to a page: 0x7ffff000 with pages of 4 KiB.
    /// [`into_rest`](Self::into_rest) makes a request of what is left.
    ///
    /// # Errors
    ///
    /// The errno of this request, whether `io_submit` refused it (`EBADF`, `EINVAL`, `EFAULT`,
    /// `EOPNOTSUPP`) or it failed later (`EIO`, `ENOSPC`, `EFBIG`, `EAGAIN` with `NOWAIT`,
    /// `EINVAL` for a misaligned direct transfer). A result that no kernel gives is `EIO`.
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

    /// What the request asked for, and the kernel's event: a copy, to be had before the buffer is moved
    /// on.
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

    /// What the request came to, in the terms of its operation.
    ///
    /// # Errors
    ///
    /// [`RequestError`], which says what the errno means for this operation.
    pub fn outcome(&self) -> Result<Outcome, RequestError> {
        Outcome::of(&self.template, self.result)
    }

    /// The part of the buffer that was transferred: read into, or written from. Empty on error.
    #[must_use]
    pub fn transferred(&self) -> &[u8]
    where
        B: AsRef<[u8]>,
    {
        // `result` and `buf` are the caller's to change, and the result of a poll is no length.
        let range = self.template.range();
        let end = range.start + self.result.unwrap_or(0).min(range.len());
        self.buf.as_ref().get(range.start..end).unwrap_or_default()
    }

    /// A request of what is left of a read or write that came out short, with the same flags, priority
    /// and tag. What was transferred is left out, so that the transfer goes on where it stopped.
    ///
    /// The file is given again; the request's own eventfd must be, if it shall have one. Both requests
    /// together transfer what the first was made for: the range of the second begins where the first
    /// ended.
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
    ///             Err(done) => assert_eq!(done.info().range().start + done.result?, 1 << 20),
    ///         }
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The completion, if there is no rest: all was transferred, or nothing (the end of the file), or it
    /// failed, or it is no transfer; or `buf` was exchanged for one that is too short.
    pub fn into_rest<F>(
        self,
        file: impl IntoFile<Owner = F>,
    ) -> Result<Request<F, B, T, op::Transfer>, Self>
    where
        B: IoBuf,
    {
        self.into_rest_aligned(file, 1)
    }

    /// [`into_rest`](Self::into_rest) for direct I/O: the rest begins at a position in the file that is
    /// a multiple of `alignment`, in bytes.
    ///
    /// If the transfer stopped elsewhere, up to `alignment - 1` bytes are transferred again.
    ///
    /// # Errors
    ///
    /// As for [`into_rest`](Self::into_rest), and if less than a block was transferred: a direct read
    /// that ends within a block has reached the end of the file.
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
        // SAFETY: the template was just made for this buffer.
        Ok(unsafe { Request::again(template, file, self.buf, self.tag) }.into_kind())
    }

    /// The same request again, with the same tag: after `EAGAIN` or `EINTR`, or to poll once more.
    ///
    /// The file is given again; the request's own eventfd must be, if it shall have one.
    ///
    /// # Errors
    ///
    /// The completion, if `buf` was exchanged for one that is too short.
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
        // SAFETY: the template was just made for this buffer.
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

/// The result that an event says.
#[inline]
fn result_of(template: &Template, event: &IoEvent) -> Result<usize, Errno> {
    match cast::from_u64(event.res.cast_unsigned()) {
        // An errno is negative, more than any buffer has.
        count if count <= template.max_result() => Ok(count),
        // More than was asked for cannot have happened to this buffer.
        other => Err(decode(other).err().unwrap_or(Errno::EIO)),
    }
}
