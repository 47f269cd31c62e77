//! The methods of [`Context`] that use the completion ring.

use super::Context;
use crate::{error::ContextError, ring::Ring, types::cast};

impl<B, T> Context<B, T> {
    /// Returns whether [`reap`](Self::reap) may return a completion, without a system call.
    ///
    /// `false` means that `reap` would return none. `true` means that it may return one: if the
    /// ring is not read ([`reads_ring`](Self::reads_ring)), the result is `true` whenever a request
    /// is in flight; and events that belong to no request count too.
    ///
    /// ```
    /// use linux_aio::{Context, PageBuf, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = std::fs::File::open("/proc/self/exe")?;
    /// let mut cx = Context::<PageBuf, ()>::new(1)?;
    /// assert!(!cx.has_completions()?);
    /// cx.submit_one(Request::read(&file, PageBuf::new(4096)?, 0))?;
    /// while !cx.has_completions()? {
    ///     std::thread::yield_now(); // something else to do
    /// }
    /// assert!(cx.reap_one()?.is_some());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// * [`ContextError::Forked`]: the context belongs to the parent.
    /// * [`ContextError::Gone`]: the context does not exist any more.
    #[inline]
    pub fn has_completions(&self) -> Result<bool, ContextError> {
        self.inner.raw().check()?;
        if self.slots.completed() > 0 {
            return Ok(true);
        }
        if self.slots.in_kernel() == 0 {
            return Ok(false);
        }
        Ok(match self.inner.peek_ring().map(Ring::is_empty) {
            Some(Ok(empty)) => !empty,
            // There is no ring, or it is inconsistent.
            _ => true,
        })
    }

    /// Turns reading of the completion ring on or off. It is on by default. A scope has the setting
    /// of its context.
    ///
    /// If it is on, completions are read from memory that the kernel shares, which takes a few
    /// loads. If it is off, or the ring cannot be read ([`reads_ring`](Self::reads_ring)),
    /// `io_getevents` is called. The only differences are the time and the [`stats`](Self::stats).
    ///
    /// ```
    /// use linux_aio::{Context, PageBuf};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let mut cx = Context::<PageBuf, ()>::new(1)?;
    /// cx.use_ring(false); // to see each wait in strace, for example
    /// assert!(!cx.reads_ring());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Kernel
    ///
    /// `aio_complete` and `aio_read_events_ring` in `fs/aio.c`; since Linux 2.6.
    pub const fn use_ring(&mut self, on: bool) {
        self.inner.set_use_ring(on);
    }

    /// Returns whether completions are read from the ring, without a system call. They are not read
    /// from the ring
    ///
    /// * if that is [turned off](Self::use_ring);
    /// * before Linux 4.14, where forked children cannot be detected (`MADV_WIPEONFORK`);
    /// * if the kernel, or a sandbox that emulates it, has no ring with a layout that this crate
    ///   knows;
    /// * after the ring was inconsistent ([`Stats::ring_given_up`]);
    /// * in a forked child.
    ///
    /// [`Stats::ring_given_up`]: crate::Stats::ring_given_up
    #[must_use]
    pub fn reads_ring(&self) -> bool {
        self.inner.peek_ring().is_some()
    }

    /// Takes the events that are in the ring. Returns `false` if the ring is not read; there may be
    /// events then.
    #[inline]
    pub(super) fn drain_ring(&mut self) -> bool {
        let Some(ring) = self.inner.ring() else {
            return false;
        };
        let Ok(events) = ring.drain() else {
            self.inner.abandon_ring();
            return false;
        };
        let received = events.len();
        self.inner.stats.spurious += self.slots.complete_each(events);
        self.inner.stats.ring_events += cast::to_u64(received);
        true
    }

    /// Returns the state before a submission, from which
    /// [`record_completed_in_submit`](Self::record_completed_in_submit) determines the number of
    /// requests that have completed since.
    #[inline]
    pub(super) fn before_submit(&self) -> BeforeSubmit {
        BeforeSubmit { in_kernel: self.slots.in_kernel(), generation: self.slots.generation() }
    }

    /// Records how many of the requests that were just submitted have completed.
    #[inline]
    pub(super) fn record_completed_in_submit(&mut self, before: BeforeSubmit, accepted: usize) {
        if accepted == 0 {
            return;
        }
        let Some(ring) = self.inner.ring() else {
            return;
        };
        let complete = if before.in_kernel == 0 {
            // All events in the ring belong to this submission.
            ring.len()
        } else {
            ring.count_new(|event| before.precedes(event.data))
        };
        match complete {
            // At most `accepted` events can belong to this submission.
            Ok(count) => {
                let count = cast::from_u32(count).min(accepted);
                self.inner.stats.completed_in_submit += cast::to_u64(count);
            }
            Err(_inconsistent) => self.inner.abandon_ring(),
        }
    }
}

/// The state of a context before a submission.
#[derive(Clone, Copy, Debug)]
pub(super) struct BeforeSubmit {
    in_kernel: usize,
    generation: u32,
}

impl BeforeSubmit {
    /// Returns whether a request got its id after this state. Ids increase in their upper half, and
    /// fewer than 2^31 are in use at a time.
    #[inline]
    const fn precedes(self, id: u64) -> bool {
        let since = cast::high_32(id).wrapping_sub(self.generation);
        since.wrapping_sub(1) < 1 << 31
    }
}
