//! Waiting: how many, how long, what a signal does, and that no completion is lost.

use crate::support::{direct_file_with, file_with, forbid, in_thread, pattern};
use linux_aio::{Batch, Context, ContextError, Errno, PageBuf, PollEvents, Request};
use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
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
        cx.set_ring(false); // that is where the completion is
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

/// A context that waits for two completions, of which only one will ever come: the other's event
/// was taken from the kernel behind its back.
fn one_of_two() -> Context<Vec<u8>, usize, 2> {
    let file = file_with(b"01");
    let mut cx = Context::new().unwrap();
    let mut batch = Batch::<_, _, 2>::new();
    for number in 0..2 {
        batch.push(Request::read(&file, vec![0; 1], number as u64).tag(number)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    let mut event = linux_aio::abi::IoEvent::default();
    // SAFETY: room for one event.
    let got =
        unsafe { linux_aio::raw::io_getevents(cx.id(), 1, 1, &raw mut event, std::ptr::null()) };
    assert_eq!(got, Ok(1));
    cx
}

#[test]
fn a_timeout_ends_the_wait_with_what_there_is() {
    let mut cx = one_of_two();
    let (start, calls) = (Instant::now(), cx.stats().system_calls);
    let timeout = Duration::from_millis(50);
    assert_eq!(cx.wait(2, Some(timeout)).unwrap().map(|done| done.tag).collect::<Vec<_>>(), [1]);
    let elapsed = start.elapsed();
    assert!((timeout..timeout * 20).contains(&elapsed), "{elapsed:?}");
    assert_eq!(
        cx.stats().system_calls - calls,
        1,
        "the kernel looks once more at the end of its wait"
    );
    assert_eq!(cx.wait(1, Some(timeout)).unwrap().count(), 0);
    assert_eq!(cx.in_flight(), 1);
}

#[test]
fn a_wait_ends_though_the_clock_is_forbidden() {
    in_thread(|| {
        let mut cx = one_of_two();
        let timeout = Duration::from_millis(50);
        let start = Instant::now();
        in_thread(|| {
            // Most programs never make this call, since they have a vDSO.
            forbid(libc::SYS_clock_gettime, &[], libc::EPERM);
            assert_eq!(cx.wait(2, Some(timeout)).unwrap().count(), 1);
        });
        assert!(start.elapsed() >= timeout);
    });
}

#[test]
fn signals_do_not_move_the_deadline() {
    let timeout = Duration::from_millis(100);
    // Other tests keep the machine busy, so the best of some attempts counts.
    let attempts = [(); 5].map(|()| {
        let mut cx = one_of_two();
        let (elapsed, calls) = under_fire(|| {
            let (start, calls) = (Instant::now(), cx.stats().system_calls);
            assert_eq!(cx.wait(2, Some(timeout)).unwrap().count(), 1);
            (start.elapsed(), cx.stats().system_calls - calls)
        });
        (elapsed.checked_sub(timeout).unwrap(), calls)
    });
    let interrupted_and_in_time =
        attempts.iter().any(|&(overrun, calls)| calls > 3 && overrun < Duration::from_millis(50));
    assert!(interrupted_and_in_time, "overrun, calls: {attempts:?}");
}

#[test]
fn stopping_and_continuing_the_process_moves_no_deadline_and_loses_nothing() {
    // SAFETY: the child leaves by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let waited = std::panic::catch_unwind(|| {
            let mut cx = one_of_two();
            let start = Instant::now();
            assert_eq!(cx.wait(2, Some(Duration::from_millis(600))).unwrap().count(), 1);
            let elapsed = start.elapsed();
            assert!(elapsed >= Duration::from_millis(600), "{elapsed:?}");
            // Stopped for 40 of each 80 ms, so the last stop may lie across the deadline.
            assert!(elapsed < Duration::from_millis(1000), "{elapsed:?}");
        });
        // SAFETY: ends the child without running what belongs to the parent.
        unsafe { libc::_exit(i32::from(waited.is_err())) };
    }
    let mut status = 0;
    loop {
        for signal in [libc::SIGSTOP, libc::SIGCONT] {
            // SAFETY: the child is ours, and not waited for yet.
            unsafe { libc::kill(child, signal) };
            thread::sleep(Duration::from_millis(40));
        }
        // SAFETY: `status` is a local variable.
        match unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } {
            0 => {}
            waited => break assert_eq!((waited, status), (child, 0)),
        }
    }
}

#[test]
fn ten_thousand_interruptions_while_ten_thousand_requests_complete() {
    const MANY: u64 = 10_000;
    let (socket, peer) = UnixStream::pair().unwrap();
    let mut cx = Context::<(), u64, 4>::new().unwrap();
    let mut batch = Batch::<_, _, 4>::new();
    let mut completed = 0;
    thread::scope(|scope| {
        // Answers each byte with a byte, so that the poll of the other end completes.
        scope.spawn(|| {
            let mut byte = [0];
            while matches!((&peer).read(&mut byte), Ok(1)) {
                (&peer).write_all(&byte).unwrap();
            }
        });
        under_fire(|| {
            let began = interruptions();
            while completed < MANY || interruptions() - began < MANY {
                let poll = Request::poll(&socket).events(PollEvents::IN);
                batch.push(poll.tag(completed)).unwrap();
                cx.submit(&mut batch).unwrap();
                (&socket).write_all(b"x").unwrap();
                let start = Instant::now();
                let mut done = cx.wait(1, Some(Duration::from_secs(20))).unwrap();
                assert_eq!(done.next().unwrap().tag, completed);
                assert!(done.next().is_none() && start.elapsed() < Duration::from_secs(20));
                (&socket).read_exact(&mut [0]).unwrap();
                completed += 1;
            }
        });
        socket.shutdown(std::net::Shutdown::Both).unwrap();
    });
    assert_eq!((cx.in_flight(), cx.stats().completed), (0, completed));
}

#[test]
fn an_error_is_reported_only_when_there_is_nothing_to_take() {
    let mut cx = four_reads();
    cx.set_ring(false); // it would show the one that is not received
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

thread_local! {
    /// How many signals this thread has handled.
    static INTERRUPTIONS: AtomicU64 = const { AtomicU64::new(0) };
}

extern "C" fn count(_: libc::c_int) {
    INTERRUPTIONS.with(|count| count.fetch_add(1, Ordering::Relaxed));
}

fn interruptions() -> u64 {
    INTERRUPTIONS.with(|count| count.load(Ordering::Relaxed))
}

/// Runs `f` while another thread sends signals to this one, which have a handler, as fast as it can.
fn under_fire<R>(f: impl FnOnce() -> R) -> R {
    let handler: extern "C" fn(libc::c_int) = count;
    // SAFETY: the handler only counts.
    unsafe { libc::signal(libc::SIGUSR1, handler as libc::sighandler_t) };
    let stop = AtomicBool::new(false);
    // SAFETY: has no duties.
    let target = unsafe { libc::pthread_self() };
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // SAFETY: the target lives longer than this scope.
                unsafe { libc::pthread_kill(target, libc::SIGUSR1) };
                thread::sleep(Duration::from_micros(20));
            }
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
        stop.store(true, Ordering::Relaxed);
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[test]
fn a_storm_of_signals_loses_no_completion() {
    const BLOCK: usize = 1 << 20;
    let content = pattern(8 * BLOCK);
    let Some(file) = direct_file_with(&content) else { return };
    under_fire(|| read_in_a_loop(&file, &content, BLOCK));
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
