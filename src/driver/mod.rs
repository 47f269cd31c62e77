//! [`Driver`]: futures on a context, for any executor.

mod core;
mod op;
mod room;
mod sharing;
mod task;
#[cfg(test)]
mod tests;
mod turn;
mod waiters;

pub use op::Op;
pub use room::{Permit, Room};
#[cfg(feature = "std")]
pub use sharing::Shared;
pub use sharing::{Local, Sharing};

use self::core::Core;
use crate::{
    buf::IoBuf,
    context::{Context, Stats},
    error::{ContextError, SetupError, StartError},
    request::Request,
    sys::fd::OwnedFd,
    types::{Errno, Fd, cast},
};
use ::core::fmt;

/// Futures on a [`Context`], for any executor.
pub struct Driver<B: 'static, F: 'static, S: Sharing = Local> {
    // Dropped first: requests in flight refer to the eventfd.
    core: S::Cell<Core<B, F>>,
    eventfd: OwnedFd,
}

impl<B, F> Driver<B, F> {
    /// Makes a driver for one thread, with room for `capacity` requests.
    ///
    /// # Errors
    ///
    /// [`SetupError`], as for [`Context::new`], or `eventfd2` failed.
    pub fn new(capacity: usize) -> Result<Self, SetupError> {
        Self::with_capacity(capacity)
    }
}

#[cfg(feature = "std")]
impl<B, F> Driver<B, F, Shared> {
    /// Makes a driver for several threads, with room for `capacity` requests.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Driver::new).
    pub fn shared(capacity: usize) -> Result<Self, SetupError> {
        Self::with_capacity(capacity)
    }
}

impl<B, F, S: Sharing> Driver<B, F, S> {
    /// Starts a request: stores it, to be submitted by the next [`turn`](Self::turn), and returns
    /// the future of its completion. This makes no system call.
    ///
    /// # Errors
    ///
    /// [`StartError`], with the request:
    ///
    /// * [`ContextError::Full`]: there are as many requests as the capacity. [`room`](Self::room)
    ///   waits.
    /// * [`ContextError::OwnEventfd`]: the request has an eventfd of its own.
    /// * [`ContextError::Forked`]: the driver belongs to the parent.
    #[expect(clippy::type_complexity, reason = "the request in the error is that of the argument")]
    pub fn start<O>(
        &self,
        request: Request<F, B, (), O>,
    ) -> Result<Op<'_, B, F, S>, StartError<Request<F, B, (), O>>>
    where
        B: IoBuf,
    {
        self.start_in(request, false)
    }

    /// Waits for room for one request.
    ///
    /// Those who wait get room in the order in which they came, and before those who call
    /// [`start`](Self::start).
    pub const fn room(&self) -> Room<'_, B, F, S> {
        Room::new(self)
    }

    /// Returns the eventfd, which is readable when [`turn`](Self::turn) has completions to receive.
    ///
    /// A program may also write to it, to make it readable.
    #[must_use]
    pub const fn fd(&self) -> Fd<'_> {
        // SAFETY: (1) the driver keeps the descriptor open as long as it is borrowed; (2) the
        // driver's methods work whatever others read from an eventfd or write to it.
        unsafe { Fd::from_raw(self.eventfd.as_raw()) }
    }

    /// Returns the largest number of requests that can be started and not awaited to their end.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.with(|core| core.requests.capacity())
    }

    /// Returns how many requests can be started now.
    #[must_use]
    pub fn free(&self) -> usize {
        self.with(|core| core.free())
    }

    /// Returns the number of requests that were started and not submitted.
    #[must_use]
    pub fn staged(&self) -> usize {
        self.with(|core| core.staged.len())
    }

    /// Returns the number of requests that were submitted and have not completed.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.with(|core| core.requests.in_kernel())
    }

    /// Returns the number of requests in flight whose futures were dropped. The driver drops their
    /// buffers when they have completed.
    #[must_use]
    pub fn orphans(&self) -> usize {
        self.with(|core| core.orphans)
    }

    /// Returns the counters of the context. [`Stats::completed`] counts the completions that were
    /// returned by futures or dropped. The calls that read the eventfd, and those of `ppoll`, are not counted in
    /// [`Stats::system_calls`].
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.with(|core| {
            let stats = core.requests.stats();
            // Staged requests are outstanding, but neither accepted nor refused.
            Stats {
                completed: stats.completed.saturating_add(cast::to_u64(core.staged.len())),
                ..stats
            }
        })
    }

    fn with_capacity(capacity: usize) -> Result<Self, SetupError> {
        let explain = |call, errno| SetupError::explain(call, errno, capacity);
        let eventfd = OwnedFd::eventfd().map_err(|errno| explain("eventfd2", errno))?;
        let mut requests = Context::new(capacity)?;
        // SAFETY: (1) the descriptor is open until the end of this function; (2) it was made above.
        let fd = unsafe { Fd::from_raw(eventfd.as_raw()) };
        requests.try_own_eventfd(fd).map_err(|error| match error {
            ContextError::Os { call, errno } => explain(call, errno),
            // The kernel is emulated, and ignores eventfds.
            ContextError::NotEventfd => explain("eventfd2", Errno::ENOSYS),
            error => explain(
                "io_submit",
                if error == ContextError::Again { Errno::ENOMEM } else { error.errno() },
            ),
        })?;
        Ok(Self { core: S::cell(Core::new(requests)), eventfd })
    }

    /// Starts a request. `reserved` is whether a permit has reserved room for it.
    #[expect(clippy::type_complexity, reason = "the request in the error is that of the argument")]
    fn start_in<O>(
        &self,
        request: Request<F, B, (), O>,
        reserved: bool,
    ) -> Result<Op<'_, B, F, S>, StartError<Request<F, B, (), O>>>
    where
        B: IoBuf,
    {
        match self.with(|core| core.start(request, reserved)) {
            Ok((index, notify)) => {
                let op = Op::new(self, index);
                notify.send(self);
                Ok(op)
            }
            Err(error) => Err(error),
        }
    }

    /// Calls `f` with the core. It must not call code of the user: wakers, and drops of buffers and
    /// files, might use the driver.
    fn with<R>(&self, f: impl FnOnce(&mut Core<B, F>) -> R) -> R {
        S::with(&self.core, f)
    }

    const fn eventfd(&self) -> &OwnedFd {
        &self.eventfd
    }
}

impl<B, F, S: Sharing> fmt::Debug for Driver<B, F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("capacity", &self.capacity())
            .field("staged", &self.staged())
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "std")]
mod with_std {
    use super::{Driver, Sharing};
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

    impl<B, F, S: Sharing> AsFd for Driver<B, F, S> {
        fn as_fd(&self) -> BorrowedFd<'_> {
            // SAFETY: the driver keeps the descriptor open as long as it is borrowed.
            unsafe { BorrowedFd::borrow_raw(self.eventfd.as_raw()) }
        }
    }

    impl<B, F, S: Sharing> AsRawFd for Driver<B, F, S> {
        fn as_raw_fd(&self) -> RawFd {
            self.eventfd.as_raw()
        }
    }
}
