//! [`Context::submit_one`]: submits a request without a batch.

use super::Context;
use crate::{
    buf::IoBuf,
    error::{ContextError, SubmitOneError},
    request::{Batch, Request},
    slots::RequestId,
};

impl<B, T> Context<B, T> {
    /// Submits one request, without a batch, and returns its id.
    ///
    /// This makes one system call, and a few more if the kernel refuses the request. To submit
    /// several requests, a batch is faster.
    ///
    /// It cannot be called in a loop over the completions of [`wait`](Self::wait), which borrow the
    /// context (error E0499). Take them by [`wait_one`](Self::wait_one) there.
    ///
    /// ```
    /// use linux_aio::{Context, PageBuf, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::tempfile()?;
    /// let mut cx = Context::<PageBuf, ()>::new(1)?;
    /// cx.submit_one(Request::write(&file, PageBuf::new(4096)?, 0))?;
    /// for done in cx.wait(1, None)? {
    ///     assert_eq!(done.bytes()?, 4096);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ContextError::Full`] if the context has no room, and the errors of
    /// [`submit`](Self::submit). The request is dropped, with its buffer, its tag and the owner of
    /// its file. To get it back, use [`try_submit_one`](Self::try_submit_one). It is not an error
    /// if the kernel refuses the request: the request then has a completion with the errno.
    #[doc(alias = "io_submit")]
    pub fn submit_one<F, O>(
        &mut self,
        request: Request<F, B, T, O>,
    ) -> Result<RequestId, ContextError>
    where
        B: IoBuf,
    {
        self.try_submit_one(request).map_err(|error| error.cause)
    }

    /// Submits one request as [`submit_one`](Self::submit_one) does, or returns it.
    ///
    /// ```
    /// use linux_aio::{Context, PageBuf, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::tempfile()?;
    /// let mut cx = Context::<PageBuf, ()>::new(1)?;
    /// cx.submit_one(Request::write(&file, PageBuf::new(4096)?, 0))?;
    /// let full = cx.try_submit_one(Request::write(&file, PageBuf::new(4096)?, 4096)).unwrap_err();
    /// assert_eq!(full.request.info().offset(), 4096); // the error contains the request
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SubmitOneError`], with the request and the error of [`submit_one`](Self::submit_one).
    #[doc(alias = "io_submit")]
    pub fn try_submit_one<F, O>(
        &mut self,
        request: Request<F, B, T, O>,
    ) -> Result<RequestId, SubmitOneError<Request<F, B, T, O>>>
    where
        B: IoBuf,
    {
        let mut batch = Batch::<F, B, T, 1>::new();
        batch.push_front(request.into_any());
        let result = self.submit(&mut batch);
        if let Some(request) = batch.pop() {
            let cause = result.err().map_or(ContextError::Full, |error| error.cause);
            return Err(SubmitOneError { cause, request: request.into_kind() });
        }
        let data = self.inner.arena.peek_pointers().first().map_or(u64::MAX, |pointer| {
            // SAFETY: the request left the batch, so `admit` has written this pointer.
            self.slots.last_data(unsafe { pointer.assume_init() })
        });
        Ok(RequestId { serial: self.inner.serial(), data })
    }
}
