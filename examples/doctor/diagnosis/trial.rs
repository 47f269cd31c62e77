//! [`Trial`]: requests of one kind, and where they spent their time.

use super::Histogram;
use core::{fmt, time::Duration};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Requests of one kind, in calls of `io_submit` that are alike.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Trial {
    pub(crate) way: Way,
    /// How many requests each call of `io_submit` has. A sample is a call.
    pub(crate) at_once: usize,
    pub(crate) target: Target,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// A way to access a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Way {
    DirectRead,
    DirectReadNowait,
    /// More reads at once than the queue of the device takes.
    DirectReadBurst,
    DirectOverwrite,
    DirectOverwriteNowait,
    /// Writes to blocks that were reserved by `fallocate` and not written.
    DirectPreallocated,
    /// Writes to a hole.
    DirectHole,
    /// Writes at the end of the file.
    DirectExtend,
    /// Reads whose offset is odd.
    DirectUnaligned,
    BufferedRead,
    BufferedOverwrite,
}

impl Way {
    pub(crate) const fn is_direct(self) -> bool {
        !matches!(self, Self::BufferedRead | Self::BufferedOverwrite)
    }

    pub(crate) const fn is_read(self) -> bool {
        matches!(
            self,
            Self::DirectRead
                | Self::DirectReadNowait
                | Self::DirectReadBurst
                | Self::DirectUnaligned
                | Self::BufferedRead
        )
    }

    pub(crate) const fn is_nowait(self) -> bool {
        matches!(self, Self::DirectReadNowait | Self::DirectOverwriteNowait)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::DirectRead => "direct reads",
            Self::DirectReadNowait => "direct reads with NOWAIT",
            Self::DirectReadBurst => "many direct reads at once",
            Self::DirectOverwrite => "direct overwrites",
            Self::DirectOverwriteNowait => "direct overwrites with NOWAIT",
            Self::DirectPreallocated => "direct writes to preallocated blocks",
            Self::DirectHole => "direct writes to a hole",
            Self::DirectExtend => "direct writes that extend the file",
            Self::DirectUnaligned => "unaligned direct reads",
            Self::BufferedRead => "buffered reads",
            Self::BufferedOverwrite => "buffered overwrites",
        })
    }
}

/// The file of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Target {
    /// The path that was given. It is only read.
    Path,
    /// A temporary file in its directory.
    Scratch,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Measured(Samples),
    /// The file system refuses `O_DIRECT`, with this errno.
    NoDirect(String),
    /// It could not be tried, for this reason.
    Untried(String),
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// The time inside of `io_submit`.
    pub(crate) inside: Duration,
    /// The time from the start of `io_submit` until the completion was received.
    pub(crate) total: Duration,
    /// Whether the request had completed when `io_submit` returned.
    pub(crate) done: bool,
    /// Whether the thread slept inside of `io_submit`.
    pub(crate) slept: bool,
    /// Whether the scheduler took the processor away inside of `io_submit`.
    pub(crate) preempted: bool,
}

/// The requests of a trial.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Samples {
    /// In flight when `io_submit` returned, which had not slept.
    pub(crate) asynchronous: u64,
    /// Completed when `io_submit` returned, which had slept.
    pub(crate) waited: u64,
    /// Completed when `io_submit` returned, which had not slept.
    pub(crate) completed: u64,
    /// In flight when `io_submit` returned, which had slept.
    pub(crate) blocked: u64,
    /// Completed when `io_submit` returned, but the thread was preempted in it, and the request may
    /// have completed meanwhile.
    pub(crate) preempted: u64,
    /// Failed requests, by the name of the errno.
    pub(crate) failed: BTreeMap<String, u64>,
    /// The time inside of `io_submit`.
    pub(crate) inside: Histogram,
    /// The time until the completion.
    pub(crate) total: Histogram,
}

impl Samples {
    pub(crate) fn add(&mut self, sample: Sample) {
        let Sample { inside, total, done, slept, preempted } = sample;
        self.inside.add(inside);
        self.total.add(total);
        *match (done, slept) {
            (true, false) if preempted => &mut self.preempted,
            (false, false) => &mut self.asynchronous,
            (true, true) => &mut self.waited,
            (true, false) => &mut self.completed,
            (false, true) => &mut self.blocked,
        } += 1;
    }

    pub(crate) fn add_failed(&mut self, errno: &str) {
        *self.failed.entry(errno.to_owned()).or_default() += 1;
    }

    /// How many requests succeeded.
    pub(crate) fn succeeded(&self) -> u64 {
        self.inside.total()
    }

    /// The errno that most failed requests had.
    pub(crate) fn usual_errno(&self) -> Option<&str> {
        let most = self.failed.iter().max_by_key(|&(_, count)| count)?;
        Some(most.0)
    }
}
