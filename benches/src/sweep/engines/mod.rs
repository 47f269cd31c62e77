//! Ways to keep requests in flight. All of them take the time when they submit requests and when they
//! have the results, once for all that are submitted or completed together.

mod aio;
mod blocking;
mod libaio;
mod pool;
mod posix;
mod uring;

use anyhow::{Context as _, Result, bail};
use linux_aio::{BusyPoll, PageBuf};
use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::{Duration, Instant},
};

/// The most requests in flight.
pub(super) const MOST: usize = 1024;
/// The size of a request, in bytes.
pub(super) const BLOCK: usize = 4096;

/// What is done to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// Reads that bypass the page cache.
    DirectReads,
    /// Writes that bypass the page cache.
    DirectWrites,
    /// Reads from the page cache.
    CachedReads,
}

impl Mode {
    /// Opens a file for this.
    pub(super) fn open(self, path: &Path) -> Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(self == Self::DirectWrites);
        if self != Self::CachedReads {
            options.custom_flags(libc::O_DIRECT);
        }
        options.open(path).with_context(|| {
            format!(
                "cannot open {} for {self:?}: does its file system support direct I/O?",
                path.display()
            )
        })
    }
}

/// What an engine is made for.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) path: PathBuf,
    pub(super) mode: Mode,
    /// How many requests are in flight.
    pub(super) depth: usize,
}

/// A way to keep requests in flight.
pub(super) trait Engine {
    /// Makes a request at each of these offsets, and adds how long each took, in nanoseconds.
    fn run(&mut self, offsets: &[u64], took_ns: &mut Vec<u64>) -> Result<()>;
}

/// A participant: its name on the command line, and in tables.
pub(super) type Name = (&'static str, &'static str);

/// The participants of the sweep. Those that are compared with each other are next to each other, so
/// that they are measured back to back.
pub(super) const ENGINES: [Name; 8] = [
    ("blocking", "pread, pwrite (blocking)"),
    ("pool", "thread pool (tokio)"),
    ("posix", "POSIX AIO (glibc)"),
    ("io_uring-buffers", "io_uring, registered buffers"),
    ("io_uring", "io_uring"),
    ("aio", "linux-aio"),
    ("libaio", "libaio (C)"),
    ("aio-calls", "linux-aio, io_getevents"),
];

/// The participants of the comparison of waits that poll.
pub(super) const POLLING: [Name; 7] = [
    ("blocking", "pread (blocking)"),
    ("io_uring", "io_uring"),
    ("io_uring-polls", "io_uring, polls its ring"),
    ("aio-polls", "linux-aio, polls always"),
    ("aio-adaptive", "linux-aio, polls adaptively"),
    ("aio", "linux-aio"),
    ("libaio", "libaio (C)"),
];

/// How long those that poll do so before they sleep.
const POLL: Duration = Duration::from_micros(150);

/// Makes one by its name.
pub(super) fn engine(name: &str, job: &Job) -> Result<Box<dyn Engine>> {
    Ok(match name {
        "blocking" => Box::new(blocking::Blocking::new(job)?),
        "pool" => Box::new(pool::Pool::new(job)?),
        "posix" => Box::new(posix::Posix::new(job)?),
        "libaio" => Box::new(libaio::Libaio::new(job)?),
        "io_uring" => Box::new(uring::Uring::new(job, false)?),
        "io_uring-buffers" => Box::new(uring::Uring::new(job, true)?),
        "aio-calls" => Box::new(aio::Aio::new(job, false)?),
        "aio" => Box::new(aio::Aio::new(job, true)?),
        "aio-polls" => Box::new(aio::Aio::polling(job, BusyPoll::Always(POLL))?),
        "aio-adaptive" => Box::new(aio::Aio::polling(job, BusyPoll::Adaptive(POLL))?),
        "io_uring-polls" => Box::new(uring::Uring::polling(job, POLL)?),
        other => bail!("there is no engine {other}"),
    })
}

/// Nanoseconds since the first call.
fn now_ns() -> u64 {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    FIRST.elapsed().as_nanos() as u64
}

/// Buffers for so many requests, whose pages are resident.
fn buffers(count: usize) -> Result<Vec<PageBuf>> {
    let buffer = |_| {
        let mut buffer = PageBuf::new(BLOCK)?;
        buffer.fill(7);
        Ok(buffer)
    };
    (0..count).map(buffer).collect()
}
