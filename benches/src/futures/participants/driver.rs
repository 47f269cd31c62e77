//! The driver, by the module of `examples/tokio` that users copy.

use super::{Participant, Read, gather};
use crate::futures::work::{BLOCK, Item, Job, Work};
use aio_tokio::{
    file::{File, FileDriver},
    local, shared,
};
use anyhow::{Context as _, Result, ensure};
use futures_util::stream::{FuturesUnordered, Stream};
use linux_aio::{Driver, Local, PageBuf, Sharing, Stats};
use std::{
    future::Future,
    ops::Deref,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Instant,
};
use tokio::{
    runtime::{Builder, Runtime},
    task::{JoinSet, LocalSet},
};

/// A task: reads until there is no more work.
async fn read<S, D>(driver: D, file: Option<File<D>>, work: Arc<Work>, mut buf: PageBuf) -> Read
where
    S: Sharing,
    D: Deref<Target = FileDriver<PageBuf, S>> + Clone,
{
    let mut took_ns = Vec::new();
    while let Some(item) = work.take() {
        let start = Instant::now();
        let (read, back) = match item {
            Item::Block(offset) => file.as_ref().context("no file")?.read_at(buf, offset).await,
            Item::File(path) => File::new(driver.clone(), work.open(path)?).read_at(buf, 0).await,
        };
        ensure!(read? == BLOCK, "a read was short");
        buf = back.context("the buffer is missing")?;
        took_ns.push(start.elapsed().as_nanos() as u64);
    }
    Ok((buf, took_ns))
}

/// One thread, which sleeps in `park`.
pub(super) struct Parked {
    driver: Rc<FileDriver<PageBuf, Local>>,
    file: Option<File<Rc<FileDriver<PageBuf, Local>>>>,
    free: Vec<PageBuf>,
}

impl Parked {
    pub(super) fn new(job: &Job) -> Result<Self> {
        let driver = Rc::new(Driver::new(job.tasks)?);
        let file = job.open()?.map(|file| File::new(Rc::clone(&driver), file));
        Ok(Self { driver, file, free: job.buffers()? })
    }
}

impl Participant for Parked {
    fn run(&mut self, work: &Arc<Work>) -> Result<Vec<u64>> {
        let task = |buf| read(Rc::clone(&self.driver), self.file.clone(), Arc::clone(work), buf);
        let tasks = self.free.drain(..).map(task).collect::<FuturesUnordered<_>>();
        gather(park_on(&self.driver, tasks)?, &mut self.free)
    }

    fn submitted(&self) -> Option<[u64; 2]> {
        Some(submitted(self.driver.stats()))
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs all tasks to their ends.
fn park_on<T>(
    driver: &FileDriver<PageBuf, Local>,
    mut tasks: FuturesUnordered<impl Future<Output = T>>,
) -> Result<Vec<T>> {
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut results = Vec::new();
    loop {
        if !woken.0.swap(false, Ordering::Relaxed) {
            driver.park(None)?;
            continue;
        }
        let mut cx = Context::from_waker(&waker);
        while let Poll::Ready(next) = Pin::new(&mut tasks).poll_next(&mut cx) {
            match next {
                Some(result) => results.push(result),
                None => return Ok(results),
            }
        }
    }
}

/// tokio on one thread, where a task turns the driver.
pub(super) struct OnOneThread {
    // Dropped first: its tasks have handles of the driver.
    tasks: LocalSet,
    runtime: Runtime,
    driver: local::Handle<PageBuf>,
    file: Option<File<local::Handle<PageBuf>>>,
    free: Vec<PageBuf>,
}

impl OnOneThread {
    pub(super) fn new(job: &Job) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let tasks = LocalSet::new();
        let driver = tasks.block_on(&runtime, async { local::Handle::new(job.tasks) })?;
        let file = job.open()?.map(|file| File::new(driver.clone(), file));
        Ok(Self { tasks, runtime, driver, file, free: job.buffers()? })
    }
}

impl Participant for OnOneThread {
    fn run(&mut self, work: &Arc<Work>) -> Result<Vec<u64>> {
        let Self { tasks, runtime, driver, file, free } = self;
        let reads = tasks.block_on(runtime, async {
            let mut set = JoinSet::new();
            for buf in free.drain(..) {
                set.spawn_local(read(driver.clone(), file.clone(), Arc::clone(work), buf));
            }
            set.join_all().await
        });
        gather(reads, free)
    }

    fn submitted(&self) -> Option<[u64; 2]> {
        Some(submitted(self.driver.stats()))
    }
}

/// tokio on as many threads as there are CPUs, and a thread that turns the driver.
pub(super) struct OnThreads {
    runtime: Runtime,
    driver: shared::Handle<PageBuf>,
    file: Option<File<shared::Handle<PageBuf>>>,
    free: Vec<PageBuf>,
}

impl OnThreads {
    pub(super) fn new(job: &Job) -> Result<Self> {
        let runtime = Builder::new_multi_thread().build()?;
        let driver = shared::Handle::new(job.tasks)?;
        let file = job.open()?.map(|file| File::new(driver.clone(), file));
        Ok(Self { runtime, driver, file, free: job.buffers()? })
    }
}

impl Participant for OnThreads {
    fn run(&mut self, work: &Arc<Work>) -> Result<Vec<u64>> {
        let Self { runtime, driver, file, free } = self;
        let reads = runtime.block_on(async {
            let mut set = JoinSet::new();
            for buf in free.drain(..) {
                set.spawn(read(driver.clone(), file.clone(), Arc::clone(work), buf));
            }
            set.join_all().await
        });
        gather(reads, free)
    }

    fn submitted(&self) -> Option<[u64; 2]> {
        Some(submitted(self.driver.stats()))
    }
}

/// The driver makes no system calls that are counted but `io_submit`, as long as it reads the
/// completion ring and nothing is cancelled.
fn submitted(stats: Stats) -> [u64; 2] {
    [stats.accepted, stats.system_calls]
}
