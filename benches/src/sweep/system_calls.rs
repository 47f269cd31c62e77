//! System calls per request, counted by `strace -c`: those of a run, minus those of a run that sets
//! everything up and makes no request.

use super::{
    engines::{Job, engine},
    slices::offsets,
};
use crate::{built, process::myself};
use anyhow::{Context as _, Result};
use clap::ValueEnum as _;
use std::{fs, process::Command};

/// How many system calls one request takes.
pub(super) fn count(name: &str, job: &Job) -> Result<f64> {
    let requests = 4 * job.depth.max(512);
    Ok((calls(name, job, requests)? - calls(name, job, 0)?) / requests as f64)
}

/// All system calls of a process that does so many requests.
fn calls(name: &str, job: &Job, requests: usize) -> Result<f64> {
    let mode = job.mode.to_possible_value().context("a mode has a name")?;
    let place = tempfile::tempdir()?;
    let out = place.path().join("strace");
    let participant = myself()?;
    let mut strace = Command::new("strace");
    strace.args(["-f", "-c", "-U", "calls,name", "-o"]).arg(&out);
    strace.arg(participant.get_program()).args(participant.get_args());
    strace.args(["sweep", name, mode.get_name(), &job.depth.to_string(), &requests.to_string()]);
    built::run(strace.arg(&job.path))?;
    built::total_of_strace(&fs::read_to_string(&out).context("strace has counted nothing")?)
}

/// Runs as the process whose system calls are counted.
pub(super) fn participate(name: &str, job: &Job, requests: usize) -> Result<()> {
    let blocks = fs::metadata(&job.path)?.len() / super::engines::BLOCK as u64;
    let mut random = fastrand::Rng::with_seed(7);
    let mut took_ns = Vec::with_capacity(requests);
    engine(name, job)?.run(&offsets(requests, blocks, &mut random), &mut took_ns)?;
    let seen = took_ns.len();
    anyhow::ensure!(seen == requests, "{seen} of {requests} requests completed");
    Ok(())
}
