//! The error types of the crate.
//!
//! Each operation has its own error type. [`Error`] is any of them, for programs that handle all
//! errors alike. The failure of *one request* is not an error of an operation: it is the result of
//! the request's completion, an [`Errno`].
//!
//! A program whose `main` returns an error prints its `Debug` form, and so does `unwrap`. Therefore
//! that form contains the message.

mod context;
mod direct;
mod rejected;
mod request;
mod setup;
mod start;
mod submit;
mod write_sync;

pub use context::ContextError;
pub use direct::DirectError;
pub use rejected::{Full, PieceCountError, RangeError};
pub use request::RequestError;
pub use setup::SetupError;
pub use start::StartError;
pub use submit::{SubmitError, SubmitOneError, Submitted};
pub use write_sync::WriteSyncError;

use crate::types::Errno;
use core::{error, fmt};

/// Any error of this crate, for `?` in programs that only report errors.
///
/// `?` also converts the errors of this crate to `Box<dyn Error>`, to `anyhow::Error`, and with the
/// feature `std` to `std::io::Error`. A program with an error type of its own needs one conversion,
/// from this type, and `.map_err(linux_aio::Error::from)?`.
///
/// # Errors that contain a value
///
/// The methods whose names begin with `try_` return what they reject: [`Full`] and
/// [`SubmitOneError`] a request, [`RangeError`] a request, [`PieceCountError`] a buffer. Such an error
/// borrows what the value borrows, often a file, so `Box<dyn Error>` and `anyhow::Error` cannot hold
/// it. The conversion to this type drops the value.
///
/// ```
/// use linux_aio::{Batch, Context, Full, PageBuf, Request};
///
/// fn first_blocks(path: &str) -> Result<(), Box<dyn std::error::Error>> {
///     let file = std::fs::File::open(path)?;
///     let mut cx = Context::<PageBuf, ()>::new(2)?;
///     let mut batch = Batch::<_, _, _, 1>::new();
///     batch.push(Request::read(&file, PageBuf::new(4096)?, 0))?;
///     if let Err(Full(request)) = batch.try_push(Request::read(&file, PageBuf::new(4096)?, 4096)) {
///         cx.submit_one(request)?;
///     }
///     cx.submit(&mut batch)?;
///     for done in cx.wait_all(None)? {
///         println!("{} bytes", done.bytes()?);
///     }
///     Ok(())
/// }
/// # first_blocks("/proc/self/exe").unwrap();
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A context could not be made.
    Setup(SetupError),
    /// A call on a context failed.
    Context(ContextError),
    /// A driver did not take a request.
    Start(StartError),
    /// It could not be found out what a file requires for direct I/O.
    Direct(DirectError),
    /// Data was not written to stable storage.
    WriteSync(WriteSyncError),
    /// A request failed. The error has the meaning of the errno for the operation.
    Request(RequestError),
    /// A request failed, or memory could not be mapped. An errno alone does not say which call.
    Errno(Errno),
    /// A batch or a vectored buffer was full.
    Full,
    /// A vectored buffer had no pieces or too many.
    PieceCount {
        /// The number of pieces.
        count: usize,
    },
    /// A range was not within its buffer.
    OutOfRange {
        /// The start of the range, unless it overflows.
        start: Option<usize>,
        /// The end of the range, unless it overflows.
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
            Self::Start(error) => error.fmt(f),
            Self::Direct(error) => error.fmt(f),
            Self::WriteSync(error) => error.fmt(f),
            Self::Request(error) => error.fmt(f),
            Self::Errno(errno) => errno.fmt(f),
            Self::Full => f.write_str(rejected::FULL),
            Self::PieceCount { count } => rejected::piece_count(f, *count),
            Self::OutOfRange { start, end, buffer } => {
                rejected::out_of_range(f, *start, *end, *buffer)
            }
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        message(f, "Error", self)
    }
}

