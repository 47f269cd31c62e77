//! [`SubmitError`], [`SubmitOneError`]: a submission stopped.

use super::ContextError;
use crate::types::Errno;
use core::{error, fmt};

/// The numbers of requests that [`Context::submit`](crate::Context::submit) took from the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Submitted {
    /// The number of requests that the kernel accepted. They are in flight or have completed.
    pub accepted: usize,
    /// The number of requests that the kernel refused. They have completed with the kernel's errno.
    pub refused: usize,
}

/// The submission stopped before the batch was empty or the context full.
///
/// ```
/// use linux_aio::{Batch, Context, ContextError, PageBuf, SubmitError, Submitted};
///
/// /// Submits what can be submitted now. Returns how many requests that were.
/// fn submit_some<F>(
///     cx: &mut Context<PageBuf, ()>,
///     batch: &mut Batch<F, PageBuf, (), 64>,
/// ) -> Result<usize, SubmitError> {
///     match cx.submit(batch) {
///         Ok(Submitted { accepted, refused, .. }) => Ok(accepted + refused),
///         // The rest is in the batch.
///         Err(error) if error.cause == ContextError::Again => {
///             Ok(error.submitted.accepted + error.submitted.refused)
///         }
///         Err(error) => Err(error),
///     }
/// }
/// # let mut batch = Batch::<linux_aio::Borrowed<'_>, _, _, 64>::new();
/// # assert_eq!(submit_some(&mut Context::new(1).unwrap(), &mut batch), Ok(0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubmitError {
    /// The reason. The remaining requests are in the batch, in order.
    pub cause: ContextError,
    /// The numbers of requests that were accepted and refused before.
    pub submitted: Submitted,
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl SubmitError {
    /// Returns the errno of the [cause](Self::cause).
    #[must_use]
    pub const fn errno(&self) -> Errno {
        self.cause.errno()
    }
}

impl error::Error for SubmitError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        None // `Display` writes the message of the cause.
    }
}

/// [`Context::try_submit_one`](crate::Context::try_submit_one) could not submit the request. The error
/// contains the request.
///
/// ```
/// use linux_aio::{Borrowed, Context, PageBuf, Request, SubmitOneError};
///
/// /// Submits a request, after a wait for room if necessary.
/// fn submit<'fd>(
///     cx: &mut Context<PageBuf, ()>,
///     request: Request<Borrowed<'fd>, PageBuf>,
/// ) -> Result<(), SubmitOneError<Request<Borrowed<'fd>, PageBuf>>> {
///     let Err(SubmitOneError { request, .. }) = cx.try_submit_one(request) else { return Ok(()) };
///     let _done = cx.wait_one(None);
///     cx.try_submit_one(request).map(drop)
/// }
/// # let (file, mut cx) = (tempfile::tempfile().unwrap(), Context::new(1).unwrap());
/// # submit(&mut cx, Request::read(&file, PageBuf::new(4096).unwrap(), 0)).unwrap();
/// # submit(&mut cx, Request::read(&file, PageBuf::new(4096).unwrap(), 0)).unwrap();
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubmitOneError<R> {
    /// The reason.
    pub cause: ContextError,
    /// The request, unchanged.
    pub request: R,
}

impl<R> fmt::Debug for SubmitOneError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmitOneError").field("cause", &self.cause).finish_non_exhaustive()
    }
}

impl<R> fmt::Display for SubmitOneError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl<R> SubmitOneError<R> {
    /// Returns the errno of the [cause](Self::cause).
    #[must_use]
    pub const fn errno(&self) -> Errno {
        self.cause.errno()
    }
}

impl<R> error::Error for SubmitOneError<R> {}
