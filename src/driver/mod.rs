//! [`Driver`]: futures on a context, for any executor.

mod core;
#[cfg(any(test, linux_aio_fake))]
mod inspect;
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

use self::core::{Core, Notify};
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
///
/// [`start`](Self::start) takes a request and returns the future of its completion. It makes no
/// system call: [`turn`](Self::turn) submits the requests of all tasks by one `io_submit`, and wakes
/// the tasks whose requests have completed. There are no threads and no allocator. The executor, or
/// one of its tasks, calls `turn`:
///
/// * An executor that has nothing else to wait for calls [`park`](Self::park) when no task can run.
/// * In an event loop (tokio, async-io, epoll), a task waits for the [eventfd](Self::fd) of the driver
///   to be readable or for [`poll_staged`](Self::poll_staged), and then calls `turn`. `examples/tokio`
///   has this task.
///
/// `B` is the buffer, as in a context. `F` is the owner of the files, `Arc<File>` for example. Both
/// are `'static`, because a future can be leaked: the driver keeps the file open until the request was
/// submitted, and the buffer until it has completed. For an `Arc<File>` pass a clone of the `Arc`:
/// `&file` is a borrowed file, and the compiler says "mismatched types", with
/// [`Borrowed`](crate::Borrowed).
///
/// ```
/// use linux_aio::{Driver, PageBuf, Request};
/// use std::{
///     fs::File,
///     future::Future,
///     pin::pin,
///     sync::Arc,
///     task::{Context, Poll, Waker},
/// };
///
/// // An executor for one task, which polls it after each sleep.
/// fn block_on<T>(driver: &Driver<PageBuf, Arc<File>>, task: impl Future<Output = T>) -> std::io::Result<T> {
///     let mut task = pin!(task);
///     loop {
///         match task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
///             Poll::Ready(result) => return Ok(result),
///             Poll::Pending => driver.park(None)?,
///         }
///     }
/// }
///
/// # fn main() -> std::io::Result<()> {
/// let file = Arc::new(File::open("/proc/self/exe")?);
/// let driver = Driver::new(64)?;
/// let bytes = block_on(&driver, async {
///     // Both are submitted by one system call.
///     let first = driver.start(Request::read(file.clone(), PageBuf::new(4096)?, 0))?;
///     let second = driver.start(Request::read(file.clone(), PageBuf::new(4096)?, 4096))?;
///     Ok::<_, std::io::Error>(first.await.bytes()? + second.await.bytes()?)
/// })??;
/// assert_eq!(bytes, 8192);
/// # Ok(())
/// # }
/// ```
///
/// # Places
///
/// A request takes a place from its start until its future was awaited or dropped, and it has
/// completed. A future that is neither polled nor dropped keeps its place. If all places are taken,
/// `start` drops the request, [`try_start`](Self::try_start) returns it, and [`room`](Self::room) waits
/// for a place, in order.
///
/// # Time
///
/// A timeout is a matter of the executor. A future that was not awaited to its end, because a timer
/// was faster, can be awaited again. Dropping it gives the request up, see [`Op`]. The kernel can
/// cancel nothing but polls.
///
/// # Threads
///
/// This driver is for one thread, and can be moved to another. Use one for each thread, with tokio on
/// a `LocalSet` or a current-thread runtime. With the feature `std`, `Driver::shared` makes one that
/// several threads use.
///
/// # Borrowed buffers
///
/// There are none. A scope must not return before the kernel has released what it borrows. A scope that
/// is a future can be dropped or leaked at each `await`, and cannot wait then. Futures on borrowed
/// buffers would need a scope that blocks its thread.
///
/// # End
///
/// Dropping the driver cancels polls and waits for the other requests in flight, as
/// [`Context::close`] does. It takes 24 to 64 ms. Futures borrow the driver, so only leaked ones may
/// be left: what they have in the driver is dropped.
///
/// # Forks
///
/// In a forked child, `start`, `turn` and `park` return [`ContextError::Forked`]; a future is pending,
/// and dropping it, or the driver, does nothing to the parent's requests. A driver for several threads
/// has a lock, like a `Mutex`: if another thread held it during `fork`, the child waits for ever when
/// it calls a method.
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
    /// It is [`Sync`] if `B` and `F` are [`Send`], and so are its futures `Send`. The documented way
    /// to use it is a thread that calls [`park`](Self::park) in a loop: it submits what the other
    /// threads start, receives the completions, and wakes the tasks. While it sleeps, starting a
    /// request wakes it by a write to the eventfd.
    ///
    /// The lock is not held during `io_submit` and while a thread sleeps. While a submission blocks
    /// (buffered I/O that waits for a disk), other threads start requests and receive completions.
    /// What they have started is submitted next.
    ///
    /// ```
    /// use linux_aio::{Driver, PageBuf, Request};
    /// use std::{fs::File, sync::Arc, time::Duration};
    /// # use std::{future::Future, pin::pin, task::{Context, Poll, Wake, Waker}, thread};
    /// # struct Unpark(thread::Thread);
    /// # impl Wake for Unpark {
    /// #     fn wake(self: Arc<Self>) {
    /// #         self.0.unpark();
    /// #     }
    /// # }
    /// # fn block_on<T>(task: impl Future<Output = T>) -> T {
    /// #     let mut task = pin!(task);
    /// #     let waker = Waker::from(Arc::new(Unpark(thread::current())));
    /// #     loop {
    /// #         match task.as_mut().poll(&mut Context::from_waker(&waker)) {
    /// #             Poll::Ready(result) => return result,
    /// #             Poll::Pending => thread::park(),
    /// #         }
    /// #     }
    /// # }
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let file = Arc::new(File::open("/proc/self/exe")?);
    /// let driver = Arc::new(Driver::shared(64)?);
    /// let turns = Arc::downgrade(&driver);
    /// std::thread::spawn(move || {
    ///     while let Some(driver) = turns.upgrade() {
    ///         driver.park(Some(Duration::from_secs(1))).expect("the driver works");
    ///     }
    /// });
    /// let done = block_on(async {
    ///     let request = Request::read(file, PageBuf::new(4096)?, 0);
    ///     Ok::<_, std::io::Error>(driver.start(request)?.await)
    /// })?;
    /// assert_eq!(done.result, Ok(4096));
    /// # Ok(())
    /// # }
    /// ```
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
    /// [`StartError`]. The request is dropped; [`try_start`](Self::try_start) returns it.
    ///
    /// * [`ContextError::Full`]: there are as many requests as the capacity. [`room`](Self::room)
    ///   waits.
    /// * [`ContextError::OwnEventfd`]: the request has an eventfd of its own.
    /// * [`ContextError::Forked`]: the driver belongs to the parent.
    pub fn start<O>(&self, request: Request<F, B, (), O>) -> Result<Op<'_, B, F, S>, StartError>
    where
        B: IoBuf,
    {
        self.try_start(request).map_err(StartError::without_request)
    }

    /// Starts a request as [`start`](Self::start) does, or returns it.
    ///
    /// ```
    /// use linux_aio::{ContextError, Driver, PageBuf, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let driver = Driver::new(1)?;
    /// let file = || std::fs::File::open("/proc/self/exe");
    /// let first = driver.start(Request::read(file()?, PageBuf::new(512)?, 0))?;
    /// let full = driver.try_start(Request::read(file()?, PageBuf::new(512)?, 512)).unwrap_err();
    /// assert_eq!(full.cause, ContextError::Full);
    /// assert_eq!(full.request.info().offset(), 512);
    /// # drop(first);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start), with the request.
    #[expect(clippy::type_complexity, reason = "the request in the error is that of the argument")]
    pub fn try_start<O>(
        &self,
        request: Request<F, B, (), O>,
    ) -> Result<Op<'_, B, F, S>, StartError<Request<F, B, (), O>>>
    where
        B: IoBuf,
    {
        let (op, notify) = self.start_in(request, false)?;
        notify.send(self);
        Ok(op)
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
            // The kernel is emulated, and ignores eventfds.
            ContextError::NotEventfd => explain("eventfd2", Errno::ENOSYS),
            // The check is made by a request, for which the kernel has no memory.
            ContextError::Again => explain("io_submit", Errno::ENOMEM),
            ContextError::Os { errno: Errno::EAGAIN, call } => explain(call, Errno::ENOMEM),
            ContextError::Os { call, errno } => explain(call, errno),
            error => explain("io_submit", error.errno()),
        })?;
        Ok(Self { core: S::cell(Core::new(requests)), eventfd })
    }

    /// Starts a request. `reserved` is whether a permit has reserved room for it, which it takes.
    #[expect(clippy::type_complexity, reason = "the request in the error is that of the argument")]
    fn start_in<O>(
        &self,
        request: Request<F, B, (), O>,
        reserved: bool,
    ) -> Result<(Op<'_, B, F, S>, Notify), StartError<Request<F, B, (), O>>>
    where
        B: IoBuf,
    {
        let (index, notify) = self.with(|core| core.start(request, reserved))?;
        Ok((Op::new(self, index), notify))
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
