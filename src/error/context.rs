//! [`ContextError`]: a call on a context failed.

use super::{message, refused_call};
use crate::types::Errno;
use core::{error, fmt};

/// The reason why a call on a context failed. No request is lost: each is in the batch, in flight
/// or completed.
///
/// ```
/// use linux_aio::{Context, ContextError, Errno, PageBuf, Request};
///
/// # fn main() -> std::io::Result<()> {
/// # let file = std::fs::File::open("/proc/self/exe")?;
/// let mut cx = Context::<PageBuf, ()>::new(1)?;
/// cx.submit_one(Request::read(&file, PageBuf::new(4096)?, 0))?;
/// match cx.submit_one(Request::read(&file, PageBuf::new(4096)?, 4096)) {
///     Ok(_id) => unreachable!("there is room for one"),
///     Err(ContextError::Full) => drop(cx.wait_one(None)?),
///     Err(error) if error.errno() == Errno::EAGAIN => println!("later: {error}"),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContextError {
    /// This process was forked from the one that made the context. The requests belong to the
    /// parent.
    Forked,
    /// The kernel does not know the context any more: other code has destroyed it, or a scope has
    /// destroyed it because a sandbox allowed no other way to wait for its requests.
    Gone,
    /// [`Context::scope`](crate::Context::scope) was called on a context that has outstanding
    /// requests.
    Busy {
        /// The number of requests that are in flight, or have completed and were not taken.
        outstanding: usize,
    },
    /// `io_submit` returned `EAGAIN`: the kernel has no memory for more requests now.
    ///
    /// If this error repeats with nothing in flight, the request at the front of the batch may be
    /// the cause: a security module or a fanotify listener can deny a file with this errno.
    /// [`Batch::pop`](crate::Batch::pop) removes that request.
    Again,
    /// The context has no room for another request: as many requests as its capacity are
    /// outstanding. Only [`submit_one`](crate::Context::submit_one) returns this error; `submit`
    /// leaves such requests in the batch.
    Full,
    /// The descriptor for [`set_eventfd`](crate::Context::set_eventfd) is not an eventfd, or the
    /// kernel is emulated and ignores eventfds.
    NotEventfd,
    /// The request for a [driver](crate::Driver) has an eventfd of its own. The driver needs all
    /// completions on its own eventfd.
    OwnEventfd,
    /// A signal interrupted the wait before any completion was available. Only
    /// [`wait_with_mask`](crate::Context::wait_with_mask) returns this error.
    Interrupted,
    /// A system call failed, for a reason that does not depend on a request.
    Os {
        /// The name of the call.
        call: &'static str,
        /// The errno that it returned.
        errno: Errno,
    },
}

impl fmt::Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Forked => f.write_str(
                "the context belongs to the process that this one was forked from: make a new one here",
            ),
            Self::Gone => f.write_str(
                "the kernel no longer knows the context, because something has destroyed it: make a new one",
            ),
            Self::Busy { outstanding } => write!(
                f,
                "a scope needs an idle context, and {outstanding} requests are in flight or their \
                 completions not taken: wait for them first"
            ),
            Self::Again => f.write_str(
                "io_submit: the kernel has no memory for more requests (EAGAIN); those that are left \
                 stay in the batch: take completions, then submit again",
            ),
            Self::Full => f.write_str(
                "the context is full: take completions first, or make one with a larger capacity",
            ),
            Self::NotEventfd => f.write_str(
                "the descriptor is not an eventfd (or an emulated kernel ignores eventfds): pass one made \
                 by eventfd(2)",
            ),
            Self::OwnEventfd => f.write_str(
                "a request for a driver has an eventfd of its own, which the driver would have to replace: \
                 make it without",
            ),
            Self::Interrupted => f.write_str("a signal ended the wait before any completion came"),
            Self::Os { call, errno } => refused_call(f, call, errno),
        }
    }
}

impl fmt::Debug for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        message(f, "ContextError", self)
    }
}

impl ContextError {
    /// Returns the errno of the call that failed, or the errno that is closest to the error.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match *self {
            Self::Forked | Self::Gone => Errno::EBADF,
            Self::Busy { .. } => Errno::EBUSY,
            Self::Again => Errno::EAGAIN,
            Self::Full => Errno::ENOBUFS,
            Self::NotEventfd | Self::OwnEventfd => Errno::EINVAL,
            Self::Interrupted => Errno::EINTR,
            Self::Os { errno, .. } => errno,
        }
    }
}

impl error::Error for ContextError {}
