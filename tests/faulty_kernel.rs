//! A kernel that accepts fewer requests than it is given, answers late, or answers `EINTR` or
//! `EAGAIN`: each request completes once, with its own buffer. A supervisor passes the calls to the
//! real kernel with smaller counts, or later, or answers them itself.

use crate::support::{Call, Ledger, file_with, pattern, supervised};
use linux_aio::{Batch, Borrowed, Context, ContextError, Errno, PageBuf, Request};
use std::{
    fs::File,
    thread,
    time::{Duration, Instant},
};

const BLOCK: usize = 512;
const BLOCKS: usize = 64;

const EAGAIN: i64 = -(libc::EAGAIN as i64);
const EINTR: i64 = -(libc::EINTR as i64);

/// Every seventh request is one that the kernel refuses.
fn is_refused(tag: usize) -> bool {
    tag % 7 == 6
}

/// A read of a block of the file, or at an offset that no file has.
fn block(file: &File, tag: usize) -> Request<Borrowed<'_>, PageBuf, usize> {
    let offset = if is_refused(tag) { u64::MAX } else { (tag % BLOCKS * BLOCK) as u64 };
    let request = Request::read(file, PageBuf::new(BLOCK).unwrap(), offset).tag(tag);
    request.range(..BLOCK).unwrap()
}

/// Waits for completions, takes them, and checks them.
fn take(cx: &mut Context<PageBuf, usize>, ledger: &mut Ledger, content: &[u8]) {
    for done in cx.wait(1, None).unwrap() {
        ledger.complete(done.tag, &done.buf);
        if is_refused(done.tag) {
            assert_eq!(done.result, Err(Errno::EINVAL));
        } else {
            assert_eq!(done.result, Ok(BLOCK));
            assert_eq!(done.transferred(), &content[done.tag % BLOCKS * BLOCK..][..BLOCK]);
        }
    }
}

/// Has the kernel answer an `io_submit` of the first `count` requests only.
fn prefix(call: &Call, count: u64) -> i64 {
    let [context, _, requests, ..] = call.arguments;
    call.pass_with([context, count, requests, 0, 0, 0])
}

/// Reads all blocks in one batch, where `answer` answers `io_submit`. Returns the number of calls.
fn read_all_with(mut answer: impl FnMut(&Call) -> i64) -> usize {
    let content = pattern(BLOCKS * BLOCK);
    let file = file_with(&content);
    let mut calls = 0;
    let counting = |call: &Call| {
        calls += 1;
        answer(call)
    };
    supervised(&[libc::SYS_io_submit], counting, || {
        let mut cx = Context::<PageBuf, usize>::new(BLOCKS).unwrap();
        let mut batch = Batch::<_, _, _, BLOCKS>::new();
        let mut ledger = Ledger::default();
        for tag in 0..BLOCKS {
            let request = block(&file, tag);
            ledger.add(tag, request.buf());
            batch.push(request).unwrap();
        }
        let refused = (0..BLOCKS).filter(|&tag| is_refused(tag)).count();
        let submitted = cx.submit(&mut batch).unwrap();
        assert_eq!((submitted.accepted, submitted.refused), (BLOCKS - refused, refused));
        while cx.outstanding() > 0 {
            take(&mut cx, &mut ledger, &content);
        }
        assert_eq!(ledger.finish(), BLOCKS);
        assert_eq!((cx.stats().accepted, cx.stats().spurious), ((BLOCKS - refused) as u64, 0));
    });
    calls
}

#[test]
fn short_submit_counts_lose_no_request() {
    for most in [1, 2, 3, 10, 63] {
        let calls = read_all_with(|call| prefix(call, call.arguments[1].min(most)));
        assert!(calls >= BLOCKS / most as usize, "{calls} calls of {most} requests");
    }
    let mut random = fastrand::Rng::with_seed(6);
    for _ in 0..20 {
        read_all_with(|call| match call.arguments[1] {
            0 => call.pass(),
            count => prefix(call, random.u64(1..=count)),
        });
    }
}

#[test]
fn slow_submit_loses_no_request() {
    const LONG: Duration = Duration::from_millis(30);
    let start = Instant::now();
    let mut calls = 0;
    read_all_with(|call| {
        calls += 1;
        match calls {
            1 => thread::sleep(LONG), // before the kernel accepts any request
            2 => {
                let answer = call.pass();
                thread::sleep(LONG); // after it accepted them, and they completed
                return answer;
            }
            _ => {}
        }
        call.pass()
    });
    assert!(start.elapsed() >= 2 * LONG);
}

/// Reads four blocks, and calls `wait` to wait for them where `answer` answers `io_getevents`.
fn wait_with(
    answer: impl FnMut(&Call) -> i64,
    wait: impl FnOnce(&mut Context<PageBuf, usize>) + Send,
) {
    let content = pattern(4 * BLOCK);
    let file = file_with(&content);
    supervised(&[libc::SYS_io_getevents], answer, || {
        let mut cx = Context::new(4).unwrap();
        cx.use_ring(false); // or else io_getevents is not called
        let mut batch = Batch::<_, _, _, 4>::new();
        let mut ledger = Ledger::default();
        for tag in 0..4 {
            let request = block(&file, tag);
            ledger.add(tag, request.buf());
            batch.push(request).unwrap();
        }
        cx.submit(&mut batch).unwrap();
        wait(&mut cx);
        while cx.outstanding() > 0 {
            take(&mut cx, &mut ledger, &content);
        }
        assert_eq!(ledger.finish(), 4);
    });
}

