//! [`RequestError`]: the meaning of an errno for an operation.

use super::message;
use crate::types::{Errno, Opcode};
use core::{error, fmt};

/// The failure of a request: its errno, with the meaning of the errno for the operation.
///
/// ```
/// use linux_aio::{Errno, Opcode, RequestError};
///
/// let error = RequestError::new(Opcode::Fsync, Errno::EINVAL);
/// assert_eq!(
///     error.to_string(),
///     "fsync: EINVAL: Invalid argument (os error 22): files of this kind cannot be synced, or the \
///      request's eventfd is not an eventfd"
/// );
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestError {
    /// The operation of the request.
    pub opcode: Opcode,
    /// The errno with which the request completed.
    pub errno: Errno,
}

impl RequestError {
    /// Makes the error of an operation that failed with this errno.
    #[must_use]
    pub const fn new(opcode: Opcode, errno: Errno) -> Self {
        Self { opcode, errno }
    }

    /// Returns the meaning of the errno for this operation, if it is more specific than the general
    /// meaning.
    ///
    /// ```
    /// use linux_aio::{Errno, Opcode, RequestError};
    ///
    /// let error = RequestError::new(Opcode::Pwrite, Errno::EPIPE);
    /// assert_eq!(error.explanation(), Some("nobody reads at the other end"));
    /// assert_eq!(error.errno(), Errno::EPIPE);
    /// ```
    #[must_use]
    pub fn explanation(&self) -> Option<&'static str> {
        match self.opcode {
            Opcode::Pread | Opcode::Preadv => of_transfer(self.errno).or(match self.errno {
                Errno::EBADF => Some("the file is not open for reading, or the eventfd not open"),
                _ => None,
            }),
            Opcode::Pwrite | Opcode::Pwritev => of_transfer(self.errno).or(match self.errno {
                Errno::EBADF => Some("the file is not open for writing, or the eventfd not open"),
                Errno::EPIPE => Some("nobody reads at the other end"),
                Errno::ENOSPC => {
                    Some("the device is full; a part of the data may have been written")
                }
                Errno::EFBIG => Some(
                    "beyond the largest file that the limit (RLIMIT_FSIZE) or file system allows",
                ),
                Errno::EDQUOT => Some("the user's quota is used up"),
                _ => None,
            }),
            Opcode::Fsync | Opcode::Fdsync => match self.errno {
                Errno::EINVAL => Some(
                    "files of this kind cannot be synced, or the request's eventfd is not an eventfd",
                ),
                Errno::EBADF => Some("the file or the eventfd is not open"),
                Errno::EIO | Errno::ENOSPC | Errno::EDQUOT => {
                    Some("something written earlier did not reach the disk, and may be lost")
                }
                _ => None,
            },
            Opcode::Poll => match self.errno {
                Errno::EINVAL => Some(
                    "the kernel cannot wait for this file in this way, or the request's eventfd is not an eventfd",
                ),
                Errno::EBADF => Some("the file or the eventfd is not open"),
                _ => None,
            },
        }
    }
}

/// Returns the meaning of an errno for both reads and writes.
fn of_transfer(errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::EINVAL => {
            "not aligned as direct I/O needs it (address, offset and length), an offset beyond the \
             largest file, an unsupported file, an invalid priority, or not an eventfd"
        }
        Errno::EOPNOTSUPP => {
            "a flag that this kernel, this file system or this kind of access does not support"
        }
        Errno::EFAULT => "the buffer is not memory that may be used for this",
        Errno::EAGAIN => "it would have blocked, and NOWAIT or O_NONBLOCK forbids that",
        Errno::EINTR => "a signal interrupted it before anything was transferred: submit it again",
        Errno::ESPIPE => "an offset other than 0 in a file that has no positions (a socket)",
        Errno::EIO => "the device failed",
        Errno::EPERM => {
            "real-time priority without CAP_SYS_NICE (or CAP_SYS_ADMIN), a sealed file, or a security module's decision"
        }
        _ => return None,
    })
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.opcode.name(), self.errno)?;
        match self.explanation() {
            Some(explanation) => write!(f, ": {explanation}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        message(f, "RequestError", self)
    }
}

impl RequestError {
    /// Returns the errno with which the request completed.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        self.errno
    }
}

impl error::Error for RequestError {}
