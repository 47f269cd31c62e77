//! [`Context::reap`] and the waits: from the kernel to completions.

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
    /// Takes the completions there are, without waiting.
    ///
    /// No system call is made where the completion ring can be read, see
    /// [`reads_ring`](Self::reads_ring).
    ///
    /// # Errors
    ///
    /// As for [`wait`](Self::wait).
    #[doc(alias = "io_getevents")]
    #[inline]
    pub fn reap(&mut self) -> Result<Completions<'_, B, T>, ContextError> {
        self.wait(0, Some(Duration::ZERO))
    }

    /// Waits until there are `min` completions or the timeout is over, and takes what has been
    /// received by then.
    ///
    /// * `min` is capped at [`outstanding`](Self::outstanding): it never waits for a request that was
    ///   not submitted. With 0 it does not wait.
    /// * `timeout` of `None` waits without end, as for a poll of a file that never becomes ready; zero
    ///   does not wait. Afterwards there may be fewer than `min` completions, or none; this is not an
    ///   error. Time is that of the monotonic clock, from now.
    /// * Completions that an earlier iterator left count: if they suffice, the kernel is not asked.
    ///   Nor is it if there are enough in the completion ring, where that can be read, see
    ///   [`reads_ring`](Self::reads_ring).
    ///
    /// # Signals
    ///
    /// A signal does not end the wait and does not lengthen it: after the handler has run, it goes
    /// on until the same deadline. No completion is lost.
    ///
    /// # Errors
    ///
    /// Only where no completion is there to be taken.
    ///
    /// * [`ContextError::Forked`]: the context is the parent's.
    /// * [`ContextError::Gone`]: the kernel does not know the context any more.
    /// * [`ContextError::Os`]: the call is refused, by a sandbox for example.
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
                // What is there comes first. The error will be back if it lasts.
                _ => {}
            }
        }
        Ok(Completions::new(&mut self.slots, self.inner.guard()))
    }

    /// Waits until all outstanding requests have completed or the timeout is over, and takes what has
    /// been received by then: [`wait`](Self::wait) for [`outstanding`](Self::outstanding).
    ///
    /// # Errors
    ///
    /// As for [`wait`](Self::wait).
    #[inline]
    pub fn wait_all(
        &mut self,
        timeout: Option<Duration>,
    ) -> Result<Completions<'_, B, T>, ContextError> {
        self.wait(usize::MAX, timeout)
    }

    /// Takes one completion, if there is one, without waiting.
    ///
    /// Unlike the iterator of [`reap`](Self::reap) it leaves the context free between two completions,
    /// so that the loop can submit:
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
    ///     written += done.result?;
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
    /// As for [`wait`](Self::wait).
    #[inline]
    pub fn reap_one(&mut self) -> Result<Option<Completion<B, T>>, ContextError> {
        self.wait_one(Some(Duration::ZERO))
    }

    /// Waits until there is a completion or the timeout is over, and takes it. `None` if the timeout is
    /// over or nothing is outstanding.
    ///
    /// # Errors
    ///
    /// As for [`wait`](Self::wait).
    #[inline]
    pub fn wait_one(
        &mut self,
        timeout: Option<Duration>,
    ) -> Result<Option<Completion<B, T>>, ContextError> {
        Ok(self.wait(1, timeout)?.next())
    }

    /// Waits like [`wait`](Self::wait), but with another signal mask, and until a signal arrives that
    /// the mask lets through.
    ///
    /// `blocked` takes the place of the thread's mask for the time of the wait, atomically. The usual
    /// way: block a signal, look at the flag that its handler sets, and wait with the signal unblocked.
    /// It ends the wait whenever it comes after the flag was looked at.
    ///
    /// It always asks the kernel, unless completions that an earlier iterator left suffice.
    ///
    /// After a signal that has a handler, what has been received is returned, fewer than `min` perhaps.
    /// Where nothing has, that is [`ContextError::Interrupted`]. After a signal without one, as when
    /// the process is stopped and continued, the kernel starts the wait again *with the whole
    /// timeout*: this wait, unlike the other, can outlast its deadline.
    ///
    /// # Without `io_pgetevents`
    ///
    /// Where the kernel does not have the call (before Linux 4.18), or a sandbox forbids it (old
    /// container profiles answer `EPERM`), the mask is set before waiting and put back afterwards by
    /// calls of their own. A signal that arrives between setting the mask and waiting is handled, and
    /// does *not* end the wait. So give a timeout, where that may happen.
    /// [`Probe`](crate::Probe) tells beforehand.
    ///
    /// # Errors
    ///
    /// As for [`wait`](Self::wait), and [`ContextError::Interrupted`].
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
            // Not by the ring: under steady load it would always suffice, and the signals never be
            // let through.
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

    /// Receives events until `min` completions are there or the timeout is over.
    ///
    /// A separate function, called once for each batch: the loop over the ring has all registers.
    #[inline(never)]
    fn receive(&mut self, min: usize, timeout: Option<Duration>) -> Result<(), ContextError> {
        if self.slots.in_kernel() == 0 {
            return Ok(());
        }
        let timeout = if min == 0 { Some(Duration::ZERO) } else { timeout };
        // What is in the ring costs no call. If it does not suffice, the kernel has no more now.
        if self.drain_ring() && (self.slots.completed() >= min || timeout == Some(Duration::ZERO)) {
            return Ok(());
        }
        self.receive_by_call(min, timeout)
    }

    /// [`receive`](Self::receive), by `io_getevents`.
    fn receive_by_call(
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

    /// Receives events once: `min` of them, unless the timeout or a signal comes first.
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

/// Completes the requests whose events a system call has received, and says how many events name no
/// request in flight; or makes of its errno what it means.
fn record<B, T>(
    slots: &mut Slots<B, T>,
    received: Result<&[IoEvent], ContextError>,
) -> Result<u64, ContextError> {
    match received {
        Ok(events) => Ok(slots.complete_each(events.iter().copied())),
        // The numbers and addresses are right, so it is the context.
        Err(ContextError::Os { errno: Errno::EINVAL, .. }) => Err(ContextError::Gone),
        Err(error) => Err(error),
    }
}

impl Stats {
    /// Counts the events that a call has received and that name no request.
    fn record(&mut self, received: Result<u64, ContextError>) -> Result<(), ContextError> {
        self.spurious += received?;
        Ok(())
    }
}
