//! [`Context::reap`], [`Context::wait`] and [`Context::wait_with_mask`]: from the kernel to
//! completions.

use crate::{
    abi::IoEvent, completion::Completions, context::Context, deadline::Deadline, errno::Errno,
    error::ContextError, memory::Memory, signals::SignalSet, slots::Slots, stats::Stats,
};
use core::time::Duration;

impl<B, T, const N: usize> Context<B, T, N> {
    /// Takes the completions there are, without waiting.
    ///
    /// No system call is made where the completion ring can be read, see
    /// [`set_ring`](Self::set_ring).
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
    /// * `min` beyond what is outstanding means all that is: the wait always ends. With 0 it does
    ///   not wait.
    /// * `timeout` of `None` waits for ever, and of zero not at all. Afterwards there may be fewer
    ///   than `min` completions, or none; this is not an error. Time is that of the monotonic
    ///   clock, from now.
    /// * Completions that an earlier iterator left count: if they suffice, the kernel is not asked.
    ///   Nor is it if there are enough in the completion ring, where that can be read, see
    ///   [`set_ring`](Self::set_ring).
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
        self.core.raw.check()?;
        let min = min.min(self.slots.outstanding());
        if min == 0 || self.slots.done() < min {
            match self.receive(min, timeout) {
                Err(error) if self.slots.done() == 0 => return Err(error),
                // What is there comes first. The error will be back if it lasts.
                _ => {}
            }
        }
        Ok(Completions::new(&mut self.slots))
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
        self.core.raw.check()?;
        let min = min.min(self.slots.outstanding());
        if self.slots.in_kernel() > 0 && (min == 0 || self.slots.done() < min) {
            // Not by the ring: under steady load it would always suffice, and the signals never be
            // let through.
            let missing = min.saturating_sub(self.slots.done());
            let room = Memory::<B, T, N>::events(&mut self.core.pages);
            self.core.stats.system_calls += 1;
            let received = match self.core.raw.pgetevents(missing, room, timeout, blocked) {
                Err(ContextError::Os { errno: Errno::EINTR, .. }) => Err(ContextError::Interrupted),
                received => note(&mut self.slots, &mut self.core.stats, received),
            };
            match received {
                Err(error) if self.slots.done() == 0 => return Err(error),
                _ => {}
            }
        }
        Ok(Completions::new(&mut self.slots))
    }

    /// Receives events until `min` completions are there or the timeout is over.
    fn receive(&mut self, min: usize, timeout: Option<Duration>) -> Result<(), ContextError> {
        if self.slots.in_kernel() == 0 {
            return Ok(());
        }
        let timeout = if min == 0 { Some(Duration::ZERO) } else { timeout };
        // What is in the ring costs no call. If it does not suffice, the kernel has no more now.
        if self.look() && (self.slots.done() >= min || timeout == Some(Duration::ZERO)) {
            return Ok(());
        }
        let deadline = Deadline::after(timeout);
        let mut left = timeout;
        loop {
            self.getevents(min.saturating_sub(self.slots.done()), left)?;
            if self.slots.done() >= min {
                return Ok(());
            }
            left = deadline.left();
            if left == Some(Duration::ZERO) {
                return Ok(());
            }
        }
    }

    /// Receives events once: `min` of them, unless the timeout or a signal comes first.
    pub(crate) fn getevents(
        &mut self,
        min: usize,
        timeout: Option<Duration>,
    ) -> Result<(), ContextError> {
        let room = Memory::<B, T, N>::events(&mut self.core.pages);
        self.core.stats.system_calls += 1;
        match self.core.raw.getevents(min, room, timeout) {
            Err(ContextError::Os { errno: Errno::EINTR, .. }) => Ok(()),
            received => note(&mut self.slots, &mut self.core.stats, received),
        }
    }
}

/// Notes the events that a system call has received, or makes of its errno what it means.
fn note<B, T>(
    slots: &mut Slots<B, T>,
    stats: &mut Stats,
    received: Result<&[IoEvent], ContextError>,
) -> Result<(), ContextError> {
    match received {
        Ok(events) => {
            stats.strays += slots.complete_each(events.iter().copied());
            Ok(())
        }
        // The numbers and addresses are right, so it is the context.
        Err(ContextError::Os { errno: Errno::EINVAL, .. }) => Err(ContextError::Gone),
        Err(error) => Err(error),
    }
}
