//! What can go wrong, said in full.
//!
//! Each operation has its own type of error; [`Error`] is any of them, for programs that do not
//! tell them apart. What happens to *one request* is not an error of an operation: it is the result
//! of its completion, an [`Errno`].

mod context;
mod request;
mod returned;
mod setup;

pub use context::{ContextError, SubmitError, Submitted};
pub use request::RequestError;
pub use returned::{Full, OutOfRange, PieceCount};
pub use setup::SetupError;

use crate::errno::Errno;
use core::{error, fmt};

/// Any error of this crate, for `?` in programs that only report it.
///
/// Values that an error hands back are dropped on the way into this type. A program with an error
/// type of its own needs one conversion, from this one, and `.map_err(linux_aio::Error::from)?`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A context could not be made.
    Setup(SetupError),
    /// A context could not do what it was asked.
    Context(ContextError),
    /// A request failed, and what that means for its operation.
    Request(RequestError),
    /// A request failed, or memory could not be had.
    Errno(Errno),
    /// A batch was full, or a vectored buffer.
    Full,
    /// A vectored buffer had no pieces or too many.
    PieceCount {
        /// How many it had.
        count: usize,
    },
    /// A range did not lie within its buffer.
    OutOfRange {
        /// Where it starts, unless that is beyond every number.
        start: Option<usize>,
        /// Where it ends, unless that is beyond every number.
        end: Option<usize>,
        /// The length of the buffer.
        buffer: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setup(error) => error.fmt(f),
            Self::Context(error) => error.fmt(f),
            Self::Request(error) => error.fmt(f),
            Self::Errno(errno) => errno.fmt(f),
            Self::Full => f.write_str(returned::FULL),
            Self::PieceCount { count } => returned::piece_count(f, *count),
            Self::OutOfRange { start, end, buffer } => {
                returned::out_of_range(f, *start, *end, *buffer)
            }
        }
    }
}

impl error::Error for Error {}

impl From<SetupError> for Error {
    fn from(error: SetupError) -> Self {
        Self::Setup(error)
    }
}

impl From<ContextError> for Error {
    fn from(error: ContextError) -> Self {
        Self::Context(error)
    }
}

impl From<SubmitError> for Error {
    fn from(error: SubmitError) -> Self {
        Self::Context(error.cause)
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl<R> From<Full<R>> for Error {
    fn from(_: Full<R>) -> Self {
        Self::Full
    }
}

impl<B> From<PieceCount<B>> for Error {
    fn from(error: PieceCount<B>) -> Self {
        Self::PieceCount { count: error.count }
    }
}

impl<R> From<OutOfRange<R>> for Error {
    fn from(error: OutOfRange<R>) -> Self {
        Self::OutOfRange { start: error.start, end: error.end, buffer: error.buffer }
    }
}

/// A call that the kernel does not let through. Some answers are worth an explanation.
fn refused_call(f: &mut fmt::Formatter<'_>, call: &str, errno: Errno) -> fmt::Result {
    write!(f, "{call}: {errno}")?;
    let (aio, calls) = match call {
        "io_setup" | "io_submit" | "io_getevents" | "io_destroy" => {
            (true, "io_setup, io_submit, io_getevents and io_destroy")
        }
        _ => (false, call),
    };
    let reason = match errno {
        Errno::ENOSYS if aio => {
            "the kernel is built without AIO (CONFIG_AIO), or a seccomp filter hides it"
        }
        Errno::ENOSYS => "the kernel does not have the call, or a seccomp filter hides it",
        Errno::EPERM | Errno::EACCES => "a seccomp filter or security module forbids the call",
        _ => return Ok(()),
    };
    write!(f, ": {reason}: allow {calls} in the sandbox's profile")
}

#[cfg(feature = "std")]
mod std_io {
    use super::{
        ContextError, Errno, Error, Full, OutOfRange, PieceCount, RequestError, SetupError,
        SubmitError,
    };
    use std::io;

    impl Error {
        /// The kind that `std` files the error under.
        fn kind(&self) -> io::ErrorKind {
            let errno = match self {
                Self::Setup(error) => error.errno,
                Self::Request(error) => error.errno,
                Self::Context(ContextError::Os { errno, .. }) | Self::Errno(errno) => *errno,
                Self::Context(ContextError::Again) => Errno::EAGAIN,
                Self::Context(ContextError::Interrupted) => Errno::EINTR,
                Self::Context(ContextError::Busy { .. }) => Errno::EBUSY,
                Self::Context(_) => Errno::EBADF,
                Self::Full => Errno::ENOBUFS,
                Self::OutOfRange { .. } | Self::PieceCount { .. } => {
                    return io::ErrorKind::InvalidInput;
                }
            };
            io::Error::from(errno).kind()
        }
    }

    impl From<Error> for io::Error {
        fn from(error: Error) -> Self {
            match error {
                Error::Errno(errno) => errno.into(),
                error => Self::new(error.kind(), error),
            }
        }
    }

    /// The way through [`Error`], for each kind.
    macro_rules! into_io_error {
        ($($error:ident $(<$param:ident>)?),+) => {
            $(
                impl$(<$param>)? From<$error$(<$param>)?> for io::Error {
                    fn from(error: $error$(<$param>)?) -> Self {
                        Error::from(error).into()
                    }
                }
            )+
        };
    }

    into_io_error!(
        SetupError,
        ContextError,
        SubmitError,
        RequestError,
        Full<R>,
        OutOfRange<R>,
        PieceCount<R>
    );
}