impl Error {
    /// Returns the errno of the call or request that failed, or the errno that is closest to the
    /// error.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match self {
            Self::Setup(error) => error.errno,
            Self::Context(error) => error.errno(),
            Self::Start(error) => error.errno(),
            Self::Direct(error) => error.errno(),
            Self::WriteSync(error) => error.errno(),
            Self::Request(error) => error.errno,
            Self::Errno(errno) => *errno,
            Self::Full => Errno::ENOBUFS,
            Self::PieceCount { .. } | Self::OutOfRange { .. } => Errno::EINVAL,
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

impl<R> From<SubmitOneError<R>> for Error {
    fn from(error: SubmitOneError<R>) -> Self {
        Self::Context(error.cause)
    }
}

impl From<DirectError> for Error {
    fn from(error: DirectError) -> Self {
        Self::Direct(error)
    }
}

impl From<WriteSyncError> for Error {
    fn from(error: WriteSyncError) -> Self {
        Self::WriteSync(error)
    }
}

impl<R> From<StartError<R>> for Error {
    fn from(error: StartError<R>) -> Self {
        Self::Start(error.without_request())
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

impl<B> From<PieceCountError<B>> for Error {
    fn from(error: PieceCountError<B>) -> Self {
        Self::PieceCount { count: error.count }
    }
}

impl<R> From<RangeError<R>> for Error {
    fn from(error: RangeError<R>) -> Self {
        Self::OutOfRange { start: error.start, end: error.end, buffer: error.buffer }
    }
}

/// Writes the `Debug` form of an error: its name and its message.
fn message(f: &mut fmt::Formatter<'_>, name: &str, error: &dyn fmt::Display) -> fmt::Result {
    write!(f, "{name}(\"{error}\")")
}

/// Writes the message for a call that failed, with an explanation for some errnos.
fn refused_call(f: &mut fmt::Formatter<'_>, call: &str, errno: Errno) -> fmt::Result {
    write!(f, "{call}: {errno}")?;
    let (aio, calls) = match call {
        "io_setup" | "io_submit" | "io_getevents" | "io_destroy" => {
            let calls = "io_setup, io_submit, io_getevents, io_cancel, io_destroy, mmap, munmap, madvise \
                         and clock_gettime";
            (true, calls)
        }
        _ => (false, call),
    };
    let reason = match errno {
        Errno::ENOSYS if aio => {
            "the kernel is built without AIO (CONFIG_AIO), a seccomp filter hides it, or an emulator \
             (user-mode qemu, for example) does not have it"
        }
        Errno::ENOSYS => {
            "the kernel or its emulator does not have the call, or a seccomp filter hides it"
        }
        Errno::EPERM | Errno::EACCES => "a seccomp filter or security module forbids the call",
        _ => return Ok(()),
    };
    write!(f, ": {reason}: allow {calls} in the sandbox's profile")
}

#[cfg(feature = "std")]
mod std_io {
    use super::{
        ContextError, DirectError, Error, Full, PieceCountError, RangeError, RequestError,
        SetupError, StartError, SubmitError, SubmitOneError, WriteSyncError,
    };
    use std::io;

    impl From<Error> for io::Error {
        /// Wraps the error and keeps its message. The kind is the one that `std` gives to its
        /// [`errno`](Error::errno).
        ///
        /// A plain [`Errno`](crate::Errno) becomes an OS error, with `raw_os_error`. An `io::Error`
        /// holds either an OS error or another error with a message, so for the other variants
        /// `raw_os_error` returns `None`.
        /// `error.get_ref()?.downcast_ref::<linux_aio::Error>()?.errno()` returns their errno.
        fn from(error: Error) -> Self {
            match error {
                Error::Errno(errno) => errno.into(),
                error => Self::new(Self::from(error.errno()).kind(), error),
            }
        }
    }

    /// Implements the conversion of each error type to `io::Error`, through [`Error`].
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
        DirectError,
        WriteSyncError,
        RequestError,
        Full<R>,
        SubmitOneError<R>,
        StartError<R>,
        RangeError<R>,
        PieceCountError<R>
    );
}
