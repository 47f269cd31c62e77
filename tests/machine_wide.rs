//! What all programs of the machine share: how many requests their contexts may have together
//! (`fs.aio-max-nr`). Here it is used up, and given back in every way.
//!
//! A program of its own, which Cargo runs when the other tests are over: whoever makes a context
//! meanwhile is refused. Nothing is set, so that nothing has to be set back: what is taken ends with
//! the contexts, and these with the process at the latest.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::std_instead_of_core,
    missing_docs,
    unreachable_pub,
    reason = "tests are programs with std, and stop at the first surprise"
)]

#[allow(dead_code, unused_imports, reason = "shared with the other test program")]
#[allow(
    clippy::multiple_unsafe_ops_per_block,
    reason = "tests play out several raw calls in a row"
)]
mod support;

use linux_aio::{Batch, Context, Errno, PageBuf, PollEvents, Request, SetupError, raw::RawContext};
use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};
use support::{Child, Ledger, LoopDevice, Stall, file_with, pattern, skip};

/// How many requests a context is for, when there are to be many contexts.
const EACH: usize = 16;
/// What is shared out among them; if the limit is larger, one large context takes the rest.
const SHARED_OUT: u64 = 65_536;
/// Beyond this, the rest takes more memory than a test should.
const LARGEST: u64 = 2_000_000;

type Small = Context<Vec<u8>, usize, EACH>;

/// Tests of what there is one of.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `fs.aio-nr` or `fs.aio-max-nr`.
fn sysctl(name: &str) -> u64 {
    fs::read_to_string(format!("/proc/sys/fs/{name}")).unwrap().trim().parse().unwrap()
}

