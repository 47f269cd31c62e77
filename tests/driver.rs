//! A driver on one thread: many tasks read and write files, poll sockets, and wait for room. They run
//! on a small executor that sleeps in `park`, or in an event loop that waits for the eventfd.

use crate::support::{direct_file_with, file_with, in_child, pattern};
use linux_aio::{ContextError, Driver, Errno, Outcome, PageBuf, PollEvents, Request, StartError};
use rustix::event::{PollFd, PollFlags};
use std::{
    cell::Cell,
    fs::File,
    future::Future,
    io::Write as _,
    os::unix::net::UnixStream,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

pub type FileDriver = Driver<PageBuf, Arc<File>>;

const BLOCK: usize = 4096;

/// A task that is polled when it was woken.
struct Task<'t> {
    future: Option<Pin<Box<dyn Future<Output = ()> + 't>>>,
    woken: Arc<Woken>,
    waker: Waker,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Tasks, and how to sleep when none of them was woken.
#[derive(Default)]
pub struct Tasks<'t>(Vec<Task<'t>>);

impl<'t> Tasks<'t> {
    pub fn spawn(&mut self, future: impl Future<Output = ()> + 't) {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        self.0.push(Task { future: Some(Box::pin(future)), woken, waker });
    }

    /// Runs the tasks to their ends.
    pub fn run(&mut self, mut sleep: impl FnMut()) {
        while self.0.iter().any(|task| task.future.is_some()) {
            let mut any = false;
            for task in &mut self.0 {
                let Some(future) = &mut task.future else { continue };
                if task.woken.0.swap(false, Ordering::Relaxed) {
                    any = true;
                    if future.as_mut().poll(&mut Context::from_waker(&task.waker)).is_ready() {
                        task.future = None;
                    }
                }
            }
            if !any {
                sleep();
            }
        }
    }
}

/// Runs one task, and sleeps in `park`.
fn block_on(driver: &FileDriver, future: impl Future<Output = ()>) {
    let mut tasks = Tasks::default();
    tasks.spawn(future);
    tasks.run(|| driver.park(None).unwrap());
}

#[test]
fn tasks_read_direct_by_few_system_calls() {
    const TASKS: usize = 256;
    const READS: usize = 20;
    let content = pattern(TASKS * BLOCK);
    let Some(file) = direct_file_with(&content) else { return };
    let file = Arc::new(file);
    let driver = FileDriver::new(TASKS).unwrap();
    let calls = driver.stats().system_calls;
    let read = Cell::new(0);
    let mut tasks = Tasks::default();
    for task in 0..TASKS {
        let (driver, file, content, read) = (&driver, &file, &content, &read);
        tasks.spawn(async move {
            let mut buf = PageBuf::new(BLOCK).unwrap();
            for turn in 0..READS {
                let at = (task * 31 + turn * 77) % TASKS * BLOCK;
                let request = Request::read(Arc::clone(file), buf, at as u64);
                let done = driver.start(request).unwrap().await;
                assert_eq!(done.result, Ok(BLOCK));
                assert!(done.buf[..] == content[at..at + BLOCK], "block {at}");
                buf = done.buf;
                read.set(read.get() + 1);
            }
        });
    }
    tasks.run(|| driver.park(None).unwrap());
    drop(tasks);
    let stats = driver.stats();
    assert_eq!((read.get(), stats.completed), (TASKS * READS, (TASKS * READS) as u64));
    assert_eq!((stats.accepted, stats.refused, stats.spurious), (stats.completed, 0, 0));
    if crate::support::RING {
        let each = stats.accepted / (stats.system_calls - calls);
        assert!(each >= 10, "{each} requests for each io_submit");
    }
    assert_eq!((driver.free(), driver.in_flight(), driver.staged()), (TASKS, 0, 0));
    assert_eq!(Arc::strong_count(&file), 1, "the driver has no files");
}

