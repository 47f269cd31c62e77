//! A kernel that takes less than it was given, answers late, or interrupts: each request comes back
//! once, with its own buffer. The kernel's answers are real; a supervisor asks it for less, or later.

use crate::support::{Call, Ledger, file_with, pattern, supervised};
use linux_aio::{Batch, Context, ContextError, Errno, PageBuf, Request};
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

/// A request for a block of the file, or for one that no file has.
fn block(file: &File, tag: usize) -> Request<'_, PageBuf, usize> {
    let offset = if is_refused(tag) { u64::MAX } else { (tag % BLOCKS * BLOCK) as u64 };
    let request = Request::read(file, PageBuf::new(BLOCK).unwrap(), offset).tag(tag);
    request.range(..BLOCK).unwrap()
}

/// Takes the completions there are, and checks them.
fn take<const N: usize>(cx: &mut Context<PageBuf, usize, N>, ledger: &mut Ledger, content: &[u8]) {
    for done in cx.wait(1, None).unwrap() {
        ledger.take_back(done.tag, &done.buf);
        if is_refused(done.tag) {
            assert_eq!(done.result, Err(Errno::EINVAL));
        } else {
            assert_eq!(done.result, Ok(BLOCK));
            assert_eq!(done.transferred(), &content[done.tag % BLOCKS * BLOCK..][..BLOCK]);
        }
    }
}

/// An `io_submit` of which the kernel is asked to take the first `count`.
fn prefix(call: &Call, count: u64) -> i64 {
    let [context, _, requests, ..] = call.arguments;
    call.pass_with([context, count, requests, 0, 0, 0])
}

/// Has all blocks read in one batch, where `answer` answers `io_submit`, and says in how many calls.
fn read_all_where(mut answer: impl FnMut(&Call) -> i64) -> usize {
    let content = pattern(BLOCKS * BLOCK);
    let file = file_with(&content);
    let mut calls = 0;
    let counting = |call: &Call| {
        calls += 1;
        answer(call)
    };
    supervised(&[libc::SYS_io_submit], counting, || {
        let mut cx = Context::<PageBuf, usize, BLOCKS>::new().unwrap();
        let mut batch = Batch::<_, _, BLOCKS>::new();
        let mut ledger = Ledger::default();
        for tag in 0..BLOCKS {
            let request = block(&file, tag);
            ledger.lend(tag, request.buf());
            batch.push(request).unwrap();
        }
        let refused = (0..BLOCKS).filter(|&tag| is_refused(tag)).count();
        let submitted = cx.submit(&mut batch).unwrap();
        assert_eq!((submitted.accepted, submitted.refused), (BLOCKS - refused, refused));
        while cx.in_flight() > 0 {
            take(&mut cx, &mut ledger, &content);
        }
        assert_eq!(ledger.settle(), BLOCKS);
        assert_eq!((cx.stats().accepted, cx.stats().strays), ((BLOCKS - refused) as u64, 0));
    });
    calls
}

#[test]
fn short_counts() {
    for most in [1, 2, 3, 10, 63] {
        let calls = read_all_where(|call| prefix(call, call.arguments[1].min(most)));
        assert!(calls >= BLOCKS / most as usize, "the counts were short: {calls} calls of {most}");
    }
    let mut random = fastrand::Rng::with_seed(6);
    for _ in 0..20 {
        read_all_where(|call| match call.arguments[1] {
            0 => call.pass(),
            count => prefix(call, random.u64(1..=count)),
        });
    }
}

#[test]
fn submitting_takes_long() {
    const LONG: Duration = Duration::from_millis(30);
    let start = Instant::now();
    let mut calls = 0;
    read_all_where(|call| {
        calls += 1;
        match calls {
            1 => thread::sleep(LONG), // before the kernel has taken any
            2 => {
                let answer = call.pass();
                thread::sleep(LONG); // when it has, and they are complete
                return answer;
            }
            _ => {}
        }
        call.pass()
    });
    assert!(start.elapsed() >= 2 * LONG);
}

