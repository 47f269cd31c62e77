//! What a [`Context`] does with its completion ring.

use super::Context;
use crate::{error::ContextError, ring::Ring, types::cast};

impl<B, T> Context<B, T> {
    /// Whether [`reap`](Self::reap) would give a completion, found out without a system call.
    ///
    /// Where the ring is not read ([`reads_ring`](Self::reads_ring)), only the kernel can tell. Then the
    /// answer is `true` if anything is in flight. An event that matches no request counts as well. So
    /// `true` means that reaping may give something, and `false` that it would not.
    ///
    /// # Errors
    ///
    /// * [`ContextError::Forked`]: the context is the parent's.
    /// * [`ContextError::Gone`]: there is no context any more.
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
            // There is no ring, or an inconsistent one: only the kernel knows.
            _ => true,
        })
    }

    /// Turns reading the completion ring on or off. It is on at first, and a scope keeps to what its
    /// context is set to.
    ///
    /// With it, completions are taken from memory that the kernel shares, at the cost of a few loads.
    /// Off, or where the ring cannot be read ([`reads_ring`](Self::reads_ring)), `io_getevents` takes
    /// them. Which it is makes no difference but in time and [`stats`](Self::stats).
    ///
    /// # Kernel
    ///
    /// `aio_complete` and `aio_read_events_ring` in `fs/aio.c`; since Linux 2.6.
    pub const fn use_ring(&mut self, on: bool) {
        self.inner.set_use_ring(on);
    }

    /// Whether completions are read from the ring, without a system call. They are not
    ///
    /// * if that is [turned off](Self::use_ring);
    /// * before Linux 4.14, which cannot keep the ring from a forked child (`MADV_WIPEONFORK`);
    /// * where the kernel offers no ring that this crate knows, as some sandboxes do;
    /// * once the ring has held what no kernel writes ([`Stats::ring_given_up`]);
    /// * in a forked child.
    ///
    /// [`Stats::ring_given_up`]: crate::Stats::ring_given_up
    #[must_use]
    pub fn reads_ring(&self) -> bool {
        self.inner.peek_ring().is_some()
    }

    /// Takes the events that are in the ring. Answers `false` if there is no ring to be read; then
    /// nothing is known.
    #[inline]
    pub(super) fn drain_ring(&mut self) -> bool {
        let Some(ring) = self.inner.ring() else {
            return false;
        };
        let Ok(events) = ring.drain() else {
            self.inner.give_up_ring();
            return false;
        };
        let received = events.len();
        self.inner.stats.spurious += self.slots.complete_each(events);
        self.inner.stats.ring_events += cast::to_u64(received);
        true
    }

    /// What must be known before requests are submitted in order to tell, afterwards, how many of
    /// them are complete.
    #[inline]
    pub(super) fn before_submit(&self) -> BeforeSubmit {
        BeforeSubmit { in_kernel: self.slots.in_kernel(), generation: self.slots.generation() }
    }

    /// Counts how many of the requests that were just submitted are complete.
    #[inline]
    pub(super) fn record_completed_in_submit(&mut self, before: BeforeSubmit, accepted: usize) {
        if accepted == 0 {
            return;
        }
        let Some(ring) = self.inner.ring() else {
            return;
        };
        let complete = if before.in_kernel == 0 {
            // Whatever is there belongs to this submission.
            ring.len()
        } else {
            ring.count_new(|event| before.precedes(event.data))
        };
        match complete {
            // Accepted is the most there can be, whatever stands in the ring.
            Ok(count) => {
                let count = cast::from_u32(count).min(accepted);
                self.inner.stats.completed_in_submit += cast::to_u64(count);
            }
            Err(_inconsistent) => self.inner.give_up_ring(),
        }
    }
}

/// What there was before requests were submitted.
#[derive(Clone, Copy, Debug)]
pub(super) struct BeforeSubmit {
    in_kernel: usize,
    generation: u32,
}

impl BeforeSubmit {
    /// Whether an event names a request that was given its id since. Ids count up, in their upper
    /// half; fewer than 2^31 are in use at a time.
    #[inline]
    const fn precedes(self, id: u64) -> bool {
        let since = cast::high_32(id).wrapping_sub(self.generation);
        since.wrapping_sub(1) < 1 << 31
    }
}
