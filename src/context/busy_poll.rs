//! [`BusyPoll`]: waits that look at the completion ring for some time before they sleep.

use super::{Context, inner::Inner};
use crate::{
    error::ContextError,
    ring::Ring,
    sys::{self, clock::Deadline},
    types::cast,
};
use core::{hint, time::Duration};

/// Whether a wait polls the completion ring before it sleeps in `io_getevents`, see
/// [`Context::set_busy_poll`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BusyPoll {
    /// A wait sleeps at once if the ring does not have enough events.
    #[default]
    Off,
    /// Each wait polls for up to this long.
    Always(Duration),
    /// A wait polls for up to this long where it is likely to pay off: not while eight or more
    /// other requests keep the device busy, and, after waits that have polled in vain, only in one
    /// wait of 2, 4, 8, and so on up to 1024.
    Adaptive(Duration),
}

impl<B, T> Context<B, T> {
    /// Makes waits poll the completion ring before they sleep. This is off at first. A scope has the
    /// setting of its context.
    ///
    /// To sleep and be woken takes several microseconds, and more on a virtual machine. Fast disks
    /// complete a read in a time of the same order. A program with one to four requests in flight
    /// gets more of them done if it polls instead, and it uses the CPU meanwhile. With 16 or more in
    /// flight nothing is gained. About 150 µs suit a fast disk, with
    /// [`Adaptive`](BusyPoll::Adaptive), which costs little where polling does not help.
    ///
    /// ```
    /// use linux_aio::{BusyPoll, Context, PageBuf, Request};
    /// use std::time::Duration;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::tempfile()?;
    /// let mut cx = Context::<PageBuf, ()>::new(4)?;
    /// cx.set_busy_poll(BusyPoll::Adaptive(Duration::from_micros(150)));
    /// cx.submit_one(Request::read(&file, PageBuf::new(4096)?, 0))?;
    /// let done = cx.wait_one(None)?;
    /// println!("{done:?}: {} waits did not sleep", cx.stats().busy_poll_hits);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Polling makes no system call, except that a wait with a timeout reads the clock. Its time is
    /// counted in rounds of a loop, whose length this method measures; that takes less than a
    /// millisecond. So the time is approximate, and longer if the CPU has become slower. The deadline
    /// of a wait is kept to within 64 µs of polling. Where a sandbox forbids `clock_gettime`, only
    /// waits without a timeout poll.
    ///
    /// Polling has no effect if the ring is not read ([`reads_ring`](Self::reads_ring)), which
    /// [`busy_polls`](Self::busy_polls) returns, in [`wait_with_mask`](Self::wait_with_mask), and in
    /// methods that do not wait.
    pub fn set_busy_poll(&mut self, busy_poll: BusyPoll) {
        self.inner.set_busy_poll(busy_poll);
        self.receive_polling = Self::receive_polling_of(&self.inner);
    }

    /// Returns whether waits may poll before they sleep: [`set_busy_poll`](Self::set_busy_poll) has
    /// turned it on, and the ring is read.
    #[must_use]
    pub fn busy_polls(&self) -> bool {
        self.inner.busy_poll.rounds > 0 && self.reads_ring()
    }

    /// Returns the function that receives events, if the waits of a context with this `inner` poll.
    pub(super) fn receive_polling_of(inner: &Inner) -> Option<Receive<B, T>> {
        (inner.busy_poll.rounds > 0).then_some(Self::receive_polling)
    }

    /// Receives events until `min` completions are available or the timeout expires, after
    /// [`receive`](Self::receive) has found that the ring does not have enough.
    fn receive_polling(
        &mut self,
        min: usize,
        mut timeout: Option<Duration>,
    ) -> Result<(), ContextError> {
        let missing = min.saturating_sub(self.slots.completed());
        let staying = self.slots.in_kernel().saturating_sub(missing);
        if self.inner.poll_ring(missing, staying, &mut timeout)
            && self.drain_ring()
            && self.slots.completed() >= min
        {
            return Ok(());
        }
        self.receive_by_call(min, timeout)
    }
}

