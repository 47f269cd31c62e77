//! [`SetupError`]: a context could not be made.

use super::{message, refused_call};
use crate::{sys::proc::Limits, types::Errno};
use core::{error, fmt};

/// The reason why a context could not be made.
///
/// The message says what to do:
///
/// ```
/// use linux_aio::{Context, PageBuf};
///
/// let error = Context::<PageBuf, ()>::new(4_000_000).unwrap_err();
/// let (in_use, limit) = (error.in_use.unwrap(), error.limit.unwrap());
/// assert_eq!(
///     error.to_string(),
///     format!(
///         "io_setup: asked for 4000000 requests, but {in_use} of {limit} are in use machine-wide: \
///          ask for fewer, close contexts, or raise the limit (sysctl fs.aio-max-nr)"
///     )
/// );
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetupError {
    /// The call that failed: `io_setup`, or `mmap` or `madvise` for the memory of the context.
    pub call: &'static str,
    /// The errno that the call returned. It is also `ENOSYS` if `io_setup` returned 0 but made no
    /// context.
    pub errno: Errno,
    /// The number of requests that the context was to be made for.
    pub asked: usize,
    /// The number of requests that all contexts of the machine were made for
    /// (`/proc/sys/fs/aio-nr`), if `io_setup` failed and the file can be read.
    pub in_use: Option<u64>,
    /// The limit on that number (`/proc/sys/fs/aio-max-nr`), if `io_setup` failed and the file can
    /// be read.
    pub limit: Option<u64>,
}

impl SetupError {
    /// Makes the error, and reads the limits that may explain it.
    #[cold]
    pub(crate) fn explain(call: &'static str, errno: Errno, asked: usize) -> Self {
        let limits = if call == "io_setup" { Limits::read() } else { Limits::UNKNOWN };
        let Limits { in_use, limit } = limits;
        Self { call, errno, asked, in_use, limit }
    }

    /// Makes the error for an `io_setup` that returned 0 but made no context.
    #[cold]
    pub(crate) fn nothing_made(asked: usize) -> Self {
        Self::explain("io_setup", Errno::ENOSYS, asked)
    }

    /// Returns the errno of the call that failed.
    ///
    /// ```
    /// use linux_aio::{Context, Errno, PageBuf, SetupError};
    ///
    /// /// A context with the largest capacity that there is room for.
    /// fn context(mut capacity: usize) -> Result<Context<PageBuf, ()>, SetupError> {
    ///     loop {
    ///         match Context::new(capacity) {
    ///             Err(error) if error.errno() == Errno::EAGAIN && capacity > 1 => capacity /= 2,
    ///             result => return result,
    ///         }
    ///     }
    /// }
    /// # context(8).unwrap();
    /// ```
    #[must_use]
    pub const fn errno(&self) -> Errno {
        self.errno
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, errno, asked, .. } = self;
        if *call != "io_setup" {
            return match *errno {
                Errno::EAGAIN => write!(
                    f,
                    "{call}: memory for a context of {asked} requests would exceed what the process may \
                     lock (mlockall): ask for fewer, or raise RLIMIT_MEMLOCK"
                ),
                Errno::ENOMEM => no_memory(f, call, *asked),
                errno => refused_call(f, call, errno),
            };
        }
        match (*errno, self.in_use, self.limit) {
            (Errno::EAGAIN, Some(in_use), Some(limit)) => write!(
                f,
                "{call}: asked for {asked} requests, but {in_use} of {limit} are in use machine-wide: \
                 ask for fewer, close contexts, or raise the limit (sysctl fs.aio-max-nr)"
            ),
            (Errno::EAGAIN, ..) => write!(
                f,
                "{call}: asked for {asked} requests, which exceeds what is left of the machine-wide \
                 limit: ask for fewer, close contexts, or raise it (sysctl fs.aio-max-nr)"
            ),
            (Errno::EINVAL, ..) if *asked == 0 => {
                write!(f, "{call}: a context of no requests: ask for one at least")
            }
            (Errno::EINVAL, ..) => {
                write!(
                    f,
                    "{call}: asked for {asked} requests, more than the kernel allows in one context: {errno}"
                )
            }
            (Errno::ENOMEM, ..) => no_memory(f, call, *asked),
            _ => refused_call(f, call, *errno),
        }
    }
}

impl fmt::Debug for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        message(f, "SetupError", self)
    }
}

/// Writes the message for `ENOMEM`, which any of the calls can return.
fn no_memory(f: &mut fmt::Formatter<'_>, call: &str, asked: usize) -> fmt::Result {
    let errno = Errno::ENOMEM;
    write!(f, "{call}: no memory for a context of {asked} requests: {errno}: ask for fewer")
}

impl error::Error for SetupError {}
