//! Random direct reads of 4 KiB, by several ways to do them: how many a second, in which time, for how
//! much CPU, and how many requests each system call submits.
//!
//! `cargo run --release --bin load -- FILE MODE DEPTH SECONDS`. The modes:
//!
//! * `loop`: a loop on a context, without futures
//! * `park`: tasks of a small executor that sleeps in `park`
//! * `local`: tokio, current-thread runtime
//! * `local-multi`: tokio, a `LocalSet` on a multi-thread runtime
//! * `shared`: tokio, multi-thread runtime, a driver for several threads
//! * `pool`: tokio, `spawn_blocking` and `pread`

use aio_tokio::{
    file::{File, FileDriver, open_direct, page_buf},
    local, shared,
};
use linux_aio::{Batch, Context, Driver, IoBuf, Local, PageBuf, Request};
use std::{
    cell::RefCell,
    env,
    future::Future,
    io,
    os::unix::fs::FileExt as _,
    pin::Pin,
    process::ExitCode,
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context as TaskContext, Wake, Waker},
    time::{Duration, Instant},
};
use tokio::{runtime, task::LocalSet};

const BLOCK: usize = 4096;

/// What a run does.
#[derive(Clone)]
struct Load {
    path: String,
    blocks: u64,
    depth: usize,
    end: Instant,
}

/// The latencies of the reads of a task, in nanoseconds.
type Times = Vec<u64>;

/// The latencies of all reads, and the numbers of requests and of calls that submit or receive.
type Outcome = io::Result<(Times, Option<(u64, u64)>)>;

