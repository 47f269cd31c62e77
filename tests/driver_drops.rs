//! Futures that are dropped while their requests are in flight: buffers come back to their pool, files
//! are intact, polls are cancelled.

use crate::{
    driver::FileDriver,
    support::{direct_file_with, pattern},
};
use linux_aio::{Driver, IoBuf, IoBufMut, IoBytes, PageBuf, PollEvents, Request};
use std::{
    cell::RefCell,
    fs::File,
    future::Future,
    io::Read as _,
    os::{fd::OwnedFd, unix::net::UnixStream},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

const BLOCK: usize = 512;

/// A pool of buffers.
type Pool = Rc<RefCell<Vec<PageBuf>>>;

/// A buffer that returns to its pool when it is dropped.
struct Pooled {
    buf: Option<PageBuf>,
    pool: Pool,
}

impl Drop for Pooled {
    fn drop(&mut self) {
        self.pool.borrow_mut().push(self.buf.take().unwrap());
    }
}

// SAFETY: all methods are those of the `PageBuf`, which is taken out only by the drop.
unsafe impl IoBuf for Pooled {
    fn io_ptr(&mut self) -> *mut u8 {
        self.buf.as_mut().unwrap().io_ptr()
    }

    fn io_len(&self) -> usize {
        self.buf.as_ref().unwrap().io_len()
    }
}

// SAFETY: as above.
unsafe impl IoBytes for Pooled {}

// SAFETY: as above.
unsafe impl IoBufMut for Pooled {}

#[test]
fn futures_dropped_at_random_under_load_lose_no_buffer() {
    const BUFFERS: usize = 96;
    const BLOCKS: usize = 2048;
    let drops = std::env::var("DROPS").map_or(100_000, |text| text.parse().unwrap());
    let content = pattern(BLOCKS * BLOCK);
    let Some(file) = direct_file_with(&content) else { return };
    let file = Rc::new(file);
    let pool = Pool::default();
    let buffers = (0..BUFFERS).map(|_| PageBuf::new(BLOCK).unwrap()).collect::<Vec<_>>();
    let mut addresses = buffers.iter().map(|buf| buf.as_ptr()).collect::<Vec<_>>();
    pool.borrow_mut().extend(buffers);
    let driver = Driver::<Pooled, Rc<File>>::new(64).unwrap();
    let mut random = fastrand::Rng::with_seed(1);
    let cx = &mut Context::from_waker(Waker::noop());
    let mut ops = Vec::new();
    let (mut dropped, mut read) = (0, 0);
    while dropped < drops {
        match random.u8(0..10) {
            0..=4 => {
                if driver.free() > 0
                    && let Some(buf) = pool.borrow_mut().pop()
                {
                    let block = random.usize(0..BLOCKS);
                    let buf = Pooled { buf: Some(buf), pool: Rc::clone(&pool) };
                    let file = Rc::clone(&file);
                    // Half of them write what is there already.
                    let request = if random.bool() {
                        let mut buf = buf;
                        let at = block * BLOCK;
                        buf.buf.as_mut().unwrap().copy_from_slice(&content[at..at + BLOCK]);
                        Request::write(file, buf, at as u64)
                    } else {
                        Request::read(file, buf, (block * BLOCK) as u64)
                    };
                    ops.push((block, driver.start(request).unwrap()));
                }
            }
            5..=6 => driver.turn().unwrap(),
            7 => {
                driver.park(Some(Duration::from_millis(1))).unwrap();
                ops.retain_mut(|(block, op)| match Pin::new(op).poll(cx) {
                    Poll::Ready(done) => {
                        assert_eq!(done.result, Ok(BLOCK));
                        let at = *block * BLOCK;
                        assert!(done.buf.buf.as_ref().unwrap()[..] == content[at..at + BLOCK]);
                        read += 1;
                        false
                    }
                    Poll::Pending => true,
                });
            }
            _ => {
                for _ in 0..random.usize(0..8).min(ops.len()) {
                    drop(ops.swap_remove(random.usize(0..ops.len())));
                    dropped += 1;
                }
            }
        }
    }
    ops.clear();
    while driver.in_flight() > 0 {
        driver.park(None).unwrap();
    }
    assert_eq!((driver.free(), driver.orphans(), driver.staged()), (64, 0, 0));
    assert!(read > 100, "{read} reads were awaited");
    let mut back = pool.borrow().iter().map(|buf| buf.as_ptr()).collect::<Vec<_>>();
    back.sort_unstable();
    addresses.sort_unstable();
    assert_eq!(back, addresses, "every buffer is in the pool, once");
    let mut after = vec![0; content.len()];
    std::os::unix::fs::FileExt::read_exact_at(&*file, aligned(&mut after, &file), 0).unwrap();
    assert_eq!(Rc::strong_count(&file), 1);
}

/// Checks the content of a file that is open with `O_DIRECT`, and returns nothing to read.
fn aligned<'a>(after: &'a mut [u8], file: &File) -> &'a mut [u8] {
    let mut buf = PageBuf::new(after.len()).unwrap();
    std::os::unix::fs::FileExt::read_exact_at(file, &mut buf[..], 0).unwrap();
    assert!(buf[..] == pattern(after.len()), "the file is intact");
    &mut after[..0]
}

