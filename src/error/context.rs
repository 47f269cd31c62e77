//! [`ContextError`]: a context that cannot do what it was asked.

use super::refused_call;
use crate::errno::Errno;
use core::{error, fmt};

/// Why a call on a context could not do its work. The requests are where they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContextError {
    /// This process was forked from the one that made the context. The requests are the parent's.
    Forked,
    /// The kernel does not know the context any more. Other code ended it behind the handle's back;
    /// or a scope had to, where a sandbox let it wait in no other way.
    Gone,
    /// A scope was asked of a context that still has requests of its own.
    Busy {
        /// How many: in flight, or completed and not taken.
        outstanding: usize,
    },
    /// `EAGAIN` from `io_submit`: the kernel has no memory for more requests now.
    ///
    /// If it comes again with nothing in flight, the request at the front of the batch may be the
    /// cause: a security module or a fanotify listener can deny a file with this errno.
    /// [`Batch::pop`](crate::Batch::pop) takes it out.
    Again,
    /// A signal ended the wait before anything was there. Only
    /// [`wait_with_mask`](crate::Context::wait_with_mask) ends that way.
    Interrupted,
    /// A system call was refused, whatever it was asked.
    Os {
        /// Its name.
        call: &'static str,
        /// What it answered.
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
                "the kernel does not know the context any more, since it was destroyed meanwhile: make a \
                 new one",
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
            Self::Interrupted => f.write_str("a signal ended the wait before any completion came"),
            Self::Os { call, errno } => refused_call(f, call, errno),
        }
    }
}

impl error::Error for ContextError {}

/// What [`Context::submit`](crate::Context::submit) did with the requests that left the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Submitted {
    /// Accepted by the kernel: in flight, or completed already.
    pub accepted: usize,
    /// Refused by the kernel: completed with the errno it gave.
    pub refused: usize,
}

/// Submitting stopped before the batch was empty and the context full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubmitError {
    /// Why. The requests that are left are in the batch, in order.
    pub cause: ContextError,
    /// What had been done before.
    pub submitted: Submitted,
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl error::Error for SubmitError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        None // `Display` tells all there is.
    }
}
