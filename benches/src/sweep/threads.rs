//! Threads that have a context each.

use super::{
    engines::{Job, Mode, engine},
    slices::offsets,
};
use crate::{
    report::{Cell, Table},
    sample::Spread,
};
use anyhow::Result;
use std::{
    path::Path,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

/// How many requests each thread has in flight.
const DEPTHS: [usize; 4] = [1, 4, 16, 64];

/// Measures one and two threads by turns.
pub(super) fn table(path: &Path, blocks: u64, rounds: usize, slice: Duration) -> Result<Table> {
    let title = "Direct reads of 4 KiB by threads with a context each: thousands per second";
    let mut table = Table::new("threads", title, "requests in flight in each thread", DEPTHS);
    let (mut one, mut two, mut growth) = (Vec::new(), Vec::new(), Vec::new());
    for depth in DEPTHS {
        let job = Job { path: path.to_owned(), mode: Mode::DirectReads, depth };
        // About as many requests as fill a slice.
        let count = (slice.as_micros() as usize * depth / 60).max(4 * depth);
        let mut figures = [const { Vec::new() }; 2];
        for _ in 0..rounds {
            for threads in [1, 2] {
                figures[threads - 1].push(throughput(&job, threads, count, blocks)? / 1e3);
            }
        }
        let ratios =
            figures[1].iter().zip(&figures[0]).map(|(two, one)| two / one).collect::<Vec<_>>();
        one.push(Cell::Figure(Spread::quartiles(&figures[0]), 1));
        two.push(Cell::Figure(Spread::quartiles(&figures[1]), 1));
        growth.push(Cell::Figure(Spread::quartiles(&ratios), 2));
    }
    table.row("1 thread", one);
    table.row("2 threads", two);
    table.row("2 threads / 1 thread", growth);
    Ok(table)
}

/// Requests per second of all threads together.
fn throughput(job: &Job, threads: usize, count: usize, blocks: u64) -> Result<f64> {
    let barrier = Barrier::new(threads);
    let times = thread::scope(|scope| {
        let work = |number: usize| {
            let barrier = &barrier;
            move || -> Result<(Instant, Instant)> {
                let mut random = fastrand::Rng::with_seed(number as u64);
                let mut engine = engine("aio", job)?;
                engine.run(&offsets(2 * job.depth, blocks, &mut random), &mut Vec::new())?;
                let offsets = offsets(count, blocks, &mut random);
                let mut took_ns = Vec::with_capacity(count);
                barrier.wait();
                let start = Instant::now();
                engine.run(&offsets, &mut took_ns)?;
                Ok((start, Instant::now()))
            }
        };
        let handles = (0..threads).map(|number| scope.spawn(work(number))).collect::<Vec<_>>();
        handles
            .into_iter()
            .map(|handle| handle.join().expect("no panic"))
            .collect::<Result<Vec<_>>>()
    })?;
    let start = times.iter().map(|&(start, _)| start).min();
    let end = times.iter().map(|&(_, end)| end).max();
    let time = end.zip(start).map_or(Duration::ZERO, |(end, start)| end - start);
    Ok((threads * count) as f64 / time.as_secs_f64())
}
