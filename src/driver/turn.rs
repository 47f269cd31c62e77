//! [`Driver::turn`], [`Driver::park`] and [`Driver::flush`]: submitting, receiving and waking.

use super::{
    Driver, Sharing,
    core::{Ended, Notify},
};
use crate::{buf::IoBuf, error::ContextError, request::Owners};
use core::{
    task::{Poll, Waker},
    time::Duration,
};

impl<B: IoBuf, F, S: Sharing> Driver<B, F, S> {
    /// Submits the requests that were started, receives the completions that are available, and
    /// wakes the tasks that await them. It does not wait.
    ///
    /// Usually this makes one system call of `io_submit` for the requests of all tasks, and one to
    /// read the eventfd, if something may have been added to it.
    ///
    /// An event loop calls it when the [eventfd](Self::fd) is readable, and when there is something
    /// to submit, see [`poll_staged`](Self::poll_staged). Other executors call it, or
    /// [`park`](Self::park), when no task can run.
    ///
    /// ```
    /// use linux_aio::{Driver, PageBuf, Request};
    /// use rustix::event::{PollFd, PollFlags, poll};
    /// use std::{fs::File, future::Future, pin::pin, task::{Context, Poll, Waker}};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let driver = Driver::new(64)?;
    /// let request = Request::read(File::open("/proc/self/exe")?, PageBuf::new(4096)?, 0);
    /// let mut task = pin!(driver.start(request)?);
    /// let done = loop {
    ///     // In an event loop, the wakers of the tasks say which to poll.
    ///     match task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
    ///         Poll::Ready(done) => break done,
    ///         Poll::Pending if driver.poll_staged(Waker::noop()).is_ready() => driver.turn()?,
    ///         Poll::Pending => {
    ///             poll(&mut [PollFd::new(&driver, PollFlags::IN)], None)?;
    ///             driver.turn()?;
    ///         }
    ///     }
    /// };
    /// assert_eq!(done.result, Ok(4096));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A waker may use the driver. If it calls `turn`, that call submits and receives, but leaves
    /// the waking to the outer one. The eventfd is readable then until all have been woken.
    ///
    /// # Blocking
    ///
    /// As in [`Context::submit`](crate::Context::submit), the kernel executes buffered I/O during
    /// the call.
    ///
    /// # Panics
    ///
    /// If a waker or the drop of a buffer or file panics. The other tasks are woken by the next
    /// turn, and the eventfd is readable.
    ///
    /// # Errors
    ///
    /// * [`ContextError::Forked`]: the driver belongs to the parent.
    /// * [`ContextError::Gone`], [`ContextError::Os`]: the context cannot be used, for a reason that
    ///   does not depend on a request. Requests that were not submitted have completed with the
    ///   errno. Those in flight may never complete.
    ///
    /// `EAGAIN`, for which the kernel has no memory, is not an error here: the requests are submitted
    /// after the next completion. If no other request is in flight, they complete with `EAGAIN`.
    #[doc(alias = "io_submit")]
    pub fn turn(&self) -> Result<(), ContextError> {
        self.round().map(drop)
    }

    /// Does the same as [`turn`](Self::turn), and if no task was woken, waits until a request
    /// completes or the timeout expires, and wakes the tasks then. This is the sleep of an executor
    /// that has nothing else to wait for.
    ///
    /// It may return early, as `thread::park` does: after a signal, after [`unpark`](Self::unpark), or
    /// if someone has written to the [eventfd](Self::fd). (In a driver for several threads, starting a
    /// request ends the wait of a thread that would otherwise not submit it.)
    ///
    /// Without a timeout it waits without end if nothing completes. An executor calls it only if a
    /// task waits for the driver.
    ///
    /// # Errors
    ///
    /// Those of [`turn`](Self::turn), and of `ppoll`.
    ///
    /// # Kernel
    ///
    /// `ppoll(2)`.
    #[doc(alias = "io_getevents")]
    pub fn park(&self, timeout: Option<Duration>) -> Result<(), ContextError> {
        if self.round()? {
            return Ok(());
        }
        let sleeps = self.with(|core| {
            let sleeps = !core.has_work();
            core.parked += usize::from(sleeps);
            sleeps
        });
        if !sleeps {
            return Ok(());
        }
        let waited = self.eventfd().wait_readable(timeout);
        self.with(|core| {
            core.parked -= 1;
            core.kicked = false;
        });
        waited.map_err(|errno| ContextError::Os { call: "ppoll", errno })?;
        self.turn()
    }

    /// Ends a [`park`](Self::park) of another thread, or makes the next one return at once.
    ///
    /// It makes the [eventfd](Self::fd) readable. A thread that does not have the driver can duplicate
    /// the eventfd and write to it.
    pub fn unpark(&self) {
        self.eventfd().add_one();
    }

    /// Submits the requests that were started, and nothing else: for a request that should not wait
    /// for the next [`turn`](Self::turn).
    ///
    /// # Errors
    ///
    /// Those of [`turn`](Self::turn).
    pub fn flush(&self) -> Result<(), ContextError> {
        let submitted = self.submit();
        self.signal_if_queued();
        submitted.map(drop)
    }