/// Waits until no more is in use than there was.
fn given_back(before: u64) {
    let start = Instant::now();
    while sysctl("aio-nr") > before {
        let now = sysctl("aio-nr");
        assert!(start.elapsed() < Duration::from_secs(10), "{now} in use, before {before}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Everything there is: the contexts, each with a read that is over, and the refusal of one more.
struct All {
    small: Vec<Small>,
    ledger: Ledger,
    refused: SetupError,
    _rest: Option<RawContext>,
}

/// A read of one byte, with a number.
fn submit_one(cx: &mut Small, file: &File, number: usize, ledger: &mut Ledger) {
    let request = Request::read(file, vec![0; 1], number as u64 % 256).tag(number);
    ledger.lend(number, request.buf());
    let mut batch = Batch::<_, _, 1>::new();
    batch.push(request).unwrap();
    assert_eq!(cx.submit(&mut batch).unwrap().accepted, 1);
}

/// Makes contexts until there can be no more. `None`, and loud, if that would be too many.
fn use_up(file: &File) -> Option<All> {
    let (limit, in_use) = (sysctl("aio-max-nr"), sysctl("aio-nr"));
    let left = limit.saturating_sub(in_use);
    if !(SHARED_OUT / 2..=LARGEST).contains(&left) {
        skip(format!("fs.aio-max-nr is {limit}, and {in_use} are in use"));
        return None;
    }
    let rest = left.checked_sub(SHARED_OUT).filter(|&rest| rest > 0);
    let _rest = rest.map(|rest| RawContext::new(rest as usize).unwrap());
    let (mut small, mut ledger) = (Vec::new(), Ledger::default());
    loop {
        match Small::new() {
            Ok(mut cx) => {
                submit_one(&mut cx, file, small.len(), &mut ledger);
                small.push(cx);
            }
            Err(refused) => return Some(All { small, ledger, refused, _rest }),
        }
    }
}

/// A file of 256 bytes, where each is its own offset.
fn numbered() -> File {
    file_with(&(0..=255).collect::<Vec<u8>>())
}

#[test]
fn thousands_of_contexts_up_to_the_limit_and_back() {
    let _one_at_a_time = one_at_a_time();
    let before = sysctl("aio-nr");
    let file = numbered();
    let Some(All { mut small, mut ledger, refused, _rest }) = use_up(&file) else { return };
    assert!(small.len() >= 2000, "{}", small.len());

    assert_eq!((refused.call, refused.errno, refused.asked), ("io_setup", Errno::EAGAIN, EACH));
    let (in_use, limit) = (refused.in_use.unwrap(), refused.limit.unwrap());
    assert_eq!(limit, sysctl("aio-max-nr"));
    assert!(in_use + EACH as u64 > limit && in_use <= limit, "{in_use} of {limit}");
    assert_eq!(
        refused.to_string(),
        format!(
            "io_setup: asked for {EACH} requests, but {in_use} of {limit} are in use machine-wide: ask \
             for fewer, close contexts, or raise the limit (sysctl fs.aio-max-nr)"
        )
    );
    // As it says: where one is closed, there is room for another one.
    let mut last = small.pop().unwrap();
    let done = last.wait(1, None).unwrap().next().unwrap();
    ledger.take_back(done.tag, &done.buf);
    last.close().unwrap();
    let another = Small::new().unwrap();

    // Those that are there work as ever.
    let made = small.len();
    for (number, cx) in small.iter_mut().enumerate() {
        submit_one(cx, &file, made + 1 + number, &mut ledger);
        let done = cx.wait(2, None).unwrap().collect::<Vec<_>>();
        assert_eq!(
            done.iter().map(|done| done.tag).collect::<Vec<_>>(),
            [number, made + 1 + number]
        );
        for done in done {
            assert_eq!((done.result, usize::from(done.buf[0])), (Ok(1), done.tag % 256));
            ledger.take_back(done.tag, &done.buf);
        }
    }
    assert_eq!(ledger.settle(), 2 * made + 1);

    // Each takes its time to end, mostly to wait: all at once, then.
    let mut few = Vec::new();
    while !small.is_empty() {
        few.push(small.split_off(small.len().saturating_sub(EACH)));
    }
    few.push(vec![another]);
    thread::scope(|scope| {
        for few in few {
            scope.spawn(|| few.into_iter().for_each(|cx| cx.close().unwrap()));
        }
    });
    drop(_rest);
    given_back(before);
    Small::new().unwrap().close().unwrap();
}

#[test]
fn a_process_that_ends_with_thousands_of_contexts() {
    let _one_at_a_time = one_at_a_time();
    let before = sysctl("aio-nr");
    let file = numbered();
    support::in_child(|| std::mem::forget(use_up(&file)));
    given_back(before);
    Small::new().unwrap().close().unwrap();
}

/// What the child that is killed claims.
const CLAIMED: usize = 1000;

/// Kills a child that has submitted something and says so.
fn killed(submit: impl FnOnce() + Send, in_between: impl FnOnce(&mut Child)) {
    let _one_at_a_time = one_at_a_time();
    let before = sysctl("aio-nr");
    let (mut submitted, mut tell) = std::io::pipe().unwrap();
    let mut child = Child::new(|| {
        submit();
        tell.write_all(b"x").unwrap();
        thread::sleep(Duration::from_secs(60));
    });
    submitted.read_exact(&mut [0]).unwrap();
    assert!(sysctl("aio-nr") >= CLAIMED as u64);
    child.kill();
    in_between(&mut child);
    let status = child.status();
    assert_eq!((libc::WIFSIGNALED(status), libc::WTERMSIG(status)), (true, libc::SIGKILL));
    given_back(before);
}

#[test]
fn a_process_that_is_killed_with_polls_in_flight() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let submit = || {
        let mut cx = Context::<(), usize, CLAIMED>::new().unwrap();
        let mut batch = Batch::<_, _, CLAIMED>::new();
        for number in 0..CLAIMED {
            batch.push(Request::poll(&socket).events(PollEvents::IN).tag(number)).unwrap();
        }
        assert_eq!(cx.submit(&mut batch).unwrap().accepted, CLAIMED);
        std::mem::forget(cx);
    };
    killed(submit, |_| ());
}

#[test]
fn a_process_that_is_killed_with_writes_in_flight() {
    const BLOCK: usize = 4096;
    const BLOCKS: usize = 64;
    let Some(device) = LoopDevice::new(&pattern(BLOCKS * BLOCK)) else { return };
    let Some(stall) = Stall::of(&device) else { return };
    let submit = || {
        let file = device.open();
        let mut cx = Context::<PageBuf, usize, CLAIMED>::new().unwrap();
        let mut batch = Batch::<_, _, BLOCKS>::new();
        for number in 0..BLOCKS {
            let zeros = PageBuf::new(BLOCK).unwrap();
            batch.push(Request::write(&file, zeros, (number * BLOCK) as u64).tag(number)).unwrap();
        }
        assert_eq!(cx.submit(&mut batch).unwrap().accepted, BLOCKS);
        drop(batch);
        std::mem::forget(cx);
    };
    killed(submit, |child| {
        thread::sleep(Duration::from_millis(50));
        assert_eq!(child.try_status(), None, "it ends when its writes are over");
        stall.lift();
    });
    assert!(device.content(BLOCKS * BLOCK).iter().all(|&byte| byte == 0), "all was written");
}
