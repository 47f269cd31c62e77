//! [`WriteSyncError`]: data was not written to stable storage.

use super::{ContextError, RequestError, message};
use crate::types::{Errno, Opcode};
use core::{error, fmt};

/// The reason why [`Context::write_and_sync`](crate::Context::write_and_sync) failed. Nothing is
/// promised about what is on stable storage.
///
/// ```
/// use linux_aio::{Batch, Context, Request, WriteSyncError};
///
/// # fn main() -> std::io::Result<()> {
/// let file = std::fs::File::open("/proc/self/exe")?; // for reading
/// let mut cx = Context::<Vec<u8>, ()>::new(1)?;
/// let mut batch = Batch::<_, _, _, 1>::new();
/// batch.push(Request::write(&file, vec![7; 512], 1024))?;
/// let error = cx.write_and_sync(&mut batch, &file, drop).unwrap_err();
/// assert!(matches!(error, WriteSyncError::Write(error) if error.offset() == Some(1024)));
/// assert_eq!(
///     error.to_string(),
///     "write of 512 bytes at 1024: EBADF: Bad file descriptor (os error 9): the file is not open \
///      for writing, or the eventfd not open; the file was not synced"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteSyncError {
    /// A request of the batch is not a write of the file that was passed, or the context has
    /// outstanding requests. Nothing was done.
    Unsuitable,
    /// A write failed. Its [`offset`](RequestError::offset) is where the first byte is that it has not
    /// written.
    Write(RequestError),
    /// A write wrote nothing, without an error.
    NoProgress {
        /// The offset in the file of what was not written, in bytes.
        offset: u64,
    },
    /// All data was written, but the sync failed. Do not sync again: the next sync may succeed
    /// although data is lost.
    Sync {
        /// The errno of `fdatasync`.
        errno: Errno,
    },
    /// The requests could not be submitted or waited for.
    Context(ContextError),
}

impl WriteSyncError {
    /// Returns the errno of the call or request that failed, or the errno that is closest to the
    /// error.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match self {
            Self::Unsuitable => Errno::EINVAL,
            Self::Write(error) => error.errno,
            Self::NoProgress { .. } => Errno::EIO,
            Self::Sync { errno } => *errno,
            Self::Context(error) => error.errno(),
        }
    }
}

impl fmt::Display for WriteSyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsuitable => f.write_str(
                "write_and_sync needs an idle context and writes of one file, the one that is passed: \
                 take all completions first, and submit other requests by themselves",
            ),
            Self::Write(error) => write!(f, "{error}; the file was not synced"),
            Self::NoProgress { offset } => {
                write!(f, "write at {offset}: the kernel wrote nothing; the file was not synced")
            }
            Self::Sync { errno } => {
                write!(f, "fdatasync: {errno}")?;
                if let Some(explanation) = RequestError::new(Opcode::Fdsync, *errno).explanation() {
                    write!(f, ": {explanation}")?;
                }
                f.write_str(
                    ": do not sync again, the next sync may succeed although data is lost: write \
                     everything again, to another place",
                )
            }
            Self::Context(error) => error.fmt(f),
        }
    }
}

impl error::Error for WriteSyncError {}

impl fmt::Debug for WriteSyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        message(f, "WriteSyncError", self)
    }
}
