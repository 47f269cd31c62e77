//! Many requests in one call: whether `io_submit` waits for room in the queue of the device.

use super::{
    measure::{Started, Stop},
    switches::Switches,
};
use crate::{
    diagnosis::{Asked, Sample, Samples, Way},
    machine::calls::name_of,
};
use linux_aio::{Batch, Completion, Context, Errno, PageBuf, Request};
use std::{fs::File, time::Instant};

/// The most requests of a call.
const MOST: usize = 1024;
/// The most bytes of the requests of a call.
const MOST_BYTES: usize = 32 << 20;
/// How often the call is made.
const CALLS: usize = 10;

/// How many requests to submit at once, so that a queue of this length is full.
pub(super) fn requests(queue: Option<u64>, asked: &Asked) -> usize {
    let twice =
        queue.and_then(|queue| usize::try_from(queue).ok()).unwrap_or(128).saturating_mul(2);
    twice.clamp(2, MOST.min(MOST_BYTES / asked.block_bytes).max(2))
}

/// Submits direct reads of these blocks, so many at once. A sample is a call: its total time lasts until
/// the last of its requests completes. The outer error is a message, why that cannot be tried.
pub(super) fn reads(
    file: &File,
    blocks: &[u64],
    at_once: usize,
    asked: &Asked,
) -> Result<Result<Samples, Stop>, String> {
    let mut cx = Context::<PageBuf, Started>::new(at_once).map_err(|error| error.to_string())?;
    let bufs = (0..at_once).map(|_| PageBuf::new(asked.block_bytes));
    let mut bufs = bufs.collect::<Result<Vec<_>, _>>().map_err(|errno| format!("mmap: {errno}"))?;
    let mut samples = Samples::default();
    let mut offsets = blocks.iter().copied().cycle();
    let start = Instant::now();
    for _ in 0..CALLS {
        if start.elapsed() > super::measure::ENOUGH {
            break;
        }
        if let Err(stop) = call(&mut cx, file, &mut bufs, &mut offsets, asked, &mut samples) {
            // To drop it would wait for its requests, and the stall would not be reported.
            core::mem::forget(cx);
            return Ok(Err(stop));
        }
    }
    Ok(Ok(samples))
}

/// Makes one call with all buffers, and waits for its requests.
fn call(
    cx: &mut Context<PageBuf, Started>,
    file: &File,
    bufs: &mut Vec<PageBuf>,
    offsets: &mut impl Iterator<Item = u64>,
    asked: &Asked,
    samples: &mut Samples,
) -> Result<(), Stop> {
    let mut batch = Batch::<_, _, _, MOST>::new();
    let at = Instant::now();
    for (buf, offset) in bufs.drain(..).zip(offsets) {
        let request = Request::read(file, buf, offset).tag(Started { at, offset });
        batch.push(request).map_err(|full| Stop::refused("push", Errno::ENOBUFS, &full))?;
    }
    let all = batch.len();
    let before = Switches::of_thread();
    let at = Instant::now();
    cx.submit(&mut batch).map_err(|error| Stop::from(error.cause))?;
    let inside = at.elapsed();
    let after = Switches::of_thread();
    let mut failed = None;
    let mut take = |done: Completion<PageBuf, Started>| {
        failed = done.result.err().or(failed);
        bufs.push(done.buf);
        bufs.len()
    };
    let mut taken = cx.reap()?.map(&mut take).last().unwrap_or(0);
    let done = taken == all;
    while taken < all {
        let Some(done) = cx.wait_one(Some(asked.timeout()))? else {
            return Err(Stop::stalled(cx, Way::DirectReadBurst, asked.block_bytes));
        };
        taken = take(done);
    }
    match failed {
        Some(errno) => samples.add_failed(&name_of(errno)),
        None => samples.add(Sample {
            inside,
            total: at.elapsed(),
            done,
            slept: after.voluntary != before.voluntary,
            preempted: after.involuntary != before.involuntary,
        }),
    }
    Ok(())
}
