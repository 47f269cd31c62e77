//! Waiting: how many, how long, what a signal does, and that no completion is lost.

use crate::support::{direct_file_with, file_with, forbid, in_thread, pattern, skip};
use linux_aio::{Batch, Context, ContextError, Errno, PageBuf, Request};
use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

/// A context with four completed reads of one byte, in order.
fn four_reads() -> Context<Vec<u8>, usize, 4> {
    let file = file_with(b"0123");
    let mut cx = Context::new().unwrap();
    let mut batch = Batch::<_, _, 4>::new();
    for number in 0..4 {
        batch.push(Request::read(&file, vec![0; 1], number as u64).tag(number)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    cx
}

#[test]
fn reap_takes_what_there_is() {
    let mut cx = four_reads();
    let completions = cx.reap().unwrap();
    assert_eq!(completions.len(), 4);
    for (number, done) in completions.enumerate() {
        assert_eq!((done.tag, done.buf), (number, number.to_string().into_bytes()));
    }
    assert_eq!(cx.reap().unwrap().count(), 0);
}

#[test]
fn an_iterator_dropped_early_loses_nothing() {
    let mut cx = four_reads();
    assert_eq!(cx.wait(4, None).unwrap().next().unwrap().tag, 0);
    drop(cx.reap().unwrap());
    assert_eq!(cx.wait(1, None).unwrap().next().unwrap().tag, 1);
    assert_eq!(cx.wait(2, None).unwrap().map(|done| done.tag).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(cx.in_flight(), 0);
    assert_eq!(cx.stats().completed, 4);
}

#[test]
fn min_beyond_what_is_outstanding_means_all_of_it() {
    let mut cx = four_reads();
    assert_eq!(cx.wait(usize::MAX, None).unwrap().count(), 4);
    assert_eq!(cx.wait(usize::MAX, None).unwrap().count(), 0);
}

#[test]
fn no_timeout_is_too_long() {
    for timeout in [
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_secs(u32::MAX.into()),
        Duration::MAX,
    ] {
        assert_eq!(four_reads().wait(4, Some(timeout)).unwrap().count(), 4, "{timeout:?}");
    }
}

/// Waits for a completion that is there, where the kernel is made to answer `errno` instead.
fn wait_while_the_kernel_says(errno: i32, timeout: Duration) -> (Duration, u64) {
    in_thread(|| {
        let mut cx = four_reads();
        let (start, calls) = (Instant::now(), cx.stats().system_calls);
        in_thread(|| {
            forbid(libc::SYS_io_getevents, &[], errno);
            assert_eq!(cx.wait(1, Some(timeout)).unwrap().count(), 0);
        });
        let (elapsed, calls) = (start.elapsed(), cx.stats().system_calls - calls);
        assert_eq!(cx.wait(4, None).unwrap().count(), 4, "nothing is lost");
        (elapsed, calls)
    })
}

#[test]
fn interruptions_do_not_move_the_deadline() {
    let timeout = Duration::from_millis(50);
    let (elapsed, calls) = wait_while_the_kernel_says(libc::EINTR, timeout);
    assert!(elapsed >= timeout, "{elapsed:?}");
    assert!(elapsed < timeout * 20, "{elapsed:?}");
    assert!(calls > 1, "it went on after the first interruption");
}

#[test]
fn a_kernel_that_returns_early_does_not_end_the_wait() {
    let timeout = Duration::from_millis(50);
    let (elapsed, _) = wait_while_the_kernel_says(0, timeout);
    assert!((timeout..timeout * 20).contains(&elapsed), "{elapsed:?}");
}

#[test]
fn a_timeout_of_zero_asks_once() {
    assert_eq!(wait_while_the_kernel_says(libc::EINTR, Duration::ZERO).1, 1);
}

#[test]
fn an_error_is_reported_only_when_there_is_nothing_to_take() {
    let mut cx = four_reads();
    assert_eq!(cx.wait(4, None).unwrap().next().unwrap().tag, 0);
    // Three are received; one more is not.
    let file = file_with(b"4");
    let mut batch = Batch::<_, _, 1>::new();
    batch.push(Request::read(&file, vec![0; 1], 0).tag(4)).unwrap();
    cx.submit(&mut batch).unwrap();
    in_thread(|| {
        forbid(libc::SYS_io_getevents, &[], libc::EPERM);
        assert_eq!(cx.wait(4, None).unwrap().map(|done| done.tag).collect::<Vec<_>>(), [1, 2, 3]);
        let error = cx.wait(1, None).unwrap_err();
        assert_eq!(error, ContextError::Os { call: "io_getevents", errno: Errno::EPERM });
        assert!(error.to_string().contains("seccomp"), "{error}");
        assert_eq!(cx.reap().unwrap_err(), error);
    });
    assert_eq!(cx.wait(1, None).unwrap().next().unwrap().tag, 4);
}

static SIGNALS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count(_: libc::c_int) {
    SIGNALS.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn a_storm_of_signals_loses_no_completion() {
    const BLOCK: usize = 1 << 20;
    let content = pattern(8 * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let handler: extern "C" fn(libc::c_int) = count;
    // SAFETY: the handler only counts.
    unsafe { libc::signal(libc::SIGUSR1, handler as libc::sighandler_t) };

    // Signals go to this very thread, as fast as another can send them.
    let stop = AtomicBool::new(false);
    // SAFETY: has no duties.
    let waiter = unsafe { libc::pthread_self() };
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // SAFETY: the waiter lives longer than this scope.
                unsafe { libc::pthread_kill(waiter, libc::SIGUSR1) };
                thread::sleep(Duration::from_micros(50));
            }
        });
        let finished = std::panic::catch_unwind(|| read_in_a_loop(&file, &content, BLOCK));
        stop.store(true, Ordering::Relaxed);
        finished.unwrap();
    });
    let signals = SIGNALS.load(Ordering::Relaxed);
    if signals < 20 {
        skip(format!("only {signals} signals arrived"));
    }
}

/// Reads 200 blocks, 8 at a time, and checks each.
fn read_in_a_loop(file: &std::fs::File, content: &[u8], block: usize) {
    let offset = |number: usize| number % 8 * block;
    let mut cx = Context::<PageBuf, usize, 8>::new().unwrap();
    let mut batch = Batch::<_, _, 8>::new();
    for number in 0..8 {
        batch
            .push(
                Request::read(file, PageBuf::new(block).unwrap(), offset(number) as u64)
                    .tag(number),
            )
            .unwrap();
    }
    let (mut completed, mut next) = (0, 8);
    while completed < 200 {
        cx.submit(&mut batch).unwrap();
        for done in cx.wait(1, None).unwrap() {
            assert_eq!(done.result, Ok(block));
            assert!(done.buf[..] == content[offset(done.tag)..][..block], "read {}", done.tag);
            completed += 1;
            if next < 200 {
                batch.push(Request::read(file, done.buf, offset(next) as u64).tag(next)).unwrap();
                next += 1;
            }
        }
    }
    assert_eq!((completed, cx.in_flight()), (200, 0));
}