/// Reads four blocks, and has `wait` wait for them where `answer` answers `io_getevents`.
fn wait_where(
    answer: impl FnMut(&Call) -> i64,
    wait: impl FnOnce(&mut Context<PageBuf, usize, 4>) + Send,
) {
    let content = pattern(4 * BLOCK);
    let file = file_with(&content);
    supervised(&[libc::SYS_io_getevents], answer, || {
        let mut cx = Context::new().unwrap();
        cx.set_ring(false); // that is where the completions are
        let mut batch = Batch::<_, _, 4>::new();
        let mut ledger = Ledger::default();
        for tag in 0..4 {
            let request = block(&file, tag);
            ledger.lend(tag, request.buf());
            batch.push(request).unwrap();
        }
        cx.submit(&mut batch).unwrap();
        wait(&mut cx);
        while cx.in_flight() > 0 {
            take(&mut cx, &mut ledger, &content);
        }
        assert_eq!(ledger.settle(), 4);
    });
}

#[test]
fn waits_that_are_interrupted() {
    let mut calls = 0;
    let answer = |call: &Call| {
        calls += 1;
        if calls <= 100 { EINTR } else { call.pass() }
    };
    wait_where(answer, |cx| {
        assert_eq!(cx.wait(4, None).unwrap().len(), 4);
        assert_eq!(cx.stats().system_calls, 1 + 101);
    });
}

#[test]
fn waits_that_get_one_event_at_a_time() {
    let one = |call: &Call| {
        let [context, _, _, events, timeout, _] = call.arguments;
        call.pass_with([context, 1, 1, events, timeout, 0])
    };
    wait_where(one, |cx| {
        assert_eq!(cx.wait(4, None).unwrap().len(), 4);
        assert_eq!(cx.stats().system_calls, 1 + 4);
    });
}

#[test]
fn a_wait_that_the_kernel_lets_out_late() {
    const LONG: Duration = Duration::from_millis(30);
    let late = |call: &Call| {
        let answer = call.pass();
        thread::sleep(LONG);
        answer
    };
    // The deadline is long over, but the events were taken from the kernel: they count.
    wait_where(late, |cx| {
        assert_eq!(cx.wait(4, Some(Duration::from_millis(1))).unwrap().len(), 4);
    });
}

#[test]
fn leaving_a_scope() {
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
        let mut cx = Context::<(), (), 4>::new().unwrap();
        cx.set_ring(false);
        cx.scope(|cx| {
            let mut batch = Batch::<&mut [u8], usize, 4>::new();
            for (tag, buf) in bufs.iter_mut().enumerate() {
                let offset = (tag * BLOCK) as u64;
                batch.push(Request::read(&file, &mut buf[..], offset).tag(tag)).unwrap();
            }
            cx.submit(&mut batch).unwrap();
        })
        .unwrap();
        assert_eq!((cx.in_flight(), cx.stats().system_calls), (0, 1 + 40));
    });
    assert_eq!(calls, 40);
    assert_eq!(bufs.concat(), content);
}

/// All of it by chance, in a program that keeps reading.
fn by_chance(seed: u64, ring: bool) {
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
        let mut cx = Context::<PageBuf, usize, 16>::new().unwrap();
        cx.set_ring(ring);
        let mut batch = Batch::<_, _, 8>::new();
        let mut ledger = Ledger::default();
        let (mut next, mut again, mut submitted) = (0, 0, 0);
        while next < REQUESTS || !batch.is_empty() || cx.in_flight() > 0 {
            while next < REQUESTS && !batch.is_full() {
                let request = block(&file, next);
                ledger.lend(next, request.buf());
                batch.push(request).unwrap();
                next += 1;
            }
            let before = (batch.len(), cx.in_flight());
            let did = cx.submit(&mut batch).unwrap_or_else(|error| {
                assert_eq!(error.cause, ContextError::Again);
                again += 1;
                error.submitted
            });
            let did = did.accepted + did.refused;
            submitted += did;
            assert_eq!((batch.len(), cx.in_flight()), (before.0 - did, before.1 + did));
            if cx.in_flight() > 0 {
                take(&mut cx, &mut ledger, &content);
            }
        }
        assert_eq!((ledger.settle(), submitted), (REQUESTS, REQUESTS));
        assert!(again > 0, "seed {seed}: something is to go wrong");
        let stats = cx.stats();
        assert_eq!((stats.accepted + stats.refused, stats.completed), (500, 500));
        assert_eq!((stats.strays, stats.ring_given_up), (0, 0));
    });
}

#[test]
fn all_of_it_by_chance() {
    for seed in 0..5 {
        by_chance(seed, true);
        by_chance(seed, false);
    }
}
