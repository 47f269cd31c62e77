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
