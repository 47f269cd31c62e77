//! [`DirectError`]: what a file requires for direct I/O could not be found out.

use super::{message, refused_call};
use crate::types::Errno;
use core::{error, fmt};

/// The reason why [`Alignment::of`](crate::direct::Alignment::of) found no alignment.
///
/// ```
/// use linux_aio::{DirectError, direct::Alignment};
///
/// # fn main() -> std::io::Result<()> {
/// let (pipe, _writer) = std::io::pipe()?;
/// let error = Alignment::of(&pipe).unwrap_err();
/// assert_eq!(error, DirectError::NotStorage);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DirectError {
    /// The file is neither a regular file of a file system that stores data nor a block device. It
    /// has no direct I/O.
    NotStorage,
    /// The file system has no direct I/O for this file. Open it without `O_DIRECT`. (`O_DIRECT` is
    /// ignored by some of these file systems: ext4 with `data=journal`, for example.)
    Unsupported,
    /// A system call failed.
    Os {
        /// The name of the call.
        call: &'static str,
        /// The errno that it returned.
        errno: Errno,
    },
}

impl DirectError {
    /// Returns the errno of the call that failed, or the errno that is closest to the error.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match *self {
            Self::NotStorage => Errno::EINVAL,
            Self::Unsupported => Errno::EOPNOTSUPP,
            Self::Os { errno, .. } => errno,
        }
    }
}

impl fmt::Display for DirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotStorage => f.write_str(
                "the file is neither a regular file nor a block device, and has no direct I/O: open it \
                 without O_DIRECT",
            ),
            Self::Unsupported => f.write_str(
                "the file system has no direct I/O for this file: open it without O_DIRECT, or put it on \
                 another file system (ext4, xfs, btrfs)",
            ),
            Self::Os { call, errno } => refused_call(f, call, errno),
        }
    }
}

impl error::Error for DirectError {}

impl fmt::Debug for DirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        message(f, "DirectError", self)
    }
}
