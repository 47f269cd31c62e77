//! Why a copy failed, in one line.

use core::fmt;
use linux_aio::{ContextError, Errno, Error, Full, RangeError, SetupError};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a copy failed.
///
/// Paths are quoted and escaped, so that the message is one line for any file name.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The kernel refused an operation.
    Io {
        /// The operation, after "cannot".
        doing: &'static str,
        path: PathBuf,
        /// The position in the file, if there is one.
        offset: Option<u64>,
        error: io::Error,
    },
    /// The file cannot be copied or replaced.
    Unfit { path: PathBuf, why: String },
    /// No memory for the buffers.
    Memory { bytes: usize, errno: Errno },
    /// An error of the crate.
    Aio(Error),
    /// The result could not be printed.
    Print(io::Error),
    /// Signals could not be handled.
    Signals(io::Error),
    /// A signal ended the copy.
    Interrupted,
}

impl Failure {
    pub(crate) fn io(doing: &'static str, path: &Path, error: impl Into<io::Error>) -> Self {
        Self::Io { doing, path: path.into(), offset: None, error: error.into() }
    }

    pub(crate) fn at(
        doing: &'static str,
        path: &Path,
        offset: u64,
        error: impl Into<io::Error>,
    ) -> Self {
        Self::Io { doing, path: path.into(), offset: Some(offset), error: error.into() }
    }

    pub(crate) fn unfit(path: &Path, why: impl Into<String>) -> Self {
        Self::Unfit { path: path.into(), why: why.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, offset, error } => {
                write!(f, "cannot {doing} {path:?}")?;
                if let Some(offset) = offset {
                    write!(f, " at byte {offset}")?;
                }
                write!(f, ": {error}{}", advice(error))
            }
            Self::Unfit { path, why } => write!(f, "{path:?} {why}"),
            Self::Memory { bytes, errno } => write!(
                f,
                "cannot have {bytes} bytes of buffers: {errno}: ask for a smaller --depth or --block"
            ),
            Self::Aio(error) => error.fmt(f),
            Self::Print(error) => write!(f, "cannot write to the standard output: {error}"),
            Self::Signals(error) => write!(f, "cannot handle signals: {error}"),
            Self::Interrupted => f.write_str("interrupted; nothing was left behind"),
        }
    }
}

/// What can be done about an error, if that is known.
fn advice(error: &io::Error) -> &'static str {
    match error.raw_os_error().and_then(Errno::from_raw) {
        Some(Errno::ENOSPC) => ": free some space, or copy to another file system",
        Some(Errno::EDQUOT) => ": the disk quota is used up: delete something, or ask for more",
        Some(Errno::EFBIG) => {
            ": larger than the limit on file sizes (ulimit -f), or than the file system allows"
        }
        Some(Errno::EIO) => ": the device failed; the kernel's log (dmesg) may tell more",
        Some(Errno::EROFS) => ": the file system is mounted read-only",
        _ => "",
    }
}

/// The errors of the crate, for `?`.
macro_rules! from_aio {
    ($($error:ident $(<$param:ident>)?),+) => {
        $(
            impl$(<$param>)? From<$error$(<$param>)?> for Failure {
                fn from(error: $error$(<$param>)?) -> Self {
                    Self::Aio(error.into())
                }
            }
        )+
    };
}

from_aio!(SetupError, ContextError, Full<R>, RangeError<R>);
