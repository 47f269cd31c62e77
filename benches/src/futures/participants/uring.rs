//! io_uring, by the runtime compio.

use super::{Participant, Read, gather};
use crate::futures::work::{BLOCK, Item, Job, Kind, Work};
use anyhow::{Context as _, Result, ensure};
use compio::{
    BufResult,
    buf::{IoBuf, IoBufMut, SetLen},
    driver::{DriverType, ProactorBuilder},
    fs::{File, OpenOptions},
    io::AsyncReadAt as _,
    runtime::{JoinHandle, Runtime},
};
use linux_aio::PageBuf;
use std::{mem::MaybeUninit, sync::Arc, time::Instant};

/// compio's runtime, on one thread.
pub(super) struct Compio {
    runtime: Runtime,
    file: Option<File>,
    free: Vec<PageBuf>,
}

impl Compio {
    pub(super) fn new(job: &Job) -> Result<Self> {
        let mut io_uring = ProactorBuilder::new();
        io_uring.driver_type(DriverType::IoUring);
        let runtime = Runtime::builder().with_proactor(io_uring).build();
        let runtime = runtime.context("io_uring is not available here")?;
        let file = (job.kind == Kind::Blocks).then(|| {
            let mut options = OpenOptions::new();
            options.read(true).custom_flags(libc::O_DIRECT);
            runtime.block_on(options.open(&job.path))
        });
        Ok(Self { file: file.transpose()?, runtime, free: job.buffers()? })
    }
}

impl Participant for Compio {
    fn run(&mut self, work: &Arc<Work>) -> Result<Vec<u64>> {
        let Self { runtime, file, free } = self;
        let task = |buf| runtime.spawn(read(file.clone(), Arc::clone(work), buf));
        let tasks = free.drain(..).map(task).collect::<Vec<JoinHandle<Read>>>();
        let reads = runtime.block_on(async {
            let mut reads = Vec::new();
            for task in tasks {
                reads.push(task.await.unwrap_or_else(|_| Err(anyhow::anyhow!("a task panicked"))));
            }
            reads
        });
        gather(reads, free)
    }
}

/// A task: reads until there is no more work.
async fn read(file: Option<File>, work: Arc<Work>, mut buf: PageBuf) -> Read {
    let mut took_ns = Vec::new();
    while let Some(item) = work.take() {
        let start = Instant::now();
        let bytes = match item {
            Item::Block(offset) => {
                let file = file.as_ref().context("no file")?;
                let BufResult(bytes, back) = file.read_at(Whole(buf), offset).await;
                buf = back.0;
                bytes?
            }
            Item::File(path) => compio::fs::read(path).await?.len(),
        };
        ensure!(bytes == BLOCK, "a read was short");
        took_ns.push(start.elapsed().as_nanos() as u64);
    }
    Ok((buf, took_ns))
}

/// A buffer that is read into as a whole, as compio wants it.
struct Whole(PageBuf);

impl IoBuf for Whole {
    fn as_init(&self) -> &[u8] {
        &self.0
    }
}

impl IoBufMut for Whole {
    fn as_uninit(&mut self) -> &mut [MaybeUninit<u8>] {
        IoBufMut::as_uninit(&mut self.0[..])
    }
}

impl SetLen for Whole {
    // All bytes are initialized, and remain so.
    unsafe fn set_len(&mut self, _len: usize) {}
}
