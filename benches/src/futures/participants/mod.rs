//! Those who read: on kernel AIO, on threads, and on io_uring. All of them take the time before and after
//! each read.

mod aio;
mod blocking;
mod driver;
mod uring;

use super::work::{Job, Work};
use anyhow::{Result, bail};
use linux_aio::PageBuf;
use std::sync::Arc;

/// Someone who reads.
pub(super) trait Participant {
    /// Does the work, and returns how long each read took, in nanoseconds.
    fn run(&mut self, work: &Arc<Work>) -> Result<Vec<u64>>;

    /// How many requests the kernel has accepted until now, and by how many calls of `io_submit`.
    fn submitted(&self) -> Option<[u64; 2]> {
        None
    }
}

/// The name on the command line, and in tables.
pub(super) type Name = (&'static str, &'static str);

/// Those who read blocks. Those that are compared with each other are near each other.
pub(super) const OF_BLOCKS: [Name; 7] = [
    ("compio", "io_uring (compio), one thread"),
    ("context", "Context, a loop without tasks"),
    ("park", "Driver, one thread, park"),
    ("local", "Driver, tokio, one thread"),
    ("blocking", "spawn_blocking, tokio, one thread"),
    ("blocking-threads", "spawn_blocking, tokio, threads"),
    ("shared", "Driver::shared, tokio, threads"),
];

/// Those who read small files.
pub(super) const OF_FILES: [Name; 8] = [
    ("std", "std::fs::read, one by one"),
    ("compio", "io_uring (compio), one thread"),
    ("park", "Driver, one thread, park"),
    ("local", "Driver, tokio, one thread"),
    ("blocking", "spawn_blocking, tokio, one thread"),
    ("blocking-threads", "spawn_blocking, tokio, threads"),
    ("tokio-fs", "tokio::fs::read, tokio, threads"),
    ("shared", "Driver::shared, tokio, threads"),
];

/// Those that have several threads.
pub(super) const ON_THREADS: [&str; 4] = ["blocking", "blocking-threads", "tokio-fs", "shared"];

/// Makes one by its name.
pub(super) fn participant(name: &str, job: &Job) -> Result<Box<dyn Participant>> {
    Ok(match name {
        "context" => Box::new(aio::Loop::new(job)?),
        "park" => Box::new(driver::Parked::new(job)?),
        "local" => Box::new(driver::OnOneThread::new(job)?),
        "shared" => Box::new(driver::OnThreads::new(job)?),
        "blocking" => Box::new(blocking::Pool::on_one_thread(job)?),
        "blocking-threads" => Box::new(blocking::Pool::on_threads(job)?),
        "tokio-fs" => Box::new(blocking::Pool::of_tokio_fs(job)?),
        "std" => Box::new(blocking::OneByOne),
        "compio" => Box::new(uring::Compio::new(job)?),
        other => bail!("there is no participant {other}"),
    })
}

/// What a task returns: its buffer, and how long each read took, in nanoseconds.
type Read = Result<(PageBuf, Vec<u64>)>;

/// Puts the buffers back, and returns how long the reads of all tasks took.
fn gather(reads: impl IntoIterator<Item = Read>, free: &mut Vec<PageBuf>) -> Result<Vec<u64>> {
    let mut all = Vec::new();
    for read in reads {
        let (buf, took_ns) = read?;
        free.push(buf);
        all.extend(took_ns);
    }
    Ok(all)
}
