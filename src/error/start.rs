//! [`StartError`]: a driver did not take a request.

use super::{ContextError, message};
use crate::types::Errno;
use core::{error, fmt};

/// A driver did not take a request. The error of [`Driver::try_start`](crate::Driver::try_start)
/// contains it.
///
/// ```
/// use linux_aio::{ContextError, Driver, PageBuf, Request, StartError};
///
/// # fn main() -> std::io::Result<()> {
/// let driver = Driver::<PageBuf, std::fs::File>::new(1)?;
/// let file = || std::fs::File::open("/proc/self/exe");
/// let _first = driver.start(Request::fdsync(file()?).with_buf(PageBuf::empty()))?;
/// let second = driver.start(Request::fdsync(file()?).with_buf(PageBuf::empty()));
/// let error: StartError = second.unwrap_err();
/// assert_eq!(error.cause, ContextError::Full);
/// assert_eq!(
///     error.to_string(),
///     "the driver is full: await `room` first, or make a driver with a larger capacity"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StartError<R = ()> {
    /// The reason: [`ContextError::Full`], [`ContextError::OwnEventfd`], [`ContextError::Forked`] or
    /// [`ContextError::Gone`].
    pub cause: ContextError,
    /// The request, unchanged, if the error is that of [`Driver::try_start`](crate::Driver::try_start).
    pub request: R,
}

impl<R> fmt::Debug for StartError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        message(f, "StartError", self)
    }
}

impl<R> fmt::Display for StartError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause {
            ContextError::Full => f.write_str(
                "the driver is full: await `room` first, or make a driver with a larger capacity",
            ),
            cause => cause.fmt(f),
        }
    }
}

impl<R> StartError<R> {
    /// Returns the errno of the [cause](Self::cause).
    #[must_use]
    pub const fn errno(&self) -> Errno {
        self.cause.errno()
    }

    /// Drops the request.
    pub(crate) fn without_request(self) -> StartError {
        StartError { cause: self.cause, request: () }
    }
}

impl<R> error::Error for StartError<R> {}
