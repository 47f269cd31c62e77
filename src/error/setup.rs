//! [`SetupError`]: no context.

use super::refused_call;
use crate::{errno::Errno, limits::Limits};
use core::{error, fmt};

/// Why a context could not be made.
///
/// The message says what to do about it:
///
/// ```
/// use linux_aio::{Context, PageBuf};
///
/// let error = Context::<PageBuf, (), 4_000_000>::new().unwrap_err();
/// let (in_use, limit) = (error.in_use.unwrap(), error.limit.unwrap());
/// assert_eq!(
///     error.to_string(),
///     format!(
///         "io_setup: asked for 4000000 requests, but {in_use} of {limit} are in use machine-wide: \
///          ask for fewer, close contexts, or raise the limit (sysctl fs.aio-max-nr)"
///     )
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetupError {
    /// The call that failed: `io_setup`, or `mmap` or `madvise` for the memory of the context.
    pub call: &'static str,
    /// What it answered.
    pub errno: Errno,
    /// How many requests were asked for.
    pub asked: usize,
    /// How many requests all contexts of the machine have claimed, if that can be read
    /// (`/proc/sys/fs/aio-nr`).
    pub in_use: Option<u64>,
    /// How many they may claim, if that can be read (`/proc/sys/fs/aio-max-nr`).
    pub limit: Option<u64>,
}

impl SetupError {
    /// Looks up what explains the failure.
    #[cold]
    pub(crate) fn explain(call: &'static str, errno: Errno, asked: usize) -> Self {
        let Limits { in_use, limit } = Limits::read();
        Self { call, errno, asked, in_use, limit }
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, errno, asked, .. } = self;
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
            (Errno::ENOMEM, ..) => {
                write!(f, "{call}: no memory for a context of {asked} requests: {errno}")
            }
            _ => refused_call(f, call, *errno),
        }
    }
}

impl error::Error for SetupError {}
