//! [`Child`]: a participant as a process of its own, which works in slices.
//!
//! It reads lines from its standard input, each with a number of reads and a seed, and answers each with
//! a line of JSON: [`Slice`].

use super::{
    participants::participant,
    work::{Job, Kind, Work},
};
use crate::process::{Resources, cpu_of, myself};
use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum as _;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    path::Path,
    process::{self, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

/// The results of a slice.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Slice {
    /// How many reads there were.
    pub(super) reads: usize,
    /// How long they took together, in seconds.
    pub(super) seconds: f64,
    /// CPU time of all threads, in seconds.
    pub(super) cpu: f64,
    /// How long a read took, in microseconds: the 99th percentile.
    pub(super) p99_us: f64,
    /// Threads at the end.
    pub(super) threads: f64,
    /// Requests for each `io_submit`.
    pub(super) batch: Option<f64>,
}

/// A participant.
pub(super) struct Child {
    name: &'static str,
    process: process::Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    seed: u64,
}

impl Child {
    /// Starts it.
    pub(super) fn start(name: &'static str, job: &Job) -> Result<Self> {
        let program = myself()?;
        Self::start_by(Command::new(program.get_program()), name, job)
    }

    /// Has another program start it, one that counts something: `command` ends where the command of
    /// the participant follows.
    pub(super) fn start_under(mut command: Command, name: &'static str, job: &Job) -> Result<Self> {
        command.arg(myself()?.get_program());
        Self::start_by(command, name, job)
    }

    fn start_by(mut command: Command, name: &'static str, job: &Job) -> Result<Self> {
        let kind = job.kind.to_possible_value().context("a kind has a name")?;
        command.args(myself()?.get_args()).args(["futures", name, kind.get_name()]);
        command.arg(job.tasks.to_string()).arg(&job.path);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let (Some(stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            bail!("the pipes are missing");
        };
        Ok(Self { name, process, stdin: Some(stdin), stdout: BufReader::new(stdout), seed: 0 })
    }

    /// Has it do so many reads.
    pub(super) fn work(&mut self, reads: usize) -> Result<Slice> {
        let at = || format!("{}, {reads} reads", self.name);
        self.seed += 1;
        let stdin = self.stdin.as_mut().context("it was ended")?;
        writeln!(stdin, "{reads} {}", self.seed).with_context(at)?;
        let mut line = String::new();
        self.stdout.read_line(&mut line).with_context(at)?;
        ensure!(!line.is_empty(), "{} has failed", at());
        serde_json::from_str(&line).with_context(at)
    }

    /// How many reads take this long. It is found by doing some, which also warms up.
    pub(super) fn reads_in(&mut self, slice: Duration, tasks: usize) -> Result<usize> {
        let mut count = 4 * tasks;
        loop {
            let share = self.work(count)?.seconds / slice.as_secs_f64();
            if share > 0.2 {
                return Ok(((count as f64 / share) as usize).max(4 * tasks));
            }
            count *= 2;
        }
    }

    /// Lets it end.
    pub(super) fn end(mut self) -> Result<()> {
        drop(self.stdin.take());
        let status = self.process.wait()?;
        ensure!(status.success(), "{} ended with {status}", self.name);
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It was waited for, or ends because its input does. There is nobody to tell of an error.
        let _status = self.process.wait();
    }
}

/// Runs as a participant.
pub(crate) fn participate(name: &str, kind: Kind, tasks: usize, path: &Path) -> Result<()> {
    let job = Job { kind, tasks, path: path.to_owned() };
    let mut participant = participant(name, &job)?;
    for line in io::stdin().lines() {
        let line = line?;
        let (reads, seed) = line.split_once(' ').context("a line has two numbers")?;
        let (reads, work) = (reads.parse()?, Work::new(&job, reads.parse()?, seed.parse()?)?);
        let before = participant.submitted();
        let (cpu, start) = (cpu_of(process::id())?, Instant::now());
        let took_ns = participant.run(&work)?;
        let seconds = start.elapsed().as_secs_f64();
        let cpu = (cpu_of(process::id())? - cpu).as_secs_f64();
        ensure!(took_ns.len() == reads, "{} of {reads} reads completed", took_ns.len());
        let mut latencies = Histogram::<u64>::new(3)?;
        for each in took_ns {
            latencies.record(each)?;
        }
        let p99_us = latencies.value_at_quantile(0.99) as f64 / 1e3;
        let batch = before.zip(participant.submitted()).map(|([requests, calls], after)| {
            (after[0] - requests) as f64 / (after[1] - calls).max(1) as f64
        });
        let threads = Resources::of(process::id())?.threads;
        let slice = Slice { reads, seconds, cpu, p99_us, threads, batch };
        println!("{}", serde_json::to_string(&slice)?);
    }
    Ok(())
}
