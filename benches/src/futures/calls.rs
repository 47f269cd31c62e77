//! [`Counter`]: counts system calls.

use super::{child::Child, participants::ON_THREADS, work::Job};
use crate::built;
use anyhow::{Context as _, Result, ensure};
use std::{fs, path::Path, process::Command};

/// What counts the system calls of a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counter {
    /// `perf stat`, which slows nothing down.
    Perf,
    /// `strace`. It slows system calls down so much that threads make many more of them than otherwise,
    /// so those on several threads are not counted.
    Strace,
}

/// The event of perf: a system call.
const EVENT: &str = "raw_syscalls:sys_enter";

impl Counter {
    /// perf, if it is installed and may be used.
    pub(super) fn find() -> Self {
        let counted = built::run(Command::new("perf").args(["stat", "-e", EVENT, "true"]));
        if counted.is_ok() { Self::Perf } else { Self::Strace }
    }

    /// What to know about the figures.
    pub(super) fn note(self) -> &'static str {
        match self {
            Self::Perf => "Counted by perf, for all threads.",
            Self::Strace => {
                "Counted by strace, which slows system calls down, so that more requests complete between \
                 two calls than otherwise. Threads then make many more calls than otherwise, and are not \
                 counted. perf could count them, but it is not installed or may not be used here."
            }
        }
    }

    /// How many system calls a read takes: those of a run, minus those of a run that sets everything
    /// up, starts its threads, and reads half as much.
    pub(super) fn count(self, name: &'static str, job: &Job) -> Result<Option<f64>> {
        if self == Self::Strace && ON_THREADS.contains(&name) {
            return Ok(None);
        }
        let reads = 32 * job.tasks.max(64);
        let calls = self.calls(name, job, &[reads, reads])? - self.calls(name, job, &[reads])?;
        Ok(Some(calls / reads as f64))
    }

    /// All system calls of a process that does so many reads in each slice.
    fn calls(self, name: &'static str, job: &Job, slices: &[usize]) -> Result<f64> {
        let place = tempfile::tempdir()?;
        let out = place.path().join("counted");
        let mut child = Child::start_under(self.command(&out), name, job)?;
        for &reads in slices {
            child.work(reads)?;
        }
        child.end()?;
        let counted = fs::read_to_string(&out).context("nothing was counted")?;
        match self {
            Self::Perf => total_of_perf(&counted),
            Self::Strace => built::total_of_strace(&counted),
        }
    }

    fn command(self, out: &Path) -> Command {
        let (program, arguments): (_, &[&str]) = match self {
            Self::Perf => ("perf", &["stat", "-x", ",", "-e", EVENT, "-o"]),
            Self::Strace => ("strace", &["-f", "-c", "-U", "calls,name", "-o"]),
        };
        let mut command = Command::new(program);
        command.args(arguments).arg(out);
        command
    }
}

/// The number in the line of perf for the event.
fn total_of_perf(table: &str) -> Result<f64> {
    let line = table.lines().find(|line| line.contains(EVENT));
    let calls = line.and_then(|line| line.split(',').next());
    let calls = calls.context("perf has not printed the number of calls")?.parse()?;
    ensure!(calls > 0.0, "perf has counted no system calls");
    Ok(calls)
}
