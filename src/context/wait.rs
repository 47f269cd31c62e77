//! [`Context::reap`], [`Context::wait`] and similar methods, which receive completions.

use super::{Context, stats::Stats};
use crate::{
    abi::IoEvent,
    completion::{Completion, Completions},
    error::ContextError,
    slots::Slots,
    sys::clock::Deadline,
    types::{Errno, SignalSet},
};
use core::time::Duration;

impl<B, T> Context<B, T> {
    /// Takes the available completions, without waiting.
    ///
    /// This makes no system call if the completion ring can be read, see
    /// [`reads_ring`](Self::reads_ring).
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait).
    #[doc(alias = "io_getevents")]
    #[inline]
    pub fn reap(&mut self) -> Result<Completions<'_, B, T>, ContextError> {
        self.wait(0, Some(Duration::ZERO))
    }

    /// Waits until there are `min` completions or the timeout expires, and takes the available
    /// completions.
    ///
    /// The iterator yields *all* available completions, which may be more than `min`. It borrows the
    /// context. To submit between two completions, use [`wait_one`](Self::wait_one), or push to a
    /// batch that has room for a request of each completion.
    ///
    /// * `min` is limited to [`outstanding`](Self::outstanding): the method never waits for a
    ///   request that was not submitted. If `min` is 0, it does not wait.
    /// * If `timeout` is `None`, it waits without end, for example for a poll of a file that never
    ///   becomes ready. If `timeout` is zero, it does not wait. After the timeout there may be
    ///   fewer than `min` completions, or none; this is not an error. Time is measured by the
    ///   monotonic clock, from the start of the call.
    /// * Completions that were not taken from an earlier iterator count too. If there are `min` of
    ///   them, and `min` is not 0, no system call is made. Neither is one made if nothing is in
    ///   flight, or if the completion ring can be read and has enough events, see
    ///   [`reads_ring`](Self::reads_ring).
    /// * It sleeps until there are enough, or polls the ring before it sleeps, see
    ///   [`set_busy_poll`](Self::set_busy_poll).
    ///
    /// # Signals
    ///
    /// A signal neither ends nor extends the wait: after the signal handler has run, the wait
    /// continues until the same deadline. No completion is lost.
    ///
    /// # Errors
    ///
    /// An error is returned only if no completion is available.
    ///
    /// * [`ContextError::Forked`]: the context belongs to the parent.
    /// * [`ContextError::Gone`]: the kernel does not know the context any more.
    /// * [`ContextError::Os`]: the call failed, because of a sandbox for example.
    ///
    /// # Kernel
    ///
    /// `io_getevents(2)`, `read_events` in `fs/aio.c`; since Linux 2.6.
    #[doc(alias = "io_getevents")]
    #[inline]
    pub fn wait(
        &mut self,
        min: usize,
        timeout: Option<Duration>,
    ) -> Result<Completions<'_, B, T>, ContextError> {
        self.inner.raw().check()?;
        let min = min.min(self.slots.outstanding());
        if min == 0 || self.slots.completed() < min {
            match self.receive(min, timeout) {
                Err(error) if self.slots.completed() == 0 => return Err(error),
                // Available completions are returned first. If the error persists, the next call
                // returns it.
                _ => {}
            }
        }
        Ok(Completions::new(&mut self.slots, self.inner.guard()))
    }

    /// Waits until all outstanding requests have completed or the timeout expires, and takes the
    /// available completions. This is [`wait`](Self::wait) for [`outstanding`](Self::outstanding)
    /// completions.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait).
    #[inline]
    pub fn wait_all(
        &mut self,
        timeout: Option<Duration>,
    ) -> Result<Completions<'_, B, T>, ContextError> {
        self.wait(usize::MAX, timeout)
    }

    /// Takes one completion, if one is available, without waiting.
    ///
    /// Unlike the iterator of [`reap`](Self::reap), this does not borrow the context between two
    /// completions, so that a loop can submit:
    ///
    /// ```
    /// use linux_aio::{Context, PageBuf, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::tempfile()?;
    /// let mut cx = Context::<PageBuf, u32>::new(4)?;
    /// for turn in 0..4 {
    ///     cx.submit_one(Request::write(&file, PageBuf::new(512)?, turn * 512).tag(0))?;
    /// }
    /// let mut written = 0;
    /// while let Some(done) = cx.wait_one(None)? {
    ///     written += done.bytes()?;
    ///     if done.tag < 9 {
    ///         let offset = done.info().offset() + 4 * 512;
    ///         cx.submit_one(Request::write(&file, done.buf, offset).tag(done.tag + 1))?;
    ///     }
    /// }
    /// assert_eq!(written, 40 * 512);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait).
    #[inline]
    pub fn reap_one(&mut self) -> Result<Option<Completion<B, T>>, ContextError> {
        self.wait_one(Some(Duration::ZERO))
    }

    /// Waits until a completion is available or the timeout expires, and takes one. Returns `None`
    /// if the timeout has expired or nothing is outstanding.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait).
    #[inline]
    pub fn wait_one(
        &mut self,
        timeout: Option<Duration>,
    ) -> Result<Option<Completion<B, T>>, ContextError> {
        Ok(self.wait(1, timeout)?.next())
    }

    /// Waits like [`wait`](Self::wait), but under another signal mask, and only until a signal is
    /// delivered that this mask does not block.
    ///
    /// For the time of the wait, `blocked` atomically replaces the signal mask of the thread.
    /// Usually, a program blocks a signal, checks the flag that its handler sets, and waits with
    /// the signal unblocked. A signal that arrives after the check of the flag then ends the wait.
    ///
    /// The completion ring is not used: a system call is made, unless nothing is in flight, or
    /// there are already `min` completions and `min` is not 0.
    ///
    /// After a signal that has a handler, the available completions are returned, possibly fewer
    /// than `min`. If there are none, the error is [`ContextError::Interrupted`]. After a signal
    /// without a handler, for example when the process is stopped and continued, the kernel
    /// restarts the wait *with the whole timeout*: unlike [`wait`](Self::wait), this can exceed its
    /// deadline.
    ///
    /// ```
    /// use linux_aio::{Context, ContextError, PollEvents, Request, SignalSet};
    /// use std::time::Duration;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (socket, _peer) = std::os::unix::net::UnixStream::pair()?;
    /// let mut cx = Context::<(), ()>::new(1)?;
    /// cx.submit_one(Request::poll(&socket).events(PollEvents::IN))?;
    /// // A program that has blocked its signals lets all but SIGUSR1 through here.
    /// let blocked = SignalSet::EMPTY.with(libc::SIGUSR1).unwrap();
    /// match cx.wait_with_mask(1, Some(Duration::from_millis(1)), blocked) {
    ///     Ok(completions) => assert_eq!(completions.count(), 0), // the timeout
    ///     Err(ContextError::Interrupted) => println!("a signal"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Without `io_pgetevents`
    ///
    /// If the kernel does not have the call (before Linux 4.18), or a sandbox forbids it (old
    /// seccomp profiles of containers return `EPERM`), the mask is set before the wait and restored
    /// afterwards, by separate calls. A signal that arrives between setting the mask and the wait
    /// is handled, but does *not* end the wait. So pass a timeout if this can happen.
    /// [`Probe`](crate::Probe) reports whether the call is available.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait), and [`ContextError::Interrupted`].
    ///
    /// # Kernel
    ///
    /// `io_pgetevents(2)`; since Linux 4.18.
    #[doc(alias = "io_pgetevents")]
    pub fn wait_with_mask(
        &mut self,
        min: usize,
        timeout: Option<Duration>,
        blocked: SignalSet,
    ) -> Result<Completions<'_, B, T>, ContextError> {
        self.inner.raw().check()?;
        let min = min.min(self.slots.outstanding());
        if self.slots.in_kernel() > 0 && (min == 0 || self.slots.completed() < min) {
            // The ring is not used: under constant load it would always have enough events, and the
            // signals would never be unblocked.
            let missing = min.saturating_sub(self.slots.completed());
            self.inner.stats.system_calls += 1;
            let (raw, arena) = self.inner.raw_and_arena();
            let received = match raw.pgetevents(missing, arena.events(), timeout, blocked) {
                Err(ContextError::Os { errno: Errno::EINTR, .. }) => Err(ContextError::Interrupted),
                received => record(&mut self.slots, received),
            };
            let received = self.inner.stats.record(received);
            match received {
                Err(error) if self.slots.completed() == 0 => return Err(error),
                _ => {}
            }
        }
        Ok(Completions::new(&mut self.slots, self.inner.guard()))
    }

    /// Receives events until `min` completions are available or the timeout expires.
    ///
    /// This is a separate function, called once for each wait, so that the loop over the ring has
    /// all registers.
    #[inline(never)]
    pub(super) fn receive(
        &mut self,
        min: usize,
        timeout: Option<Duration>,
    ) -> Result<(), ContextError> {
        if self.slots.in_kernel() == 0 {
            return Ok(());
        }
        let timeout = if min == 0 { Some(Duration::ZERO) } else { timeout };
        // Events in the ring take no system call. The kernel has no other events now, so without a
        // timeout the result is complete.
        if self.drain_ring() && (self.slots.completed() >= min || timeout == Some(Duration::ZERO)) {
            return Ok(());
        }
        match self.receive_polling {
            Some(receive) => receive(self, min, timeout),
            None => self.receive_by_call(min, timeout),
        }
    }

    /// Does the same as [`receive`](Self::receive), by `io_getevents`.
    pub(super) fn receive_by_call(
        &mut self,
        min: usize,
        timeout: Option<Duration>,
    ) -> Result<(), ContextError> {
        let mut deadline = Deadline::after(timeout);
        let mut left = deadline.first_wait(timeout);
        loop {
            self.getevents(min.saturating_sub(self.slots.completed()), left)?;
            if self.slots.completed() >= min {
                return Ok(());
            }
            left = deadline.next_wait();
            if left == Some(Duration::ZERO) {
                return Ok(());
            }
        }
    }

    /// Calls `io_getevents` once, for at least `min` events. A timeout or a signal ends the call
    /// before.
    pub(super) fn getevents(
        &mut self,
        min: usize,
        timeout: Option<Duration>,
    ) -> Result<(), ContextError> {
        self.inner.stats.system_calls += 1;
        let (raw, arena) = self.inner.raw_and_arena();
        let received = match raw.getevents(min, arena.events(), timeout) {
            Err(ContextError::Os { errno: Errno::EINTR, .. }) => return Ok(()),
            received => record(&mut self.slots, received),
        };
        self.inner.stats.record(received)
    }
}

/// Completes the requests whose events a system call has received. Returns the number of events
/// that belong to no request in flight, or the error of the call.
fn record<B, T>(
    slots: &mut Slots<B, T>,
    received: Result<&[IoEvent], ContextError>,
) -> Result<u64, ContextError> {
    match received {
        Ok(events) => Ok(slots.complete_each(events.iter().copied())),
        // The arguments are valid, so the reason is the context.
        Err(ContextError::Os { errno: Errno::EINVAL, .. }) => Err(ContextError::Gone),
        Err(error) => Err(error),
    }
}

impl Stats {
    /// Records the number of events that belong to no request in flight.
    fn record(&mut self, received: Result<u64, ContextError>) -> Result<(), ContextError> {
        self.spurious += received?;
        Ok(())
    }
}
