//! Measures all engines at one depth, in short slices, by turns: other load on the machine then affects
//! all of them alike.

use super::engines::{BLOCK, Engine, Job, engine};
use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;
use std::{
    process,
    time::{Duration, Instant},
};

use crate::process::cpu_of;

/// The results of a slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    /// Requests per second.
    pub(super) throughput: f64,
    /// CPU time per request, in microseconds.
    pub(super) cpu_us: f64,
    /// How long requests took, in microseconds: the median, and the 99th and 99.9th percentile.
    pub(super) latency_us: [f64; 3],
}

/// The quantiles of [`Slice::latency_us`].
pub(super) const QUANTILES: [f64; 3] = [0.5, 0.99, 0.999];

/// Returns the slices of each engine. Slices with the same index were measured back to back.
pub(super) fn measure(
    names: &[&str],
    job: &Job,
    blocks: u64,
    slices: usize,
    slice: Duration,
) -> Result<Vec<Vec<Slice>>> {
    let mut random = fastrand::Rng::with_seed(job.depth as u64);
    let make = |name: &&str| engine(name, job).with_context(|| format!("{name} cannot be set up"));
    let mut engines = names.iter().map(make).collect::<Result<Vec<_>>>()?;
    let mut counts = Vec::new();
    for (engine, name) in engines.iter_mut().zip(names) {
        counts.push(
            requests_in(&mut **engine, job, blocks, slice, &mut random)
                .with_context(|| format!("{name}, {} in flight", job.depth))?,
        );
    }
    let mut measured = vec![Vec::new(); names.len()];
    for round in 0..slices {
        // In alternating order, so that no engine always precedes another.
        let mut order = (0..names.len()).collect::<Vec<_>>();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let slice = one(&mut *engines[index], counts[index], blocks, &mut random)?;
            measured[index].push(slice);
        }
    }
    Ok(measured)
}

/// How many requests fill a slice. It is found by doing some, which also warms up.
fn requests_in(
    engine: &mut dyn Engine,
    job: &Job,
    blocks: u64,
    slice: Duration,
    random: &mut fastrand::Rng,
) -> Result<usize> {
    let mut count = 2 * job.depth.max(16);
    loop {
        let start = Instant::now();
        engine.run(&offsets(count, blocks, random), &mut Vec::with_capacity(count))?;
        let share = start.elapsed().as_secs_f64() / slice.as_secs_f64();
        if share > 0.2 {
            return Ok(((count as f64 / share) as usize).max(4 * job.depth));
        }
        count *= 2;
    }
}

fn one(
    engine: &mut dyn Engine,
    count: usize,
    blocks: u64,
    random: &mut fastrand::Rng,
) -> Result<Slice> {
    let offsets = offsets(count, blocks, random);
    // Its pages are resident before the measurement starts.
    let mut took_ns = vec![1; count];
    took_ns.clear();
    let (cpu, start) = (cpu_of(process::id())?, Instant::now());
    engine.run(&offsets, &mut took_ns)?;
    let time = start.elapsed().as_secs_f64();
    let cpu = (cpu_of(process::id())? - cpu).as_secs_f64();
    let mut latencies = Histogram::<u64>::new(3)?;
    for &each in &took_ns {
        latencies.record(each)?;
    }
    anyhow::ensure!(took_ns.len() == count, "{} of {count} requests completed", took_ns.len());
    Ok(Slice {
        throughput: count as f64 / time,
        cpu_us: cpu * 1e6 / count as f64,
        latency_us: QUANTILES.map(|quantile| latencies.value_at_quantile(quantile) as f64 / 1e3),
    })
}

/// Random positions for so many blocks.
pub(super) fn offsets(count: usize, blocks: u64, random: &mut fastrand::Rng) -> Vec<u64> {
    (0..count).map(|_| random.u64(..blocks) * BLOCK as u64).collect()
}