fn main() -> ExitCode {
    let arguments = env::args().skip(1).collect::<Vec<_>>();
    let [path, mode, depth, seconds] = &arguments[..] else {
        eprintln!("usage: load FILE MODE DEPTH SECONDS");
        return ExitCode::from(2);
    };
    match run(path, mode, depth.parse().unwrap_or(64), seconds.parse().unwrap_or(2)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {mode} on {path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(path: &str, mode: &str, depth: usize, seconds: u64) -> io::Result<()> {
    let blocks = open_direct(path, false)?.metadata()?.len() / BLOCK as u64;
    let (start, before) = (Instant::now(), cpu());
    let end = start + Duration::from_secs(seconds);
    let load = Load { path: path.to_owned(), blocks, depth, end };
    let (mut times, calls) = match mode {
        "loop" => by_loop(&load),
        "park" => by_park(&load),
        "local" => by_local(&load, runtime::Builder::new_current_thread().enable_all().build()?),
        "local-multi" => {
            by_local(&load, runtime::Builder::new_multi_thread().enable_all().build()?)
        }
        "shared" => by_shared(&load),
        "pool" => by_pool(&load),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no such mode")),
    }?;
    let (elapsed, cpu) = (start.elapsed(), cpu() - before);
    times.sort_unstable();
    let reads = times.len().max(1);
    let at = |part: usize| times.get(reads * part / 1000).copied().unwrap_or(0) as f64 / 1000.0;
    println!(
        "{mode:>11} {depth:>4}: {:>7.0} reads/s, p50 {:>6.0} us, p99 {:>6.0} us, {:>5.2} us CPU a read, {}",
        reads as f64 / elapsed.as_secs_f64(),
        at(500),
        at(990),
        cpu.as_secs_f64() * 1e6 / reads as f64,
        calls.map_or(String::from("-"), |(requests, calls)| {
            format!("{:.1} requests a call", requests as f64 / calls.max(1) as f64)
        })
    );
    Ok(())
}

/// Returns the CPU time of this process.
fn cpu() -> Duration {
    // The fields of the file after the name: 12 and 13 are the ticks in user and kernel mode.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
    Duration::from_millis(ticks * 10)
}

/// Reads random blocks until the end, by a future for each.
async fn reads<S, D>(file: File<D>, load: &Load) -> io::Result<Times>
where
    S: linux_aio::Sharing,
    D: std::ops::Deref<Target = FileDriver<PageBuf, S>>,
{
    let (mut times, mut buf) = (Vec::new(), page_buf(BLOCK)?);
    loop {
        let start = Instant::now();
        if start >= load.end {
            return Ok(times);
        }
        let (read, back) = file.read_at(buf, fastrand::u64(..load.blocks) * BLOCK as u64).await;
        if read? != BLOCK {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        times.push(start.elapsed().as_nanos() as u64);
        buf = back.unwrap_or_default();
    }
}

fn by_loop(load: &Load) -> Outcome {
    let file = open_direct(&load.path, false)?;
    let mut cx = Context::<PageBuf, Instant>::new(load.depth)?;
    let mut batch = Batch::<_, _, _, 1024>::new();
    let request = |buf| Request::read(&file, buf, fastrand::u64(..load.blocks) * BLOCK as u64);
    for _ in 0..load.depth {
        batch.push(request(page_buf(BLOCK)?).tag(Instant::now()))?;
    }
    let mut times = Vec::new();
    while !batch.is_empty() || cx.outstanding() > 0 {
        cx.submit(&mut batch)?;
        for done in cx.wait(1, None)? {
            if done.result? != BLOCK {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let now = Instant::now();
            times.push((now - done.tag).as_nanos() as u64);
            if now < load.end {
                batch.push(request(done.buf).tag(now))?;
            }
        }
    }
    let stats = cx.stats();
    Ok((times, Some((stats.accepted, stats.system_calls))))
}

/// The tasks of a small executor that were woken.
#[derive(Default)]
struct Ready(Mutex<Vec<usize>>);

struct TaskWaker {
    ready: Arc<Ready>,
    number: usize,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.0.lock().unwrap_or_else(|error| error.into_inner()).push(self.number);
    }
}

fn by_park(load: &Load) -> Outcome {
    type Tasks<'t> = Vec<(Pin<Box<dyn Future<Output = ()> + 't>>, Waker)>;
    let driver: Rc<FileDriver<PageBuf, Local>> = Rc::new(Driver::new(load.depth)?);
    let file = open_direct(&load.path, false)?;
    let file = File::new(Rc::clone(&driver), file);
    let (ready, times) = (Arc::<Ready>::default(), RefCell::new(Ok(Vec::new())));
    let left = std::cell::Cell::new(load.depth);
    let mut tasks: Tasks<'_> = Vec::new();
    for number in 0..load.depth {
        let (file, times, left) = (file.clone(), &times, &left);
        let task = async move {
            let read = reads(file, load).await;
            left.set(left.get() - 1);
            match (&mut *times.borrow_mut(), read) {
                (Ok(all), Ok(some)) => all.extend(some),
                (all, Err(error)) => *all = Err(error),
                (Err(_), Ok(_)) => {}
            }
        };
        let waker = Waker::from(Arc::new(TaskWaker { ready: Arc::clone(&ready), number }));
        waker.wake_by_ref();
        tasks.push((Box::pin(task), waker));
    }
    let mut woken = Vec::new();
    while left.get() > 0 {
        std::mem::swap(&mut woken, &mut *ready.0.lock().unwrap_or_else(|error| error.into_inner()));
        for number in woken.drain(..) {
            let Some((task, waker)) = tasks.get_mut(number) else { continue };
            let _ended = task.as_mut().poll(&mut TaskContext::from_waker(waker));
        }
        if left.get() > 0 {
            driver.park(None)?;
        }
    }
    drop(tasks);
    let stats = driver.stats();
    Ok((times.into_inner()?, Some((stats.accepted, stats.system_calls))))
}

fn by_local(load: &Load, runtime: runtime::Runtime) -> Outcome {
    LocalSet::new().block_on(&runtime, async {
        let handle = local::Handle::<PageBuf>::new(load.depth)?;
        let file = File::new(handle.clone(), open_direct(&load.path, false)?);
        let tasks = (0..load.depth).map(|_| {
            let (file, load) = (file.clone(), load.clone());
            tokio::task::spawn_local(async move { reads(file, &load).await })
        });
        let mut times = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            times.extend(task.await??);
        }
        let stats = handle.stats();
        Ok((times, Some((stats.accepted, stats.system_calls))))
    })
}

fn by_shared(load: &Load) -> Outcome {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let handle = shared::Handle::<PageBuf>::new(load.depth)?;
        let file = File::new(handle.clone(), open_direct(&load.path, false)?);
        let tasks = (0..load.depth).map(|_| {
            let (file, load) = (file.clone(), load.clone());
            tokio::spawn(async move { reads(file, &load).await })
        });
        let mut times = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            times.extend(task.await??);
        }
        let stats = handle.stats();
        Ok((times, Some((stats.accepted, stats.system_calls))))
    })
}

fn by_pool(load: &Load) -> Outcome {
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(load.depth)
        .build()?;
    let file = Arc::new(open_direct(&load.path, false)?);
    let failed = Arc::new(AtomicBool::new(false));
    runtime.block_on(async {
        let tasks = (0..load.depth).map(|_| {
            let (file, load, failed) = (Arc::clone(&file), load.clone(), Arc::clone(&failed));
            tokio::spawn(async move {
                let (mut times, mut buf) = (Vec::new(), page_buf(BLOCK)?);
                loop {
                    let start = Instant::now();
                    if start >= load.end || failed.load(Ordering::Relaxed) {
                        return Ok::<_, io::Error>(times);
                    }
                    let (file, offset) =
                        (Arc::clone(&file), fastrand::u64(..load.blocks) * BLOCK as u64);
                    let read = tokio::task::spawn_blocking(move || {
                        let read = file.read_exact_at(&mut buf[..], offset);
                        (read, buf)
                    });
                    let (read, back) = read.await?;
                    if let Err(error) = read {
                        failed.store(true, Ordering::Relaxed);
                        return Err(error);
                    }
                    times.push(start.elapsed().as_nanos() as u64);
                    buf = back;
                    debug_assert_eq!(buf.io_len(), BLOCK);
                }
            })
        });
        let mut times = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            times.extend(task.await??);
        }
        Ok((times, None))
    })
}
