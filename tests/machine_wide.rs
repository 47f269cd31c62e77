//! The machine-wide limit on the requests of all contexts, `fs.aio-max-nr`: it is used up to a rest,
//! and given back when contexts are closed, when a process exits and when it is killed.
//!
//! The rest is left to other programs of the machine ([`FOR_OTHERS`]), which can make contexts while
//! the tests run. One test changes a setting of the machine, the reserve of huge pages, and puts it
//! back. A program of its own, which Cargo runs after the other tests, so that these have the limit to
//! themselves.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::std_instead_of_core,
    missing_docs,
    unreachable_pub,
    reason = "tests are programs with std, and panic when they fail"
)]

#[allow(dead_code, unused_imports, reason = "shared with the other test program")]
#[allow(clippy::multiple_unsafe_ops_per_block, reason = "tests make several raw calls in a row")]
mod support;

use linux_aio::{
    Batch, BufPool, Context, ContextError, Errno, PageBuf, PageKind, PollEvents, Request,
    SetupError, raw::RawContext,
};
use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};
use support::{Child, Ledger, LoopDevice, Stall, file_with, pattern, skip};

/// The capacity of a small context.
const EACH: usize = 16;
/// How much of the limit is always left to other programs: a quarter of the default limit.
const FOR_OTHERS: u64 = 16_384;
/// A context that is refused when the rest is left.
const REFUSED: usize = 32_768;
/// How much of the limit the small contexts use up together, at most. If it is larger, one large
/// context takes more.
const BY_SMALL: u64 = 49_152;
/// The largest rest of the limit that the test uses up: more would take too much memory.
const LARGEST: u64 = 2_000_000;

type Small = Context<Vec<u8>, usize>;

/// Runs the tests of this program one after the other.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The value of `fs.aio-nr` or `fs.aio-max-nr`.
fn sysctl(name: &str) -> u64 {
    fs::read_to_string(format!("/proc/sys/fs/{name}")).unwrap().trim().parse().unwrap()
}