/// How many requests of free-running tasks complete together depends on the device. These start
/// together.
#[test]
fn tasks_that_start_together_share_an_io_submit() {
    const TASKS: usize = 256;
    const ROUNDS: usize = 10;
    let file = Arc::new(file_with(&pattern(TASKS * BLOCK)));
    let driver = FileDriver::new(TASKS).unwrap();
    let before = driver.stats();
    for _ in 0..ROUNDS {
        let mut tasks = Tasks::default();
        for task in 0..TASKS {
            let (driver, file) = (&driver, &file);
            tasks.spawn(async move {
                let buf = PageBuf::new(BLOCK).unwrap();
                let read = Request::read(Arc::clone(file), buf, (task * BLOCK) as u64);
                assert_eq!(driver.start(read).unwrap().await.result, Ok(BLOCK));
            });
        }
        tasks.run(|| driver.park(None).unwrap());
    }
    let (accepted, calls) = (driver.stats().accepted, driver.stats().system_calls);
    assert_eq!(accepted - before.accepted, (TASKS * ROUNDS) as u64);
    if crate::support::RING {
        let each = accepted / (calls - before.system_calls);
        assert!(each >= 40, "{each} requests for each io_submit");
    }
}

/// An event loop with level-triggered readiness. If the eventfd were read after the events were
/// received, it would hang.
#[test]
fn event_loop_misses_no_completion() {
    let file = Arc::new(file_with(&pattern(64 * BLOCK)));
    let driver = FileDriver::new(16).unwrap();
    let done = Cell::new(0_u32);
    let mut tasks = Tasks::default();
    for task in 0..16_u64 {
        let (driver, file, done) = (&driver, &file, &done);
        tasks.spawn(async move {
            for turn in 0..600 {
                let op = if turn % 3 == 0 {
                    // A kernel thread executes it.
                    let sync = Request::fdsync(Arc::clone(file)).with_buf(PageBuf::empty());
                    driver.start(sync).unwrap()
                } else {
                    let buf = PageBuf::new(BLOCK).unwrap();
                    let at = (task * 7 + turn) % 64 * BLOCK as u64;
                    driver.start(Request::read(Arc::clone(file), buf, at)).unwrap()
                };
                assert!(op.await.result.is_ok());
                done.set(done.get() + 1);
            }
        });
    }
    let mut idle = 0;
    tasks.run(|| {
        driver.turn().unwrap();
        if driver.in_flight() == 0 {
            idle = 0;
            return;
        }
        let mut fds = [PollFd::new(&driver, PollFlags::IN)];
        let minute = rustix::time::Timespec { tv_sec: 60, tv_nsec: 0 };
        let ready = rustix::event::poll(&mut fds, Some(&minute)).unwrap();
        assert_eq!(ready, 1, "{} requests in flight, and no event in a minute", driver.in_flight());
        idle += 1;
        assert!(idle < 1000, "the eventfd stays readable although there is nothing to do");
    });
    assert_eq!(done.get(), 16 * 600);
}

#[test]
fn idle_driver_is_not_readable() {
    let file = Arc::new(file_with(&pattern(BLOCK)));
    let (socket, mut peer) = UnixStream::pair().unwrap();
    let socket = Arc::new(File::from(std::os::fd::OwnedFd::from(socket)));
    let driver = FileDriver::new(4).unwrap();
    let readable = |driver: &FileDriver| {
        let mut fds = [PollFd::new(driver, PollFlags::IN)];
        rustix::event::poll(&mut fds, Some(&rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 }))
            .unwrap()
            > 0
    };
    let watch = Request::poll(socket).events(PollEvents::IN).with_buf(PageBuf::empty());
    let watch = driver.start(watch).unwrap();
    block_on(&driver, async {
        let read = Request::read(Arc::clone(&file), PageBuf::new(BLOCK).unwrap(), 0);
        assert_eq!(driver.start(read).unwrap().await.result, Ok(BLOCK));
    });
    while readable(&driver) {
        driver.turn().unwrap();
    }
    assert_eq!(driver.in_flight(), 1, "the poll");
    let before = Instant::now();
    driver.park(Some(Duration::from_millis(20))).unwrap();
    assert!(before.elapsed() >= Duration::from_millis(20), "it sleeps");
    peer.write_all(b"x").unwrap();
    block_on(&driver, async {
        let done = watch.await;
        assert!(matches!(done.outcome(), Ok(Outcome::Ready { .. })));
    });
}

