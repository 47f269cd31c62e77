//! A pool of threads: `pread` and `pwrite` by `spawn_blocking` of tokio, at most 512 at a time.

use super::{BLOCK, Engine, Job, Mode, buffers, now_ns};
use anyhow::{Result, ensure};
use linux_aio::PageBuf;
use std::{fs::File, io, os::unix::fs::FileExt as _, sync::Arc};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
};

pub(super) struct Pool {
    runtime: Runtime,
    file: Arc<File>,
    mode: Mode,
    free: Vec<PageBuf>,
}

impl Pool {
    pub(super) fn new(job: &Job) -> Result<Self> {
        let runtime = Builder::new_current_thread().build()?;
        let file = Arc::new(job.mode.open(&job.path)?);
        Ok(Self { runtime, file, mode: job.mode, free: buffers(job.depth)? })
    }
}

impl Engine for Pool {
    fn run(&mut self, offsets: &[u64], took_ns: &mut Vec<u64>) -> Result<()> {
        let Self { runtime, file, mode, free } = self;
        let mode = *mode;
        runtime.block_on(async {
            let mut offsets = offsets.iter();
            let mut under_way = JoinSet::new();
            loop {
                let start_ns = now_ns();
                while !free.is_empty()
                    && let Some(&offset) = offsets.next()
                    && let Some(mut buf) = free.pop()
                {
                    let file = Arc::clone(file);
                    under_way.spawn_blocking(move || {
                        let bytes = match mode {
                            Mode::DirectWrites => file.write_at(&buf, offset)?,
                            Mode::DirectReads | Mode::CachedReads => {
                                file.read_at(&mut buf, offset)?
                            }
                        };
                        io::Result::Ok((bytes, buf, start_ns))
                    });
                }
                let Some(mut done) = under_way.join_next().await else { return Ok(()) };
                let end_ns = now_ns();
                loop {
                    let (bytes, buf, start_ns) = done??;
                    ensure!(bytes == BLOCK, "a transfer was short");
                    took_ns.push(end_ns - start_ns);
                    free.push(buf);
                    match under_way.try_join_next() {
                        Some(another) => done = another,
                        None => break,
                    }
                }
            }
        })
    }
}
