//! A device that is stalled until the test lifts the stall, so that requests are in flight for
//! certain. Whatever the program does meanwhile, it gets its buffers back only when the kernel is done
//! with them.

use crate::support::{Child, Ledger, LoopDevice, Stall, file_with, leaked, pattern};
use linux_aio::{Batch, CancelResult, Context, ContextError, IoBufMut, IoBytes, PageBuf, Request};
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

/// How long the stall lasts at least.
const STALLED: Duration = Duration::from_millis(50);

/// A device of eight blocks that is stalled, and its content.
fn slow_device() -> Option<(LoopDevice, Stall, Vec<u8>)> {
    let content = pattern(BLOCKS * BLOCK);
    let device = LoopDevice::new(&content)?;
    let stall = Stall::of(&device)?;
    Some((device, stall, content))
}

/// Submits reads of all blocks, which stay in flight.
fn read_all<B: IoBufMut + IoBytes>(
    cx: &mut Context<B, usize>,
    file: &File,
    bufs: impl IntoIterator<Item = B>,
) {
    let mut batch = Batch::<_, _, _, BLOCKS>::new();
    for (tag, buf) in bufs.into_iter().enumerate() {
        batch.push(Request::read(file, buf, (tag * BLOCK) as u64).tag(tag)).unwrap();
    }
    assert_eq!(cx.submit(&mut batch).unwrap().accepted, BLOCKS);
    assert_eq!(cx.reap().unwrap().len(), 0, "all are in flight");
}

/// A ledger with these buffers, each with its index as tag.
fn ledger_of(bufs: &[PageBuf]) -> Ledger {
    let mut ledger = Ledger::default();
    for (tag, buf) in bufs.iter().enumerate() {
        ledger.add(tag, buf);
    }
    ledger
}

/// Waits for all reads, and checks what they have read.
fn take_all(cx: &mut Context<PageBuf, usize>, ledger: &mut Ledger, content: &[u8]) {
    for done in cx.wait(BLOCKS, None).unwrap() {
        assert_eq!(done.result, Ok(BLOCK));
        assert!(done.buf[..] == content[done.tag * BLOCK..][..BLOCK]);
        ledger.complete(done.tag, &done.buf);
    }
}

/// Runs `f`, and checks that it does not return before the stall is lifted.
fn returns_after_lift<R>(stall: &Stall, f: impl FnOnce() -> R) -> R {
    let lifted = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(STALLED);
            lifted.store(true, Ordering::SeqCst);
            stall.lift();
        });
        let result = f();
        assert!(lifted.load(Ordering::SeqCst), "it returned while the kernel had the buffers");
        result
    })
}

