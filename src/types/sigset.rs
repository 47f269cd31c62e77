//! [`SignalSet`]: a set of signals in the kernel's format.

use core::fmt;

/// A set of signals in the kernel's format: 8 bytes, signal 1 in bit 0.
///
/// (The C library's `sigset_t` is larger. Its first 8 bytes are these.)
///
/// ```
/// use linux_aio::SignalSet;
///
/// let stop = SignalSet::EMPTY.with(2).and_then(|set| set.with(15)).unwrap(); // SIGINT, SIGTERM
/// assert!(stop.contains(15) && !stop.contains(1));
/// assert_eq!(stop.bits(), 1 << 1 | 1 << 14);
/// assert_eq!(SignalSet::from_bits(1 << 1), stop.without(15).unwrap());
/// assert_eq!(SignalSet::EMPTY.with(65), None);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct SignalSet(u64);

const _: () = assert!(size_of::<SignalSet>() == 8);

impl SignalSet {
    /// No signal.
    pub const EMPTY: Self = Self(0);
    /// Every signal. (The kernel never blocks `SIGKILL` and `SIGSTOP`. C libraries use some of the
    /// signals 32 to 34 internally; while these are blocked, they are delivered after the wait.)
    pub const ALL: Self = Self(!0);

    /// Returns the set with this signal, 1 to 64; `None` for any other number.
    #[must_use]
    pub const fn with(self, signal: i32) -> Option<Self> {
        match signal {
            1..=64 => Some(Self(self.0 | 1 << (signal - 1))),
            _ => None,
        }
    }

    /// Returns the set without this signal, 1 to 64; `None` for any other number.
    #[must_use]
    pub const fn without(self, signal: i32) -> Option<Self> {
        match signal {
            1..=64 => Some(Self(self.0 & !(1 << (signal - 1)))),
            _ => None,
        }
    }

    /// Returns whether this signal is in the set.
    #[must_use]
    pub const fn contains(self, signal: i32) -> bool {
        matches!(signal, 1..=64) && self.0 >> (signal - 1) & 1 == 1
    }

    /// Returns the set in the kernel's format.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Makes a set from the kernel's format.
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
