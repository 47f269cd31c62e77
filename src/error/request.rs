//! [`RequestError`]: what an errno means for the operation that it came from.

use crate::{errno::Errno, flags::Opcode};
use core::{error, fmt};

/// A request that failed: the errno, and what it means for this operation.
///
/// ```
/// use linux_aio::{Errno, Opcode, RequestError};
///
/// let error = RequestError::new(Opcode::Fsync, Errno::EINVAL);
/// assert_eq!(
///     error.to_string(),
///     "fsync: EINVAL: Invalid argument (os error 22): files of this kind cannot be synced, or the \
///      eventfd is none"
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestError {
    /// What was asked for.
    pub opcode: Opcode,
    /// What the kernel answered.
    pub errno: Errno,
}

impl RequestError {
    /// The failure of that operation with that errno.
    #[must_use]
    pub const fn new(opcode: Opcode, errno: Errno) -> Self {
        Self { opcode, errno }
    }

    /// What the errno means for this operation, where that is more than its general meaning.
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
                    Some("the device is full; the part of a write that fitted may be there")
                }
                Errno::EFBIG => Some(
                    "beyond the largest file that the limit (RLIMIT_FSIZE) or file system allows",
                ),
                Errno::EDQUOT => Some("the user's quota is used up"),
                _ => None,
            }),
            Opcode::Fsync | Opcode::Fdsync => match self.errno {
                Errno::EINVAL => {
                    Some("files of this kind cannot be synced, or the eventfd is none")
                }
                Errno::EBADF => Some("the file or the eventfd is not open"),
                Errno::EIO | Errno::ENOSPC | Errno::EDQUOT => {
                    Some("something written earlier did not reach the disk, and may be lost")
                }
                _ => None,
            },
            Opcode::Poll => match self.errno {
                Errno::EINVAL => {
                    Some("the kernel cannot wait for this file in this way, or the eventfd is none")
                }
                Errno::EBADF => Some("the file or the eventfd is not open"),
                _ => None,
            },
        }
    }
}

/// What an errno means for a read as well as for a write.
fn of_transfer(errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::EINVAL => {
            "not aligned as direct I/O needs it (address, offset and length), an offset beyond the \
             largest file, a file that does not do this, or a priority or eventfd that is none"
        }
        Errno::EOPNOTSUPP => {
            "a flag that this kernel, this file system or this kind of access does not take"
        }
        Errno::EFAULT => "the buffer is not memory that may be used for this",
        Errno::EAGAIN => "it would have blocked, and NOWAIT or O_NONBLOCK forbids that",
        Errno::EINTR => "a signal came before anything was transferred: submit it again",
        Errno::ESPIPE => "an offset other than 0, where there are no positions (a socket)",
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

impl error::Error for RequestError {}
