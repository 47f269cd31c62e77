//! Transfers of a whole file, in order.

use super::forget_cached;
use anyhow::{Context as _, Result, ensure};
use linux_aio::{BufPool, Context, PageKind, PoolBuf, Request};
use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    time::{Duration, Instant},
};

/// How many requests of this size are in flight: 8, or more if their buffers would not fill a huge page.
const fn depth(block: usize) -> usize {
    let depth = (2 << 20) / block;
    if depth < 8 { 8 } else { depth }
}

/// Where the bytes go through.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Buffers {
    /// A pool in huge pages.
    Huge,
    /// A pool in pages of the usual size.
    Base,
    /// The page cache, by blocking calls.
    Cache,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Read,
    Write,
}

/// What is transferred.
pub(super) struct Job {
    pub(super) path: PathBuf,
    pub(super) len: usize,
    pub(super) direction: Direction,
}

/// Makes a file of so many random bytes.
pub(super) fn fill(mut file: &File, len: usize) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut chunk = vec![0; 1 << 20];
    for _ in 0..len >> 20 {
        random.fill(&mut chunk);
        file.write_all(&chunk)?;
    }
    Ok(file.sync_all()?)
}

impl Job {
    /// Transfers the file in requests of `block` bytes. The time does not include setting up.
    pub(super) fn run(&self, buffers: Buffers, block: usize) -> Result<Duration> {
        let file = self.open(buffers == Buffers::Cache)?;
        forget_cached(&file)?;
        match buffers {
            Buffers::Huge => self.direct(&file, block, PageKind::Transparent),
            Buffers::Base => self.direct(&file, block, PageKind::Base),
            Buffers::Cache => self.cached(file, block),
        }
    }

    fn open(&self, cached: bool) -> Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(self.direction == Direction::Write);
        options.custom_flags(if cached { 0 } else { libc::O_DIRECT });
        options.open(&self.path).with_context(|| format!("cannot open {}", self.path.display()))
    }

    fn direct(&self, file: &File, block: usize, pages: PageKind) -> Result<Duration> {
        // New pages in each run: where they lie in memory differs.
        let mut pool = BufPool::with_pages(depth(block), block, pages)?;
        ensure!(pool.pages() == pages, "the pool is in {:?} pages", pool.pages());
        pool.touch();
        let mut cx = Context::<PoolBuf, ()>::new(depth(block))?;
        let start = Instant::now();
        let mut offsets = (0..self.len).step_by(block);
        loop {
            while let Some(buf) = pool.take()
                && let Some(offset) = offsets.next()
            {
                let offset = offset as u64;
                match self.direction {
                    Direction::Read => cx.submit_one(Request::read(file, buf, offset)),
                    Direction::Write => cx.submit_one(Request::write(file, buf, offset)),
                }?;
            }
            if cx.outstanding() == 0 {
                break;
            }
            for done in cx.wait(1, None)? {
                ensure!(done.result? == block, "a transfer was short");
            }
        }
        self.sync(file)?;
        Ok(start.elapsed())
    }

    fn cached(&self, mut file: File, block: usize) -> Result<Duration> {
        let mut buf = vec![1; block];
        file.rewind()?;
        let start = Instant::now();
        for _ in 0..self.len / block {
            match self.direction {
                Direction::Read => file.read_exact(&mut buf)?,
                Direction::Write => file.write_all(&buf)?,
            }
        }
        self.sync(&file)?;
        Ok(start.elapsed())
    }

    fn sync(&self, file: &File) -> Result<()> {
        if self.direction == Direction::Write {
            file.sync_data()?;
        }
        Ok(())
    }
}