    /// Returns `Ready` if [`turn`](Self::turn) has something to do: to submit requests, or to cancel
    /// polls. Otherwise it stores the waker of the task, and wakes it when there is something.
    ///
    /// This is for a task that waits for the [eventfd](Self::fd) and for this, and then calls
    /// `turn`. One waker is stored, the last one.
    pub fn poll_staged(&self, waker: &Waker) -> Poll<()> {
        let known = self.with(|core| {
            if core.has_work() {
                return Some(Poll::Ready(()));
            }
            let stored = core.turner.as_ref().is_some_and(|turner| turner.will_wake(waker));
            stored.then_some(Poll::Pending)
        });
        if let Some(known) = known {
            return known;
        }
        let waker = waker.clone();
        // Cloning it may have started a request.
        let (poll, _unused) = self.with(|core| {
            if core.has_work() {
                (Poll::Ready(()), Some(waker))
            } else {
                (Poll::Pending, core.turner.replace(waker))
            }
        });
        poll
    }

    /// Does the work of [`turn`](Self::turn). Returns whether requests have completed, or someone has
    /// written to the eventfd: the executor has something to do.
    fn round(&self) -> Result<bool, ContextError> {
        let read = self.with(|core| core.begin_turn())?;
        // The eventfd is read first: what is added to it later belongs to events that may come after
        // the events are received.
        let counted = if read { self.eventfd().take_counter() } else { 0 };
        let received = self.with(|core| core.receive(counted));
        let mut submitted = self.submit();
        if let Ok(true) = submitted {
            // The kernel executes buffered I/O during the submission.
            let _received = self.with(|core| core.receive(0));
            // There may be requests that had to wait for such a completion.
            if self.with(|core| core.has_staged()) {
                submitted = self.submit();
            }
        }
        let woken = self.wake();
        let unparked = received?;
        submitted?;
        Ok(woken || unparked)
    }

    /// Submits the staged requests. Returns whether there were any.
    fn submit(&self) -> Result<bool, ContextError> {
        let mut any = false;
        loop {
            // The owners keep the files open until the kernel has references of its own. They are
            // dropped at the end of the iteration, when the core is not borrowed.
            let mut owners = Owners::new();
            let eventfd = self.eventfd().as_raw();
            let launched = self.with(|core| core.launch(&mut owners, eventfd))?;
            let Some(mut submission) = launched else { return Ok(any) };
            any = true;
            let stopped = loop {
                let call = match self.with(|core| core.requests.call(&submission)) {
                    Ok(call) => call,
                    Err(cause) => break Some(cause),
                };
                // SAFETY: (1) `call` has returned the arguments. The context exists as long as
                // `self`, and `Core::launch` begins no other submission before `finish`. (2)
                // `owners` keeps the files open, and the driver its eventfd; requests with an
                // eventfd of their own are not started.
                let answer = unsafe { call.submit() };
                // SAFETY: (1) this is the answer to the call; (2) as above.
                match self.with(|core| unsafe { core.answered(&mut submission, answer) }) {
                    Ok(()) if submission.left() == 0 => break None,
                    Ok(()) => {}
                    Err(cause) => break Some(cause),
                }
            };
            // SAFETY: (1) the last answer was passed to `answered`, or `call` has failed; (2)
            // `owners` are those of this submission.
            let ended = self.with(|core| unsafe { core.finish(submission, &mut owners, stopped) });
            match ended {
                Ended::Continue => {}
                Ended::Blocked => return Ok(true),
                Ended::Failed(cause) => return Err(cause),
            }
        }
    }

    /// Wakes the tasks whose requests have completed, and drops requests whose futures were dropped.
    /// Returns whether there were any.
    fn wake(&self) -> bool {
        let (count, nested) = self.with(|core| {
            let nested = core.waking;
            core.waking = true;
            (core.requests.queued(), nested)
        });
        if nested {
            self.signal_if_queued();
            return count > 0;
        }
        let _waking = Waking(self);
        // Only as many as there were: a waker may start a request that completes immediately, and
        // submit it.
        for _ in 0..count {
            let Some(done) = self.with(|core| core.next_done()) else { break };
            let _orphan = done.orphan;
            Notify { waker: done.room, kick: false }.send(self);
            Notify { waker: done.waker, kick: false }.send(self);
        }
        count > 0
    }

    /// Makes the eventfd readable if there are tasks to be woken.
    fn signal_if_queued(&self) {
        if self.with(|core| core.requests.queued() > 0) {
            self.eventfd().add_one();
        }
    }
}

/// Ends the waking of tasks, also if a waker panics.
struct Waking<'d, B: IoBuf + 'static, F: 'static, S: Sharing>(&'d Driver<B, F, S>);

impl<B: IoBuf, F, S: Sharing> Drop for Waking<'_, B, F, S> {
    fn drop(&mut self) {
        self.0.with(|core| core.waking = false);
        self.0.signal_if_queued();
    }
}

impl Notify {
    /// Wakes who is to be woken.
    pub(super) fn send<B, F, S: Sharing>(self, driver: &Driver<B, F, S>) {
        if self.kick {
            driver.eventfd().add_one();
        }
        if let Some(waker) = self.waker {
            waker.wake();
        }
    }
}
