//! A driver that several threads use: what they start while another thread sleeps in the driver reaches
//! the kernel, and a submission that blocks does not hold back those who receive.

use crate::support::{direct_file_with, file_with, pattern};
use linux_aio::{Driver, PageBuf, PollEvents, Request, Shared};
use std::{
    fs::File,
    future::Future,
    io::Write as _,
    os::{fd::OwnedFd, unix::net::UnixStream},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

type SharedDriver = Driver<PageBuf, Arc<File>, Shared>;

const BLOCK: usize = 4096;

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a task on this thread. Another thread turns the driver.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => return result,
            Poll::Pending => thread::park(),
        }
    }
}

/// Runs `f` while a thread sleeps in the driver, without a timeout.
fn with_driver_thread<R>(driver: &SharedDriver, f: impl FnOnce() -> R) -> R {
    struct Stop<'d>(&'d AtomicBool, &'d SharedDriver);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
            self.1.unpark();
        }
    }
    let stop = AtomicBool::new(false);
    thread::scope(|threads| {
        threads.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                driver.park(None).unwrap();
            }
        });
        let _stop = Stop(&stop, driver);
        f()
    })
}

#[test]
fn requests_started_while_a_thread_sleeps_in_the_driver_are_submitted() {
    let file = Arc::new(file_with(&pattern(BLOCK)));
    let (socket, _peer) = UnixStream::pair().unwrap();
    let socket = Arc::new(File::from(OwnedFd::from(socket)));
    let driver = SharedDriver::shared(8).unwrap();
    let poll = Request::poll(socket).events(PollEvents::IN).with_buf(PageBuf::empty());
    let _watch = driver.start(poll).unwrap();
    with_driver_thread(&driver, || {
        for _ in 0..100 {
            let read = Request::read(Arc::clone(&file), PageBuf::new(BLOCK).unwrap(), 0);
            assert_eq!(block_on(driver.start(read).unwrap()).result, Ok(BLOCK));
        }
    });
}

#[test]
fn many_threads_read_write_drop_and_wait_for_room() {
    const THREADS: usize = 8;
    const BLOCKS: usize = 512;
    let content = pattern(BLOCKS * BLOCK);
    let Some(file) = direct_file_with(&content) else { return };
    let file = Arc::new(file);
    let driver = SharedDriver::shared(16).unwrap();
    with_driver_thread(&driver, || {
        thread::scope(|threads| {
            for thread in 0..THREADS {
                let (driver, file, content) = (&driver, &file, &content);
                threads.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(thread as u64);
                    for _ in 0..2000 {
                        let at = random.usize(0..BLOCKS) * BLOCK;
                        let permit = block_on(driver.room());
                        let mut buf = PageBuf::new(BLOCK).unwrap();
                        let request = if random.bool() {
                            buf.copy_from_slice(&content[at..at + BLOCK]);
                            Request::write(Arc::clone(file), buf, at as u64)
                        } else {
                            Request::read(Arc::clone(file), buf, at as u64)
                        };
                        let op = permit.start(request).unwrap();
                        if random.u8(0..4) == 0 {
                            if random.bool() {
                                thread::yield_now();
                            }
                            drop(op);
                            continue;
                        }
                        let done = block_on(op);
                        assert_eq!(done.result, Ok(BLOCK));
                        assert!(done.buf[..] == content[at..at + BLOCK], "offset {at}");
                    }
                });
            }
        });
        while driver.in_flight() + driver.staged() > 0 {
            thread::sleep(Duration::from_millis(1));
        }
    });
    driver.turn().unwrap();
    assert_eq!((driver.free(), driver.orphans()), (16, 0));
    assert_eq!(Arc::strong_count(&file), 1);
}

/// Writes to a pipe when it is dropped, so that a test that fails ends.
struct Unblock<'p>(&'p OwnedFd);

impl Drop for Unblock<'_> {
    fn drop(&mut self) {
        rustix::io::write(self.0, b"y").unwrap();
    }
}

/// A read from an empty pipe blocks in `io_submit` until data comes.
#[test]
fn submission_that_blocks_does_not_hold_back_who_receives() {
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let (socket, mut peer) = UnixStream::pair().unwrap();
    let socket = Arc::new(File::from(OwnedFd::from(socket)));
    let reader = Arc::new(File::from(reader));
    let driver = SharedDriver::shared(8).unwrap();
    let poll = Request::poll(socket).events(PollEvents::IN).with_buf(PageBuf::empty());
    let mut watch = pin!(driver.start(poll).unwrap());
    driver.turn().unwrap();
    let blocks = driver.start(Request::read(reader, PageBuf::new(1).unwrap(), 0)).unwrap();
    thread::scope(|threads| {
        let unblock = Unblock(&writer);
        let submits = threads.spawn(|| driver.flush().unwrap());
        while driver.staged() > 0 {
            thread::yield_now();
        }
        // From here on `flush` waits in `io_submit`, or is about to.
        peer.write_all(b"x").unwrap();
        let cx = &mut Context::from_waker(Waker::noop());
        let done = loop {
            driver.turn().unwrap();
            if let Poll::Ready(done) = watch.as_mut().poll(cx) {
                break done;
            }
            thread::yield_now();
        };
        assert!(done.result.is_ok(), "{:?}", done.result);
        assert!(!submits.is_finished());
        // A request that was started meanwhile is submitted after it.
        let poll = Request::poll(Arc::new(File::from(writer.try_clone().unwrap())));
        let next = driver.start(poll.events(PollEvents::OUT).with_buf(PageBuf::empty())).unwrap();
        drop(unblock);
        submits.join().unwrap();
        with_driver_thread(&driver, || {
            assert_eq!(block_on(blocks).result, Ok(1));
            assert!(block_on(next).result.is_ok());
        });
    });
}