/// Waits until `fs.aio-nr` is what it was before: the kernel gives a part back later.
fn wait_until_given_back(before: u64) {
    let start = Instant::now();
    while sysctl("aio-nr") > before {
        let now = sysctl("aio-nr");
        assert!(start.elapsed() < Duration::from_secs(10), "{now} in use, before {before}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Contexts that use the limit up to a rest, each with a completed read, and the error of making one
/// that is larger than the rest.
struct UsedUp {
    small: Vec<Small>,
    ledger: Ledger,
    refused: SetupError,
    _rest: Option<RawContext>,
}

/// Submits a read of one byte, with a number as tag.
fn submit_read(cx: &mut Small, file: &File, number: usize, ledger: &mut Ledger) {
    let request = Request::read(file, vec![0; 1], number as u64 % 256).tag(number);
    ledger.add(number, request.buf());
    let mut batch = Batch::<_, _, _, 1>::new();
    batch.push(request).unwrap();
    assert_eq!(cx.submit(&mut batch).unwrap().accepted, 1);
}

/// How much of the limit the tests may use up: what is not in use, and not left to others.
fn available() -> u64 {
    sysctl("aio-max-nr").saturating_sub(sysctl("aio-nr")).saturating_sub(FOR_OTHERS)
}

/// Makes contexts until only the rest is left. Prints why and returns `None` if the limit is too large
/// for that, or too much of it in use.
fn use_up(file: &File) -> Option<UsedUp> {
    let left = available();
    if !(BY_SMALL / 2..=LARGEST).contains(&left) {
        let (limit, in_use) = (sysctl("aio-max-nr"), sysctl("aio-nr"));
        skip(format!("fs.aio-max-nr is {limit}, and {in_use} are in use"));
        return None;
    }
    let rest = left.checked_sub(BY_SMALL).filter(|&rest| rest > 0);
    let _rest = rest.map(|rest| RawContext::new(rest as usize).unwrap());
    let (mut small, mut ledger) = (Vec::new(), Ledger::default());
    while available() >= EACH as u64 {
        let mut cx = Small::new(EACH).unwrap();
        submit_read(&mut cx, file, small.len(), &mut ledger);
        small.push(cx);
    }
    let refused = Small::new(REFUSED).unwrap_err();
    Some(UsedUp { small, ledger, refused, _rest })
}

/// A file of 256 bytes. Each byte is its offset.
fn numbered() -> File {
    file_with(&(0..=255).collect::<Vec<u8>>())
}

#[test]
fn contexts_use_up_limit_and_give_it_back() {
    let _one_at_a_time = one_at_a_time();
    let before = sysctl("aio-nr");
    let file = numbered();
    let Some(UsedUp { mut small, mut ledger, refused, _rest }) = use_up(&file) else { return };
    assert!(small.len() >= 1000, "{}", small.len());

    assert_eq!((refused.call, refused.errno, refused.asked), ("io_setup", Errno::EAGAIN, REFUSED));
    let (in_use, limit) = (refused.in_use.unwrap(), refused.limit.unwrap());
    assert_eq!(limit, sysctl("aio-max-nr"));
    assert!(in_use + REFUSED as u64 > limit && in_use <= limit, "{in_use} of {limit}");
    assert_eq!(
        refused.to_string(),
        format!(
            "io_setup: asked for {REFUSED} requests, but {in_use} of {limit} are in use machine-wide: ask \
             for fewer, close contexts, or raise the limit (sysctl fs.aio-max-nr)"
        )
    );
    // The existing contexts still work.
    let made = small.len();
    for (number, cx) in small.iter_mut().enumerate() {
        submit_read(cx, &file, made + number, &mut ledger);
        let done = cx.wait(2, None).unwrap().collect::<Vec<_>>();
        assert_eq!(done.iter().map(|done| done.tag).collect::<Vec<_>>(), [number, made + number]);
        for done in done {
            assert_eq!((done.result, usize::from(done.buf[0])), (Ok(1), done.tag % 256));
            ledger.complete(done.tag, &done.buf);
        }
    }
    assert_eq!(ledger.finish(), 2 * made);

    // In many threads: to close a context takes some 40 ms of waiting.
    let mut groups = Vec::new();
    while !small.is_empty() {
        groups.push(small.split_off(small.len().saturating_sub(EACH)));
    }
    thread::scope(|scope| {
        for group in groups {
            scope.spawn(|| group.into_iter().for_each(|cx| cx.close().unwrap()));
        }
    });
    drop(_rest);
    wait_until_given_back(before);
    // Closing contexts has made room for the one that was refused, as the message says. (Other
    // programs may use a part of the limit for a while.)
    let start = Instant::now();
    while let Err(error) = Small::new(REFUSED).map(Small::close) {
        assert!(start.elapsed() < Duration::from_secs(10), "{error}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn process_exit_gives_limit_back() {
    let _one_at_a_time = one_at_a_time();
    let before = sysctl("aio-nr");
    let file = numbered();
    support::in_child(|| std::mem::forget(use_up(&file)));
    wait_until_given_back(before);
    Small::new(EACH).unwrap().close().unwrap();
}

/// 65536 requests, or as many as are available.
#[test]
fn largest_context_has_all_requests_in_flight() {
    let _one_at_a_time = one_at_a_time();
    let depth = available().min(65_536) as usize;
    if depth < 32_768 {
        return skip(format!("only {depth} requests are available of fs.aio-max-nr"));
    }
    let file = numbered();
    let mut cx = Small::new(depth).unwrap();
    assert_eq!(cx.capacity(), depth);
    let mut batch = Batch::<_, _, _, 1024>::new();
    for tag in 0..depth {
        if batch.is_full() {
            assert_eq!(cx.submit(&mut batch).unwrap().accepted, 1024);
        }
        batch.push(Request::read(&file, vec![0; 1], tag as u64 % 256).tag(tag)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    assert_eq!((batch.len(), cx.outstanding()), (0, depth));
    let full = cx.submit_one(Request::read(&file, vec![0; 1], 0).tag(depth)).unwrap_err();
    assert_eq!(full, ContextError::Full);
    let mut completed = 0;
    for done in cx.wait_all(None).unwrap() {
        assert_eq!((done.tag, done.buf), (completed, vec![(completed % 256) as u8]));
        completed += 1;
    }
    assert_eq!((completed, cx.outstanding()), (depth, 0));
}

/// The kernel rounds the size of the ring up, but counts the capacity.
#[test]
fn capacity_counts_exactly_against_limit() {
    let _one_at_a_time = one_at_a_time();
    for capacity in [1, 65, 1000] {
        // Other programs of the machine may make contexts meanwhile, so the test tries several times.
        let exact = (0..100).any(|_| {
            let before = sysctl("aio-nr");
            let cx = Small::new(capacity).unwrap();
            let with = sysctl("aio-nr");
            cx.close().unwrap();
            with == before + capacity as u64 && sysctl("aio-nr") == before
        });
        assert!(exact, "a context of {capacity} requests");
    }
}

/// How long a scope takes to end with that many polls in flight, which were submitted in the order of
/// their slots, or in the reverse order.
fn scope_end(cx: &mut Context<(), ()>, socket: &UnixStream, reverse: bool) -> Duration {
    let polls = cx.capacity();
    let submit_all = |cx: &mut Context<(), usize>, events| {
        let mut batch = Batch::<_, _, _, 1000>::new();
        for tag in 0..polls {
            batch.push(Request::poll(socket).events(events).tag(tag)).unwrap();
            if batch.is_full() {
                assert_eq!(cx.submit(&mut batch).unwrap().accepted, 1000);
            }
        }
        assert_eq!((batch.len(), cx.outstanding()), (0, polls));
    };
    let start = cx.scope(|cx| {
        if reverse {
            // The slot that is freed last is used first.
            submit_all(cx, PollEvents::OUT);
            assert!(cx.wait_all(None)?.map(|done| done.tag).eq(0..polls));
        }
        submit_all(cx, PollEvents::IN);
        // They are found in the order of the slots.
        let first = cx.in_flight().next().map(|poll| *poll.tag);
        assert_eq!(first, Some(if reverse { polls - 1 } else { 0 }));
        Ok::<_, ContextError>(Instant::now())
    });
    let elapsed = start.unwrap().elapsed();
    assert_eq!((cx.outstanding(), cx.stats().spurious), (0, 0));
    elapsed
}

/// The kernel looks for a poll from the oldest one on. If a scope cancelled them in the order of the
/// slots, it would look through all of them each time.
#[test]
fn scope_end_cancels_30000_polls_in_any_slot_order() {
    let _one_at_a_time = one_at_a_time();
    let (socket, _peer) = UnixStream::pair().unwrap();
    let mut cx = match Context::<(), ()>::new(30_000) {
        Ok(cx) => cx,
        Err(error) => return skip(error),
    };
    let forward = scope_end(&mut cx, &socket, false);
    let reverse = scope_end(&mut cx, &socket, true);
    assert!(reverse < 3 * forward + Duration::from_millis(500), "{reverse:?}, but {forward:?}");
}

/// The capacity of the context of the child that is killed.
const CLAIMED: usize = 1000;

/// Kills a child that has called `submit`, then calls `after_kill`, and checks that the kernel gives
/// its part of the limit back.
fn kill_child(submit: impl FnOnce() + Send, after_kill: impl FnOnce(&mut Child)) {
    let _one_at_a_time = one_at_a_time();
    let before = sysctl("aio-nr");
    let (mut submitted, signal) = std::io::pipe().unwrap();
    let mut child = Child::new(|| {
        let mut signal = signal; // the parent closes it, so that it sees if the child fails
        submit();
        signal.write_all(b"x").unwrap();
        thread::sleep(Duration::from_secs(60));
    });
    submitted.read_exact(&mut [0]).expect("the child failed");
    assert!(sysctl("aio-nr") >= CLAIMED as u64);
    child.kill();
    after_kill(&mut child);
    let status = child.status();
    assert_eq!((libc::WIFSIGNALED(status), libc::WTERMSIG(status)), (true, libc::SIGKILL));
    wait_until_given_back(before);
}

#[test]
fn kill_with_polls_in_flight_gives_limit_back() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let submit = || {
        let mut cx = Context::<(), usize>::new(CLAIMED).unwrap();
        let mut batch = Batch::<_, _, _, CLAIMED>::new();
        for number in 0..CLAIMED {
            batch.push(Request::poll(&socket).events(PollEvents::IN).tag(number)).unwrap();
        }
        assert_eq!(cx.submit(&mut batch).unwrap().accepted, CLAIMED);
        std::mem::forget(cx);
    };
    kill_child(submit, |_| ());
}

#[test]
fn kill_with_writes_in_flight_gives_limit_back() {
    const BLOCK: usize = 4096;
    const BLOCKS: usize = 64;
    let Some(device) = LoopDevice::new(&pattern(BLOCKS * BLOCK)) else { return };
    let Some(stall) = Stall::of(&device) else { return };
    let submit = || {
        let file = device.open();
        let mut cx = Context::<PageBuf, usize>::new(CLAIMED).unwrap();
        let mut batch = Batch::<_, _, _, BLOCKS>::new();
        for number in 0..BLOCKS {
            let zeros = PageBuf::new(BLOCK).unwrap();
            batch.push(Request::write(&file, zeros, (number * BLOCK) as u64).tag(number)).unwrap();
        }
        assert_eq!(cx.submit(&mut batch).unwrap().accepted, BLOCKS);
        drop(batch);
        std::mem::forget(cx);
    };
    kill_child(submit, |child| {
        thread::sleep(Duration::from_millis(50));
        assert_eq!(child.try_status(), None, "the process does not end before its writes");
        stall.lift();
    });
    assert!(device.content(BLOCKS * BLOCK).iter().all(|&byte| byte == 0), "all blocks are written");
}

#[test]
fn pool_takes_reserved_huge_pages_or_falls_back() {
    const RESERVE: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
    const HUGE: usize = 2 << 20;
    /// Puts the reserve back.
    struct Reserve(String);
    impl Drop for Reserve {
        fn drop(&mut self) {
            let _ = fs::write(RESERVE, self.0.as_bytes());
        }
    }
    let _guard = one_at_a_time();
    let number = || fs::read_to_string(RESERVE).map(|text| text.trim().parse::<usize>().unwrap());
    let Ok(before) = number() else {
        return skip("the kernel has no huge pages of 2 MiB");
    };
    let reserve = Reserve(before.to_string());
    if let Err(error) = fs::write(RESERVE, (before + 4).to_string()) {
        return skip(format!("{RESERVE} cannot be written: {error}"));
    }
    if number().unwrap() < before + 4 {
        return skip("the kernel finds no memory for four huge pages");
    }
    let mut pool = BufPool::with_pages(7, 1 << 20, PageKind::HugeTlb).unwrap();
    assert_eq!(pool.pages(), PageKind::HugeTlb);
    pool.touch();
    // 7 MiB take four pages; the result is at most the length that was mapped.
    assert_eq!(pool.huge_bytes(), Ok(4 * HUGE));
    let mut buf = pool.take().unwrap();
    buf.fill(7);
    let more = BufPool::with_pages(64, 1 << 20, PageKind::HugeTlb).unwrap();
    assert_ne!(more.pages(), PageKind::HugeTlb, "the reserve does not suffice");
    drop(more);

    let file = file_with(&pattern(1 << 20));
    let mut cx = Context::new(1).unwrap();
    cx.submit_one(Request::read(&file, buf, 0)).unwrap();
    drop(pool);
    let done = cx.wait_one(None).unwrap().unwrap();
    assert_eq!(done.result, Ok(1 << 20));
    assert!(done.buf[..] == pattern(1 << 20));
    drop(done);

    // All pages went back to the reserve.
    let again = BufPool::with_pages(8, 1 << 20, PageKind::HugeTlb).unwrap();
    assert_eq!(again.pages(), PageKind::HugeTlb);
    drop(again);
    drop(reserve);
    assert_eq!(number().unwrap(), before);
}