/// Ends a context by `end` with eight reads in flight, and checks that they have completed then.
fn check_end(end: impl FnOnce(Context<&'static mut [u8], usize>)) {
    let Some((device, stall, content)) = slow_device() else { return };
    let bufs = [(); BLOCKS].map(|()| leaked(BLOCK));
    let addresses = bufs.each_ref().map(|buf| buf.as_ptr());
    let mut cx = Context::new(BLOCKS).unwrap();
    read_all(&mut cx, &device.open(), bufs);
    returns_after_lift(&stall, || end(cx));
    for (address, content) in addresses.into_iter().zip(content.chunks(BLOCK)) {
        // SAFETY: leaked above, and the context that had it was dropped.
        assert!(unsafe { std::slice::from_raw_parts(address, BLOCK) } == content);
    }
}

#[test]
fn context_drop_waits_for_device() {
    check_end(drop);
}

#[test]
fn context_close_waits_for_device() {
    check_end(|cx| cx.close().unwrap());
}

#[test]
fn panic_that_drops_context_waits_for_device() {
    check_end(|cx| {
        catch_unwind(AssertUnwindSafe(move || {
            let _cx = cx;
            panic!("on purpose");
        }))
        .unwrap_err();
    });
}

/// Leaves a scope by `leave` with eight reads in flight, and checks that they have completed then.
fn check_exit(leave: impl FnOnce()) {
    let Some((device, stall, content)) = slow_device() else { return };
    let mut bufs = [(); BLOCKS].map(|()| PageBuf::new(BLOCK).unwrap());
    let mut cx = Context::<(), ()>::new(BLOCKS).unwrap();
    let left = returns_after_lift(&stall, || {
        catch_unwind(AssertUnwindSafe(|| {
            cx.scope(|cx| {
                read_all(cx, &device.open(), bufs.iter_mut().map(|buf| &mut buf[..]));
                leave();
                Ok::<_, ContextError>(())
            })
        }))
    });
    // The borrow has ended, so the reads have completed.
    assert!(bufs.iter().zip(content.chunks(BLOCK)).all(|(buf, content)| buf[..] == *content));
    assert_eq!((cx.outstanding(), cx.stats().accepted), (0, BLOCKS as u64));
    drop(left);
}

#[test]
fn scope_end_waits_for_device() {
    check_exit(|| ());
}

#[test]
fn panic_in_scope_waits_for_device() {
    check_exit(|| panic!("on purpose"));
}

/// Calls `change` with the file of eight reads in flight, and checks that they complete with its data.
fn read_while(change: impl FnOnce(File)) {
    let Some((device, stall, content)) = slow_device() else { return };
    let mut cx = Context::<PageBuf, usize>::new(BLOCKS).unwrap();
    let bufs = [(); BLOCKS].map(|()| PageBuf::new(BLOCK).unwrap());
    let mut ledger = ledger_of(&bufs);
    let file = device.open();
    read_all(&mut cx, &file, bufs);
    change(file);
    returns_after_lift(&stall, || take_all(&mut cx, &mut ledger, &content));
    assert_eq!(ledger.finish(), BLOCKS);
}

#[test]
fn reads_complete_after_descriptor_is_closed() {
    read_while(drop);
}

#[test]
fn reads_complete_after_descriptor_is_replaced() {
    let other = file_with(&vec![0xee; BLOCKS * BLOCK]);
    read_while(|file| {
        // SAFETY: both are open; `file` owns the same number afterwards.
        let now = unsafe { libc::dup2(other.as_raw_fd(), file.as_raw_fd()) };
        assert_eq!(now, file.as_raw_fd());
    });
}

#[test]
fn wait_ends_at_deadline_with_reads_in_flight() {
    let Some((device, stall, content)) = slow_device() else { return };
    let mut cx = Context::<PageBuf, usize>::new(BLOCKS).unwrap();
    let bufs = [(); BLOCKS].map(|()| PageBuf::new(BLOCK).unwrap());
    let mut ledger = ledger_of(&bufs);
    read_all(&mut cx, &device.open(), bufs);
    let start = Instant::now();
    assert_eq!(cx.wait(1, Some(STALLED)).unwrap().len(), 0);
    assert!((STALLED..STALLED * 20).contains(&start.elapsed()), "{:?}", start.elapsed());
    // They cannot be cancelled either.
    let ids = cx.in_flight().map(|request| request.id).collect::<Vec<_>>();
    for id in ids {
        assert_eq!(cx.cancel(id).unwrap(), CancelResult::NotCancellable);
    }
    assert_eq!(cx.outstanding(), BLOCKS, "all reads are in flight still");
    returns_after_lift(&stall, || take_all(&mut cx, &mut ledger, &content));
    assert_eq!(ledger.finish(), BLOCKS);
}

/// Starts a child that writes zeros to all blocks and calls `then` with the writes in flight; kills it
/// if `kill` is set. Checks that it does not end before the stall is lifted and that all blocks are
/// written. Returns its exit status.
fn writer(then: impl FnOnce(Context<PageBuf, usize>), kill: bool) -> Option<i32> {
    let (device, stall, _) = slow_device()?;
    let (mut submitted, signal) = std::io::pipe().unwrap();
    let mut child = Child::new(|| {
        let mut signal = signal; // the parent closes it, so that it sees if the child fails
        let mut cx = Context::<PageBuf, usize>::new(BLOCKS).unwrap();
        let file = device.open();
        let mut batch = Batch::<_, _, _, BLOCKS>::new();
        for tag in 0..BLOCKS {
            let buf = PageBuf::new(BLOCK).unwrap();
            batch.push(Request::write(&file, buf, (tag * BLOCK) as u64).tag(tag)).unwrap();
        }
        assert_eq!(cx.submit(&mut batch).unwrap().accepted, BLOCKS);
        assert_eq!(cx.reap().unwrap().len(), 0, "all are in flight");
        signal.write_all(b"x").unwrap();
        then(cx);
    });
    submitted.read_exact(&mut [0]).expect("the child failed");
    if kill {
        child.kill();
    }
    thread::sleep(STALLED);
    assert_eq!(child.try_status(), None, "the process does not end before its writes");
    stall.lift();
    let status = child.status();
    assert!(device.content(BLOCKS * BLOCK).iter().all(|&byte| byte == 0), "all blocks are written");
    Some(status)
}

#[test]
fn process_exit_finishes_writes() {
    // Without dropping the context, as with `std::process::exit`.
    assert_eq!(writer(std::mem::forget, false).unwrap_or(0), 0);
}

#[test]
fn process_exit_by_panic_finishes_writes() {
    let panic = |cx| {
        let _cx: Context<_, _> = cx;
        panic!("on purpose");
    };
    if let Some(status) = writer(panic, false) {
        assert_eq!((libc::WIFEXITED(status), libc::WEXITSTATUS(status)), (true, 1));
    }
}

#[test]
fn killed_process_finishes_writes() {
    let sleep = |cx| {
        thread::sleep(Duration::from_secs(60));
        drop(cx);
    };
    if let Some(status) = writer(sleep, true) {
        assert_eq!((libc::WIFSIGNALED(status), libc::WTERMSIG(status)), (true, libc::SIGKILL));
    }
}