/// A method that receives events until there are enough completions, or the timeout expires.
pub(super) type Receive<B, T> =
    fn(&mut Context<B, T>, usize, Option<Duration>) -> Result<(), ContextError>;

/// The setting of a context, and what its waits have learned.
#[derive(Debug)]
pub(super) struct Poller {
    /// How many rounds a wait polls, 0 if it does not.
    rounds: u32,
    /// How many rounds take [`SLICE`].
    slice_rounds: u32,
    adaptive: bool,
    /// How many waits in a row, of those that polled, have polled in vain; at most [`MAX_FAILURES`].
    failures: u8,
    /// How many waits are still to come that do not poll.
    skip: u16,
}

/// The longest time between two looks at the clock, if there is a timeout.
const SLICE: Duration = Duration::from_micros(64);

/// The number of requests that keep a device busy while a program wakes up.
const BUSY: usize = 8;

/// After this many failures, one wait of `2^MAX_FAILURES` polls.
const MAX_FAILURES: u8 = 10;

impl Poller {
    pub(super) const OFF: Self =
        Self { rounds: 0, slice_rounds: 0, adaptive: false, failures: 0, skip: 0 };

    /// Returns whether this wait polls.
    const fn begins(&mut self, staying: usize) -> bool {
        if !self.adaptive {
            return true;
        }
        if staying >= BUSY {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        true
    }

    /// Records whether polling has succeeded.
    const fn learn(&mut self, hit: bool) {
        if hit {
            self.failures = 0;
        } else {
            if self.failures < MAX_FAILURES {
                self.failures += 1;
            }
            self.skip = (1 << self.failures) - 1;
        }
    }

    /// Returns the number of rounds that take this long.
    fn rounds_in(&self, time: Duration) -> u32 {
        let rounds = u64::from(self.slice_rounds).saturating_mul(nanos(time)) / nanos(SLICE);
        u32::try_from(rounds).unwrap_or(u32::MAX)
    }
}

impl Inner {
    fn set_busy_poll(&mut self, busy_poll: BusyPoll) {
        let (limit, adaptive) = match busy_poll {
            BusyPoll::Off => return self.busy_poll = Poller::OFF,
            BusyPoll::Always(limit) => (limit, false),
            BusyPoll::Adaptive(limit) => (limit, true),
        };
        let slice_rounds = self.ring().map_or(DEFAULT_SLICE_ROUNDS, measure_slice);
        let poller = Poller { adaptive, slice_rounds, ..Poller::OFF };
        self.busy_poll = Poller { rounds: poller.rounds_in(limit).max(1), ..poller };
    }

