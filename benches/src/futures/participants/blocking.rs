//! Blocking calls: in the threads of tokio's pool, and one by one.

use super::{Participant, Read, gather};
use crate::futures::work::{BLOCK, Item, Job, Work};
use anyhow::{Context as _, Result, bail, ensure};
use linux_aio::PageBuf;
use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    sync::Arc,
    time::Instant,
};
use tokio::{
    runtime::{Builder, Runtime},
    task::{JoinSet, spawn_blocking},
};

/// tokio's pool, of up to 512 threads.
pub(super) struct Pool {
    runtime: Runtime,
    /// Whether small files are read by `tokio::fs::read`.
    tokio_fs: bool,
    file: Option<Arc<File>>,
    free: Vec<PageBuf>,
}

impl Pool {
    /// The tasks are on one thread.
    pub(super) fn on_one_thread(job: &Job) -> Result<Self> {
        Self::new(Builder::new_current_thread().build()?, job)
    }

    /// The tasks are on as many threads as there are CPUs.
    pub(super) fn on_threads(job: &Job) -> Result<Self> {
        Self::new(Builder::new_multi_thread().build()?, job)
    }

    /// The same, but by `tokio::fs::read`.
    pub(super) fn of_tokio_fs(job: &Job) -> Result<Self> {
        Ok(Self { tokio_fs: true, ..Self::on_threads(job)? })
    }

    fn new(runtime: Runtime, job: &Job) -> Result<Self> {
        let file = job.open()?.map(Arc::new);
        Ok(Self { runtime, tokio_fs: false, file, free: job.buffers()? })
    }
}

impl Participant for Pool {
    fn run(&mut self, work: &Arc<Work>) -> Result<Vec<u64>> {
        let Self { runtime, tokio_fs, file, free } = self;
        let reads = runtime.block_on(async {
            let mut set = JoinSet::new();
            for buf in free.drain(..) {
                set.spawn(read(*tokio_fs, file.clone(), Arc::clone(work), buf));
            }
            set.join_all().await
        });
        gather(reads, free)
    }
}

/// A task: reads until there is no more work.
async fn read(tokio_fs: bool, file: Option<Arc<File>>, work: Arc<Work>, mut buf: PageBuf) -> Read {
    let mut took_ns = Vec::new();
    while let Some(item) = work.take() {
        let start = Instant::now();
        let bytes = match item {
            Item::Block(offset) => {
                let file = Arc::clone(file.as_ref().context("no file")?);
                let read = spawn_blocking(move || {
                    let bytes = file.read_at(&mut buf, offset);
                    (bytes, buf)
                });
                let (bytes, back) = read.await?;
                buf = back;
                bytes?
            }
            Item::File(path) if tokio_fs => tokio::fs::read(path).await?.len(),
            Item::File(path) => {
                let path = path.to_owned();
                spawn_blocking(|| fs::read(path)).await??.len()
            }
        };
        ensure!(bytes == BLOCK, "a read was short");
        took_ns.push(start.elapsed().as_nanos() as u64);
    }
    Ok((buf, took_ns))
}

/// One thread, one file after the other.
pub(super) struct OneByOne;

impl Participant for OneByOne {
    fn run(&mut self, work: &Arc<Work>) -> Result<Vec<u64>> {
        let mut took_ns = Vec::new();
        while let Some(item) = work.take() {
            let Item::File(path) = item else { bail!("this one reads files only") };
            let start = Instant::now();
            ensure!(fs::read(path)?.len() == BLOCK, "a read was short");
            took_ns.push(start.elapsed().as_nanos() as u64);
        }
        Ok(took_ns)
    }
}
