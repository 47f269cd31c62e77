//! [`Judgement`]: whether the requests of a trial were asynchronous.

use super::{Outcome, Samples};
use core::fmt;
use serde::{Deserialize, Serialize};

/// Whether requests were asynchronous.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Judgement {
    /// `io_submit` returns without waiting, and the requests complete later.
    Asynchronous,
    /// `io_submit` waits for some of them.
    Partly,
    /// `io_submit` waits until they have completed.
    Waits,
    /// They complete inside of `io_submit`, which need not wait for a device.
    Inside,
    /// `io_submit` waits for something else, and they complete later.
    Blocks,
    /// They fail with this errno.
    Fails(String),
    /// The file system refuses `O_DIRECT`, with this errno.
    NoDirect(String),
    /// This could not be tried.
    Untried,
}

impl Judgement {
    pub(crate) fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Untried(_) => Self::Untried,
            Outcome::NoDirect(errno) => Self::NoDirect(errno.clone()),
            Outcome::Measured(samples) => Self::of_samples(samples),
        }
    }

    fn of_samples(samples: &Samples) -> Self {
        let &Samples { asynchronous, waited, completed, blocked, preempted, ref failed, .. } =
            samples;
        let failures: u64 = failed.values().sum();
        if failures > samples.succeeded() {
            return Self::Fails(samples.usual_errno().unwrap_or("?").to_owned());
        }
        let clear = asynchronous + waited + completed + blocked;
        if preempted > clear {
            // Chance does not preempt a call of some microseconds that often: the thread that works
            // for the device runs as soon as it is woken, on the same processor.
            return Self::Asynchronous;
        }
        if clear == 0 {
            return Self::Untried;
        }
        let share = |part: u64, percent: u64| part * 100 >= clear * percent;
        let slept = waited + blocked;
        if share(waited + completed, 90) {
            if share(waited, 10) { Self::Waits } else { Self::Inside }
        } else if share(slept, 50) {
            Self::Blocks
        } else if share(slept, 10) {
            Self::Partly
        } else {
            // Those that complete early without sleep show how fast the device is.
            Self::Asynchronous
        }
    }

    /// Whether it says how requests are executed.
    pub(crate) const fn is_known(&self) -> bool {
        !matches!(self, Self::Untried)
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asynchronous => f.pad("asynchronous"),
            Self::Partly => f.pad("partly asynchronous"),
            Self::Waits => f.pad("inside io_submit, waits"),
            Self::Inside => f.pad("inside io_submit"),
            Self::Blocks => f.pad("io_submit waits"),
            Self::Fails(errno) => f.pad(&format!("fails: {errno}")),
            Self::NoDirect(errno) => f.pad(&format!("no O_DIRECT: {errno}")),
            Self::Untried => f.pad("not tried"),
        }
    }
}
