//! [`SignalSet`] and [`Context::wait_with_mask`]: a wait that signals may end.

use crate::{
    completion::Completions, context::Context, errno::Errno, error::ContextError, memory::Memory,
};
use core::{fmt, time::Duration};

/// A set of signals, as the kernel has it: 8 bytes, signal 1 in bit 0.
///
/// (The C library's `sigset_t` is larger. Its first 8 bytes are these.)
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct SignalSet(u64);

const _: () = assert!(size_of::<SignalSet>() == 8);

impl SignalSet {
    /// No signal.
    pub const EMPTY: Self = Self(0);
    /// Every signal. (The kernel never blocks `SIGKILL` and `SIGSTOP`. C libraries need one or two of
    /// the first real-time signals, 32 to 34, for themselves; they are served when the wait is over.)
    pub const ALL: Self = Self(!0);

    /// The set with this signal, 1 to 64; `None` for any other number.
    #[must_use]
    pub const fn with(self, signal: i32) -> Option<Self> {
        match signal {
            1..=64 => Some(Self(self.0 | 1 << (signal - 1))),
            _ => None,
        }
    }

    /// The set without this signal, 1 to 64; `None` for any other number.
    #[must_use]
    pub const fn without(self, signal: i32) -> Option<Self> {
        match signal {
            1..=64 => Some(Self(self.0 & !(1 << (signal - 1)))),
            _ => None,
        }
    }

    /// Whether this signal is in the set.
    #[must_use]
    pub const fn contains(self, signal: i32) -> bool {
        matches!(signal, 1..=64) && self.0 >> (signal - 1) & 1 == 1
    }

    /// The set as the kernel has it.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The set of these bits.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl fmt::Debug for SignalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries((1..=64).filter(|&signal| self.contains(signal))).finish()
    }
}

impl<B, T, const N: usize> Context<B, T, N> {
    /// Waits like [`wait`](Self::wait), but with another signal mask, and until a signal arrives that
    /// the mask lets through.
    ///
    /// `blocked` takes the place of the thread's mask for the time of the wait, atomically. The usual
    /// way: block a signal, look at the flag that its handler sets, and wait with the signal unblocked.
    /// It ends the wait whenever it comes after the flag was looked at.
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
            let missing = min.saturating_sub(self.slots.done());
            match self.pgetevents(missing, timeout, blocked) {
                Err(error) if self.slots.done() == 0 => return Err(error),
                _ => {}
            }
        }
        Ok(Completions::new(&mut self.slots, &mut self.core.stats.completed))
    }

    /// Receives events once, with the mask in force.
    fn pgetevents(
        &mut self,
        min: usize,
        timeout: Option<Duration>,
        blocked: SignalSet,
    ) -> Result<(), ContextError> {
        let room = Memory::<B, T, N>::events(&mut self.core.pages);
        self.core.stats.system_calls += 1;
        match self.core.raw.pgetevents(min, room, timeout, blocked) {
            Ok(events) => {
                for event in events {
                    if !self.slots.complete(event) {
                        self.core.stats.strays += 1;
                    }
                }
                Ok(())
            }
            Err(ContextError::Os { errno: Errno::EINTR, .. }) => Err(ContextError::Interrupted),
            Err(ContextError::Os { errno: Errno::EINVAL, .. }) => Err(ContextError::Gone),
            Err(error) => Err(error),
        }
    }
}
