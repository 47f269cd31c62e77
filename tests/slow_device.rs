//! A device that takes its time, with requests in flight for as long as the test wants: whatever the
//! program does meanwhile, it has its buffers back only when the kernel is done with them.
//!
//! The device is throttled until it is let go; each test checks that it did not come back before.

use crate::support::{Child, Ledger, LoopDevice, Stall, file_with, leaked, pattern};
use linux_aio::{Batch, Cancel, Context, IoBufMut, IoBytes, PageBuf, Request};
use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::AsRawFd as _,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

const BLOCK: usize = 64 << 10;
const BLOCKS: usize = 8;

/// How long it is watched that nothing happens.
const WHILE: Duration = Duration::from_millis(50);

/// A device of eight blocks, and its content, that does nothing for now.
fn slow_device() -> Option<(LoopDevice, Stall, Vec<u8>)> {
    let content = pattern(BLOCKS * BLOCK);
    let device = LoopDevice::new(&content)?;
    let stall = Stall::of(&device)?;
    Some((device, stall, content))
}

/// Submits reads of all blocks, which stay in flight.
fn read_all<B: IoBufMut + IoBytes>(
    cx: &mut Context<B, usize, BLOCKS>,
    file: &File,
    bufs: impl IntoIterator<Item = B>,
) {
    let mut batch = Batch::<_, _, BLOCKS>::new();
    for (tag, buf) in bufs.into_iter().enumerate() {
        batch.push(Request::read(file, buf, (tag * BLOCK) as u64).tag(tag)).unwrap();
    }
    assert_eq!(cx.submit(&mut batch).unwrap().accepted, BLOCKS);
    assert_eq!(cx.reap().unwrap().len(), 0, "all are in flight");
}

/// The account of such reads.
fn lent(bufs: &[PageBuf]) -> Ledger {
    let mut ledger = Ledger::default();
    for (tag, buf) in bufs.iter().enumerate() {
        ledger.lend(tag, buf);
    }
    ledger
}

/// Waits for all of them, and checks what they have read.
fn take_all(cx: &mut Context<PageBuf, usize, BLOCKS>, ledger: &mut Ledger, content: &[u8]) {
    for done in cx.wait(BLOCKS, None).unwrap() {
        assert_eq!(done.result, Ok(BLOCK));
        assert!(done.buf[..] == content[done.tag * BLOCK..][..BLOCK]);
        ledger.take_back(done.tag, &done.buf);
    }
}

/// Runs `f`, which is to take until the device has been let go.
fn takes_until_lifted<R>(stall: &Stall, f: impl FnOnce() -> R) -> R {
    let lifted = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(WHILE);
            lifted.store(true, Ordering::SeqCst);
            stall.lift();
        });
        let result = f();
        assert!(lifted.load(Ordering::SeqCst), "it came back while the kernel had the buffers");
        result
    })
}

