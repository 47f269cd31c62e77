//! [`RequestError`]: the meaning of an errno for an operation.

use super::message;
use crate::types::{Errno, Opcode, cast};
use core::{error, fmt};

/// The failure of a request: its errno, with the meaning of the errno for the operation, and where the
/// read or write was in the file.
///
/// ```
/// use linux_aio::{Errno, Opcode, RequestError};
///
/// let error = RequestError::new(Opcode::Pread, Errno::EIO).at(8192, 4096);
/// assert_eq!(
///     error.to_string(),
///     "read of 4096 bytes at 8192: EIO: Input/output error (os error 5): the device failed"
/// );
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestError {
    /// The operation of the request.
    pub opcode: Opcode,
    /// The errno with which the request completed.
    pub errno: Errno,
    transfer: Option<Transfer>,
}

/// Where a read or write was in the file.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Transfer {
    offset: u64,
    len_bytes: usize,
}

impl RequestError {
    /// Makes the error of an operation that failed with this errno.
    #[must_use]
    pub const fn new(opcode: Opcode, errno: Errno) -> Self {
        Self { opcode, errno, transfer: None }
    }

    /// Adds the offset in the file and the number of bytes of the read or write.
    #[must_use]
    pub const fn at(mut self, offset: u64, len_bytes: usize) -> Self {
        self.transfer = Some(Transfer { offset, len_bytes });
        self
    }

    /// Returns the offset in the file of the read or write, in bytes. It is `None` for other
    /// operations.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.transfer.map(|transfer| transfer.offset)
    }

    /// Returns the number of bytes that were to be read or written. It is `None` for other operations.
    #[must_use]
    pub fn len_bytes(&self) -> Option<usize> {
        self.transfer.map(|transfer| transfer.len_bytes)
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
        if self.errno == Errno::EINVAL && self.transfer.is_some_and(Transfer::is_unaligned) {
            return Some(
                "for direct I/O, the offset and the length must be multiples of the file's alignment \
                 (`Alignment`), which is at least 512; otherwise an unsupported file, an invalid \
                 priority, or not an eventfd",
            );
        }
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

impl Transfer {
    /// Returns whether this is a part of a file that direct I/O cannot transfer, whatever the alignment
    /// of the file is.
    fn is_unaligned(self) -> bool {
        const LEAST: u64 = 512;
        self.offset <= i64::MAX.cast_unsigned()
            && !(self.offset | cast::to_u64(self.len_bytes)).is_multiple_of(LEAST)
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
        f.write_str(self.opcode.name())?;
        if let Some(Transfer { offset, len_bytes }) = self.transfer {
            write!(f, " of {len_bytes} bytes at {offset}")?;
        }
        write!(f, ": {}", self.errno)?;
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
