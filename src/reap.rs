//! What a [`Context`] does with its completion ring.

use crate::{context::Context, error::ContextError, ring::Ring, width};

impl<B, T, const N: usize> Context<B, T, N> {
    /// Whether [`reap`](Self::reap) would give a completion, found out without a system call.
    ///
    /// Where the ring is not read ([`set_ring`](Self::set_ring)), only the kernel can tell. Then the
    /// answer is `true` if anything is in flight. An event that will turn out to be a stray counts
    /// as well. So take `true` for "reap and see", and `false` for what it says.
    ///
    /// # Errors
    ///
    /// * [`ContextError::Forked`]: the context is the parent's.
    /// * [`ContextError::Gone`]: there is no context any more.
    #[inline]
    pub fn has_completions(&self) -> Result<bool, ContextError> {
        self.core.raw.check()?;
        if self.slots.done() > 0 {
            return Ok(true);
        }
        if self.slots.in_kernel() == 0 {
            return Ok(false);
        }
        Ok(match self.core.peek().map(Ring::is_empty) {
            Some(Ok(empty)) => !empty,
            // There is no ring, or not one to believe in: only the kernel knows.
            _ => true,
        })
    }

    /// Turns reading the completion ring on or off, and says whether it is read from now on. It is
    /// on at first, and a scope keeps to what its context is set to.
    ///
    /// With it, completions are taken from memory that the kernel shares, at the cost of a few loads.
    /// Off, or where the ring cannot be read, `io_getevents` takes them. Which it is makes no
    /// difference but in time and [`stats`](Self::stats). The ring cannot be read
    ///
    /// * before Linux 4.14, which cannot keep it from a forked child (`MADV_WIPEONFORK`);
    /// * where the kernel offers none that this crate knows, as some sandboxes do;
    /// * once it has held what no kernel writes ([`Stats::ring_given_up`]);
    /// * in a forked child.
    ///
    /// [`Stats::ring_given_up`]: crate::Stats::ring_given_up
    ///
    /// # Kernel
    ///
    /// `aio_complete` and `aio_read_events_ring` in `fs/aio.c`; since Linux 2.6.
    pub fn set_ring(&mut self, on: bool) -> bool {
        self.core.ring_on = on;
        self.core.peek().is_some()
    }

    /// Notes the events that are in the ring. Answers `false` if there is no ring to be read; then
    /// nothing is known.
    ///
    /// A function of its own, once a batch: the loop has the registers to itself.
    #[inline(never)]
    pub(crate) fn look(&mut self) -> bool {
        let Some(ring) = self.core.ring() else {
            return false;
        };
        let Ok(events) = ring.drain() else {
            self.core.give_up_ring();
            return false;
        };
        let received = events.len();
        self.core.stats.strays += self.slots.complete_each(events);
        self.core.stats.ring_events += width::to_u64(received);
        true
    }

    /// What must be known before requests are submitted in order to tell, afterwards, how many of
    /// them are complete.
    #[inline]
    pub(crate) fn before_submit(&self) -> BeforeSubmit {
        BeforeSubmit { in_kernel: self.slots.in_kernel(), generation: self.slots.generation() }
    }

    /// Counts how many of the requests that were just submitted are complete.
    #[inline]
    pub(crate) fn note_completed_in_submit(&mut self, before: BeforeSubmit, accepted: usize) {
        if accepted == 0 {
            return;
        }
        let Some(ring) = self.core.ring() else {
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
                let count = width::from_u32(count).min(accepted);
                self.core.stats.completed_in_submit += width::to_u64(count);
            }
            Err(_doubt) => self.core.give_up_ring(),
        }
    }
}

/// What there was before requests were submitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BeforeSubmit {
    in_kernel: usize,
    generation: u32,
}

impl BeforeSubmit {
    /// Whether an event names a request that was given its id since. Ids count up, in their upper
    /// half; fewer than 2^31 are in use at a time.
    #[inline]
    const fn precedes(self, id: u64) -> bool {
        let [.., a, b, c, d] = (id >> 32).to_be_bytes();
        let since = u32::from_be_bytes([a, b, c, d]).wrapping_sub(self.generation);
        since.wrapping_sub(1) < 1 << 31
    }
}