/// Ends a context, with eight reads in flight, by `end`.
fn ended_by(end: impl FnOnce(Context<&'static mut [u8], usize, BLOCKS>)) {
    let Some((device, stall, content)) = slow_device() else { return };
    let bufs = [(); BLOCKS].map(|()| leaked(BLOCK));
    let addresses = bufs.each_ref().map(|buf| buf.as_ptr());
    let mut cx = Context::new().unwrap();
    read_all(&mut cx, &device.open(), bufs);
    takes_until_lifted(&stall, || end(cx));
    for (address, content) in addresses.into_iter().zip(content.chunks(BLOCK)) {
        // SAFETY: leaked above, and the context that had it is gone.
        assert!(unsafe { std::slice::from_raw_parts(address, BLOCK) } == content);
    }
}

#[test]
fn dropping_the_context() {
    ended_by(drop);
}

#[test]
fn closing_the_context() {
    ended_by(|cx| cx.close().unwrap());
}

#[test]
fn a_panic_that_drops_the_context() {
    ended_by(|cx| {
        catch_unwind(AssertUnwindSafe(move || {
            let _cx = cx;
            panic!("on purpose");
        }))
        .unwrap_err();
    });
}

/// Leaves a scope, with eight reads in flight, by `leave`.
fn left_by(leave: impl FnOnce()) {
    let Some((device, stall, content)) = slow_device() else { return };
    let mut bufs = [(); BLOCKS].map(|()| PageBuf::new(BLOCK).unwrap());
    let mut cx = Context::<(), (), BLOCKS>::new().unwrap();
    let left = takes_until_lifted(&stall, || {
        catch_unwind(AssertUnwindSafe(|| {
            cx.scope(|cx| {
                read_all(cx, &device.open(), bufs.iter_mut().map(|buf| &mut buf[..]));
                leave();
            })
        }))
    });
    // The borrow is over, so every byte must be there.
    assert!(bufs.iter().zip(content.chunks(BLOCK)).all(|(buf, content)| buf[..] == *content));
    assert_eq!((cx.in_flight(), cx.stats().accepted), (0, BLOCKS as u64));
    drop(left);
}

#[test]
fn leaving_a_scope() {
    left_by(|| ());
}

#[test]
fn a_panic_in_a_scope() {
    left_by(|| panic!("on purpose"));
}

/// Has eight reads in flight while `disturb` is done to their file, and takes what comes.
fn read_while(disturb: impl FnOnce(File)) {
    let Some((device, stall, content)) = slow_device() else { return };
    let mut cx = Context::<PageBuf, usize, BLOCKS>::new().unwrap();
    let bufs = [(); BLOCKS].map(|()| PageBuf::new(BLOCK).unwrap());
    let mut ledger = lent(&bufs);
    let file = device.open();
    read_all(&mut cx, &file, bufs);
    disturb(file);
    takes_until_lifted(&stall, || take_all(&mut cx, &mut ledger, &content));
    assert_eq!(ledger.settle(), BLOCKS);
}

#[test]
fn the_descriptor_is_closed() {
    read_while(drop);
}

#[test]
fn the_descriptor_is_replaced() {
    let other = file_with(&vec![0xee; BLOCKS * BLOCK]);
    read_while(|file| {
        // SAFETY: both are open; `file` keeps its number and owns what is there now.
        let now = unsafe { libc::dup2(other.as_raw_fd(), file.as_raw_fd()) };
        assert_eq!(now, file.as_raw_fd());
    });
}

#[test]
fn a_deadline_while_nothing_comes() {
    let Some((device, stall, content)) = slow_device() else { return };
    let mut cx = Context::<PageBuf, usize, BLOCKS>::new().unwrap();
    let bufs = [(); BLOCKS].map(|()| PageBuf::new(BLOCK).unwrap());
    let mut ledger = lent(&bufs);
    read_all(&mut cx, &device.open(), bufs);
    let start = Instant::now();
    assert_eq!(cx.wait(1, Some(WHILE)).unwrap().len(), 0);
    assert!((WHILE..WHILE * 20).contains(&start.elapsed()), "{:?}", start.elapsed());
    // Giving up on them is not possible either.
    let ids = cx.requests().map(|request| request.id).collect::<Vec<_>>();
    for id in ids {
        assert_eq!(cx.cancel(id).unwrap(), Cancel::NotCancellable);
    }
    assert_eq!(cx.in_flight(), BLOCKS, "they stay, with their buffers");
    takes_until_lifted(&stall, || take_all(&mut cx, &mut ledger, &content));
    assert_eq!(ledger.settle(), BLOCKS);
}

/// Starts a child that writes zeros to all blocks and, with the writes in flight, does `then`. Lets the
/// device go when it is seen that the child does not end before, and says how it ended.
fn writer(then: impl FnOnce(Context<PageBuf, usize, BLOCKS>), kill: bool) -> Option<i32> {
    let (device, stall, _) = slow_device()?;
    let (mut submitted, mut tell) = std::io::pipe().unwrap();
    let mut child = Child::new(|| {
        let mut cx = Context::<PageBuf, usize, BLOCKS>::new().unwrap();
        let file = device.open();
        let mut batch = Batch::<_, _, BLOCKS>::new();
        for tag in 0..BLOCKS {
            let buf = PageBuf::new(BLOCK).unwrap();
            batch.push(Request::write(&file, buf, (tag * BLOCK) as u64).tag(tag)).unwrap();
        }
        assert_eq!(cx.submit(&mut batch).unwrap().accepted, BLOCKS);
        assert_eq!(cx.reap().unwrap().len(), 0, "all are in flight");
        tell.write_all(b"x").unwrap();
        then(cx);
    });
    submitted.read_exact(&mut [0]).unwrap();
    if kill {
        child.kill();
    }
    thread::sleep(WHILE);
    assert_eq!(
        child.try_status(),
        None,
        "the kernel does not let it go before the writes are over"
    );
    stall.lift();
    let status = child.status();
    assert!(device.content(BLOCKS * BLOCK).iter().all(|&byte| byte == 0), "all was written");
    Some(status)
}

#[test]
fn the_process_exits() {
    // Without a word to the kernel, as `std::process::exit` does.
    assert_eq!(writer(std::mem::forget, false).unwrap_or(0), 0);
}

#[test]
fn the_process_exits_by_a_panic() {
    let panic = |cx| {
        let _cx: Context<_, _, BLOCKS> = cx;
        panic!("on purpose");
    };
    if let Some(status) = writer(panic, false) {
        assert_eq!((libc::WIFEXITED(status), libc::WEXITSTATUS(status)), (true, 1));
    }
}

#[test]
fn the_process_is_killed() {
    let sleep = |cx| {
        thread::sleep(Duration::from_secs(60));
        drop(cx);
    };
    if let Some(status) = writer(sleep, true) {
        assert_eq!((libc::WIFSIGNALED(status), libc::WTERMSIG(status)), (true, libc::SIGKILL));
    }
}