#[test]
fn writes_and_syncs_reach_the_file() {
    let file = Arc::new(tempfile::tempfile().unwrap());
    let driver = FileDriver::new(8).unwrap();
    block_on(&driver, async {
        for block in 0..32_u64 {
            let mut buf = PageBuf::new(BLOCK).unwrap();
            buf.fill(block as u8);
            let write = Request::write(Arc::clone(&file), buf, block * BLOCK as u64);
            assert_eq!(driver.start(write).unwrap().await.result, Ok(BLOCK));
        }
        let sync = Request::fsync(Arc::clone(&file)).with_buf(PageBuf::empty());
        assert_eq!(driver.start(sync).unwrap().await.outcome(), Ok(Outcome::Synced));
    });
    let mut back = vec![0; 32 * BLOCK];
    std::os::unix::fs::FileExt::read_exact_at(file.as_ref(), &mut back, 0).unwrap();
    assert!(back.chunks(BLOCK).zip(0..).all(|(block, number)| block == [number; BLOCK]));
}

#[test]
fn refused_request_and_full_driver_return_what_they_got() {
    let file = Arc::new(file_with(&pattern(BLOCK)));
    let closed = Arc::new(File::open("/proc/self/exe").unwrap()); // not open for writing
    let driver = FileDriver::new(1).unwrap();
    let write = Request::write(closed, PageBuf::new(BLOCK).unwrap(), 0);
    let op = driver.start(write).unwrap();
    let buf = PageBuf::new(BLOCK).unwrap();
    let address = buf.as_ptr();
    let StartError { cause, request, .. } =
        driver.try_start(Request::read(file, buf, 0)).unwrap_err();
    assert_eq!((cause, request.buf().as_ptr()), (ContextError::Full, address));
    block_on(&driver, async {
        assert_eq!(op.await.result, Err(Errno::EBADF));
        let op = driver.room().await.start(request).unwrap();
        let done = op.await;
        assert_eq!((done.result, done.buf.as_ptr()), (Ok(BLOCK), address));
    });
}

#[test]
fn many_tasks_share_a_small_driver_in_order() {
    let file = Arc::new(file_with(&pattern(BLOCK)));
    let driver = FileDriver::new(3).unwrap();
    let (order, rounds) = (std::cell::RefCell::new(Vec::new()), Cell::new(0));
    let mut tasks = Tasks::default();
    for task in 0..40 {
        let (driver, file, order, rounds) = (&driver, &file, &order, &rounds);
        tasks.spawn(async move {
            for round in 0..5 {
                let permit = driver.room().await;
                if round == 0 {
                    order.borrow_mut().push(task);
                }
                let read = Request::read(Arc::clone(file), PageBuf::new(BLOCK).unwrap(), 0);
                assert_eq!(permit.start(read).unwrap().await.result, Ok(BLOCK));
                rounds.set(rounds.get() + 1);
            }
        });
    }
    tasks.run(|| driver.park(None).unwrap());
    drop(tasks);
    assert_eq!(*order.borrow(), (0..40).collect::<Vec<_>>());
    assert_eq!((rounds.get(), driver.free()), (200, 3));
}

#[test]
fn forked_child_does_nothing_to_the_requests_of_its_parent() {
    let file = Arc::new(file_with(&pattern(BLOCK)));
    let driver = FileDriver::new(4).unwrap();
    let read = || Request::read(Arc::clone(&file), PageBuf::new(BLOCK).unwrap(), 0);
    let mut op = driver.start(read()).unwrap();
    driver.turn().unwrap();
    in_child(|| {
        assert_eq!(driver.turn(), Err(ContextError::Forked));
        assert_eq!(driver.park(None), Err(ContextError::Forked));
        assert_eq!(driver.start(read()).unwrap_err().cause, ContextError::Forked);
        let polled = Pin::new(&mut op).poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
    });
    let polled = Pin::new(&mut op).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(done) if done.result == Ok(BLOCK)));
}