#[test]
fn eintr_resumes_wait() {
    let mut calls = 0;
    let answer = |call: &Call| {
        calls += 1;
        if calls <= 100 { EINTR } else { call.pass() }
    };
    wait_with(answer, |cx| {
        assert_eq!(cx.wait(4, None).unwrap().len(), 4);
        assert_eq!(cx.stats().system_calls, 1 + 101);
    });
}

#[test]
fn wait_collects_events_one_by_one() {
    let one = |call: &Call| {
        let [context, _, _, events, timeout, _] = call.arguments;
        call.pass_with([context, 1, 1, events, timeout, 0])
    };
    wait_with(one, |cx| {
        assert_eq!(cx.wait(4, None).unwrap().len(), 4);
        assert_eq!(cx.stats().system_calls, 1 + 4);
    });
}

#[test]
fn events_received_after_deadline_are_returned() {
    const LONG: Duration = Duration::from_millis(30);
    let late = |call: &Call| {
        let answer = call.pass();
        thread::sleep(LONG);
        answer
    };
    // The deadline has passed, but the events were taken from the kernel.
    wait_with(late, |cx| {
        assert_eq!(cx.wait(4, Some(Duration::from_millis(1))).unwrap().len(), 4);
    });
}

#[test]
fn scope_end_survives_eintr_and_single_events() {
    let content = pattern(4 * BLOCK);
    let file = file_with(&content);
    let mut calls = 0;
    let answer = |call: &Call| {
        calls += 1;
        if calls % 10 != 0 {
            return EINTR;
        }
        let [context, _, _, events, timeout, _] = call.arguments;
        call.pass_with([context, 1, 1, events, timeout, 0])
    };
    let mut bufs = [(); 4].map(|()| [0; BLOCK]);
    supervised(&[libc::SYS_io_getevents], answer, || {
        let mut cx = Context::<(), ()>::new(4).unwrap();
        cx.use_ring(false);
        cx.scope(|cx| {
            let mut batch = Batch::<_, &mut [u8], usize, 4>::new();
            for (tag, buf) in bufs.iter_mut().enumerate() {
                let offset = (tag * BLOCK) as u64;
                batch.push(Request::read(&file, &mut buf[..], offset).tag(tag)).unwrap();
            }
            cx.submit(&mut batch).unwrap();
            Ok::<_, ContextError>(())
        })
        .unwrap();
        assert_eq!((cx.outstanding(), cx.stats().system_calls), (0, 1 + 40));
    });
    assert_eq!(calls, 40);
    assert_eq!(bufs.concat(), content);
}

/// Reads 500 blocks, where the supervisor chooses the answers at random: short counts, `EAGAIN`,
/// `EINTR`, no events, delays.
fn read_with_random_faults(seed: u64, ring: bool) {
    const REQUESTS: usize = 500;
    let content = pattern(BLOCKS * BLOCK);
    let file = file_with(&content);
    let mut random = fastrand::Rng::with_seed(seed);
    let answer = |call: &Call| {
        let chance = random.u8(0..8);
        if call.number == libc::SYS_io_submit {
            return match (chance, call.arguments[1]) {
                (0..=2, _) => EAGAIN,
                (3..=5, count @ 1..) => prefix(call, random.u64(1..=count)),
                _ => call.pass(),
            };
        }
        match chance {
            0..=2 => EINTR,
            3 => 0,
            4 => {
                thread::sleep(Duration::from_micros(100));
                call.pass()
            }
            _ => call.pass(),
        }
    };
    supervised(&[libc::SYS_io_submit, libc::SYS_io_getevents], answer, || {
        let mut cx = Context::<PageBuf, usize>::new(16).unwrap();
        cx.use_ring(ring);
        let mut batch = Batch::<_, _, _, 8>::new();
        let mut ledger = Ledger::default();
        let (mut next, mut again, mut submitted) = (0, 0, 0);
        while next < REQUESTS || !batch.is_empty() || cx.outstanding() > 0 {
            while next < REQUESTS && !batch.is_full() {
                let request = block(&file, next);
                ledger.add(next, request.buf());
                batch.push(request).unwrap();
                next += 1;
            }
            let before = (batch.len(), cx.outstanding());
            let did = cx.submit(&mut batch).unwrap_or_else(|error| {
                assert_eq!(error.cause, ContextError::Again);
                again += 1;
                error.submitted
            });
            let did = did.accepted + did.refused;
            submitted += did;
            assert_eq!((batch.len(), cx.outstanding()), (before.0 - did, before.1 + did));
            if cx.outstanding() > 0 {
                take(&mut cx, &mut ledger, &content);
            }
        }
        assert_eq!((ledger.finish(), submitted), (REQUESTS, REQUESTS));
        assert!(again > 0, "seed {seed}: io_submit never answered EAGAIN");
        let stats = cx.stats();
        assert_eq!((stats.accepted + stats.refused, stats.completed), (500, 500));
        assert_eq!((stats.spurious, stats.ring_given_up), (0, 0));
    });
}

#[test]
fn random_faults_lose_no_request() {
    for seed in 0..5 {
        read_with_random_faults(seed, true);
        read_with_random_faults(seed, false);
    }
}