    /// Polls until the ring has `missing` events, and returns whether it has. `staying` is the number
    /// of requests that will still be in flight then. Reduces the timeout by the time that has passed.
    fn poll_ring(
        &mut self,
        missing: usize,
        staying: usize,
        timeout: &mut Option<Duration>,
    ) -> bool {
        if self.ring().is_none() || !self.busy_poll.begins(staying) {
            return false;
        }
        let mut deadline = Deadline::after(*timeout);
        if matches!(deadline, Deadline::Left(_)) {
            return false; // The clock cannot be read.
        }
        let mut left = self.busy_poll.rounds;
        let hit = loop {
            let slice = match *timeout {
                None => left,
                Some(time) => {
                    left.min(self.busy_poll.slice_rounds).min(self.busy_poll.rounds_in(time).max(1))
                }
            };
            let Some(ring) = self.ring() else {
                return false;
            };
            if poll_rounds(ring, missing, slice) {
                break true;
            }
            left -= slice;
            *timeout = deadline.next_wait();
            if left == 0 || *timeout == Some(Duration::ZERO) {
                break false;
            }
        };
        self.busy_poll.learn(hit);
        if hit {
            self.stats.busy_poll_hits += 1;
        } else {
            self.stats.busy_poll_misses += 1;
        }
        hit
    }
}

/// The number of rounds in [`SLICE`] if it cannot be measured: 64 ns for each.
const DEFAULT_SLICE_ROUNDS: u32 = 1000;

/// How many rounds are measured.
const MEASURED: u32 = 200;

/// Measures how many rounds of polling take [`SLICE`].
fn measure_slice(ring: &mut Ring) -> u32 {
    let mut shortest = None;
    // If the thread is interrupted, it takes longer.
    for _ in 0..5 {
        let Some(start) = sys::monotonic() else {
            return DEFAULT_SLICE_ROUNDS;
        };
        let _never = poll_rounds(ring, usize::MAX, MEASURED);
        let time = sys::monotonic().map(|now| now.saturating_sub(start));
        shortest = match (shortest, time) {
            (Some(before), Some(time)) => Some(Duration::min(before, time)),
            (before, time) => before.or(time),
        };
    }
    slice_rounds(shortest.unwrap_or_default())
}

/// Returns how many rounds take [`SLICE`], if [`MEASURED`] rounds have taken this long.
///
/// A coarse clock (the clock source `jiffies`) does not advance in so short a time: the result is the
/// default then. A round takes at least a nanosecond. So no error of the clock makes a wait poll much
/// longer than it was told to.
fn slice_rounds(time: Duration) -> u32 {
    if time.is_zero() {
        return DEFAULT_SLICE_ROUNDS;
    }
    let measured = u64::from(MEASURED);
    let rounds = measured * nanos(SLICE) / nanos(time).max(measured);
    u32::try_from(rounds).unwrap_or(DEFAULT_SLICE_ROUNDS).max(1)
}

/// Returns the length of a time in nanoseconds. (`Duration::as_nanos` has 128 bits, and dividing them
/// needs a function of a C library.)
fn nanos(time: Duration) -> u64 {
    let seconds = time.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(u64::from(time.subsec_nanos()))
}

/// Polls for a number of rounds, until the ring has `missing` events. Returns whether it has. An
/// inconsistent ring has none.
fn poll_rounds(ring: &mut Ring, missing: usize, rounds: u32) -> bool {
    for _ in 0..rounds {
        match ring.len() {
            Ok(len) if cast::from_u32(len) >= missing => return true,
            Ok(_) => hint::spin_loop(),
            Err(_inconsistent) => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT_SLICE_ROUNDS, MAX_FAILURES, Poller, SLICE, slice_rounds};
    use core::time::Duration;

    #[test]
    fn time_of_a_round_is_measured_within_bounds() {
        assert_eq!(slice_rounds(Duration::from_micros(10)), 1280); // 50 ns a round
        assert_eq!(slice_rounds(Duration::ZERO), DEFAULT_SLICE_ROUNDS);
        assert_eq!(u128::from(slice_rounds(Duration::from_nanos(1))), SLICE.as_nanos());
        assert_eq!(slice_rounds(Duration::MAX), 1);
    }

    #[test]
    fn rounds_of_any_time_are_in_range() {
        let poller = Poller { slice_rounds: u32::MAX, ..Poller::OFF };
        assert_eq!(poller.rounds_in(Duration::ZERO), 0);
        assert_eq!(poller.rounds_in(SLICE), u32::MAX);
        assert_eq!(poller.rounds_in(Duration::MAX), u32::MAX);
    }

    #[test]
    fn one_wait_of_1024_polls_in_the_end() {
        let mut poller = Poller { adaptive: true, ..Poller::OFF };
        let mut waits_between = || {
            poller.learn(false);
            (0..).take_while(|_| !poller.begins(0)).count()
        };
        let pauses = [(); 13].map(|()| waits_between());
        assert_eq!(pauses[..4], [1, 3, 7, 15]);
        assert_eq!(pauses[9..], [1023; 4]);
        assert_eq!(1 << MAX_FAILURES, 1024);
        poller.learn(true);
        assert!(poller.begins(0), "it has succeeded");
        poller.learn(false);
        assert_eq!((0..).take_while(|_| !poller.begins(0)).count(), 1);
    }
}