#[test]
fn leaked_futures_neither_hang_nor_corrupt() {
    let content = pattern(64 * BLOCK);
    let Some(file) = direct_file_with(&content) else { return };
    let file = Rc::new(file);
    let pool = Pool::default();
    let driver = Driver::<Pooled, Rc<File>>::new(64).unwrap();
    let cx = &mut Context::from_waker(Waker::noop());
    for leak in 0..64 {
        let buf = Pooled { buf: Some(PageBuf::new(BLOCK).unwrap()), pool: Rc::clone(&pool) };
        let request = Request::read(Rc::clone(&file), buf, leak * BLOCK as u64);
        let mut op = driver.start(request).unwrap();
        // It is leaked before its request is submitted, in flight, or after it has completed.
        match leak % 4 {
            0 => {}
            1 => driver.flush().unwrap(),
            2 => assert!(Pin::new(&mut op).poll(cx).is_pending()),
            _ => {
                while op.in_flight() || driver.staged() > 0 {
                    driver.park(None).unwrap();
                }
            }
        }
        std::mem::forget(op);
        driver.turn().unwrap();
    }
    assert_eq!(driver.free(), 0);
    assert!(pool.borrow().is_empty());
    drop(driver);
    assert_eq!((pool.borrow().len(), Rc::strong_count(&file)), (64, 1));
}

#[test]
fn dropped_poll_is_cancelled_in_the_next_turn() {
    let (socket, mut peer) = UnixStream::pair().unwrap();
    let driver = FileDriver::new(4).unwrap();
    let file = Arc::new(File::from(OwnedFd::from(socket)));
    let poll = Request::poll(file).events(PollEvents::IN).with_buf(PageBuf::empty());
    let op = driver.start(poll).unwrap();
    driver.turn().unwrap();
    assert!(op.in_flight());
    drop(op);
    assert_eq!(driver.orphans(), 1);
    while driver.orphans() > 0 {
        driver.park(None).unwrap();
    }
    // The kernel has closed the socket.
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
}

#[test]
fn driver_that_ends_with_polls_in_flight_does_not_wait_for_them() {
    let (socket, mut peer) = UnixStream::pair().unwrap();
    let driver = FileDriver::new(4).unwrap();
    let file = Arc::new(File::from(OwnedFd::from(socket)));
    for _ in 0..4 {
        let poll = Request::poll(Arc::clone(&file)).events(PollEvents::IN);
        std::mem::forget(driver.start(poll.with_buf(PageBuf::empty())).unwrap());
    }
    drop(file);
    driver.turn().unwrap();
    drop(driver);
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
}
