//! `wait` and `reap`: how many completions they return, when they return, also with signals, `EINTR`
//! and errors, and that no completion is lost.

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
fn four_reads() -> Context<Vec<u8>, usize> {
    let file = file_with(b"0123");
    let mut cx = Context::new(4).unwrap();
    let mut batch = Batch::<_, _, _, 4>::new();
    for number in 0..4 {
        batch.push(Request::read(&file, vec![0; 1], number as u64).tag(number)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    cx
}

#[test]
fn reap_takes_all_completions() {
    let mut cx = four_reads();
    let completions = cx.reap().unwrap();
    assert_eq!(completions.len(), 4);
    for (number, done) in completions.enumerate() {
        assert_eq!((done.tag, done.buf), (number, number.to_string().into_bytes()));
    }
    assert_eq!(cx.reap().unwrap().count(), 0);
}

#[test]
fn iterator_dropped_early_loses_nothing() {
    let mut cx = four_reads();
    assert_eq!(cx.wait(4, None).unwrap().next().unwrap().tag, 0);
    drop(cx.reap().unwrap());
    assert_eq!(cx.wait(1, None).unwrap().next().unwrap().tag, 1);
    assert_eq!(cx.wait(2, None).unwrap().map(|done| done.tag).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(cx.outstanding(), 0);
    assert_eq!(cx.stats().completed, 4);
}

#[test]
fn min_is_capped_at_outstanding() {
    let mut cx = four_reads();
    assert_eq!(cx.wait(usize::MAX, None).unwrap().count(), 4);
    assert_eq!(cx.wait(usize::MAX, None).unwrap().count(), 0);
}

#[test]
fn any_timeout_is_accepted() {
    for timeout in [
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_secs(u32::MAX.into()),
        Duration::MAX,
    ] {
        assert_eq!(four_reads().wait(4, Some(timeout)).unwrap().count(), 4, "{timeout:?}");
    }
}

/// Waits for a completion where seccomp has `io_getevents` answer `errno`. Returns how long that took,
/// and how many system calls.
fn wait_while_getevents_answers(errno: i32, timeout: Duration) -> (Duration, u64) {
    in_thread(|| {
        let mut cx = four_reads();
        cx.use_ring(false); // or else io_getevents is not called
        let (start, calls) = (Instant::now(), cx.stats().system_calls);
        in_thread(|| {
            forbid(libc::SYS_io_getevents, &[], errno);
            assert_eq!(cx.wait(1, Some(timeout)).unwrap().count(), 0);
        });
        let (elapsed, calls) = (start.elapsed(), cx.stats().system_calls - calls);
        assert_eq!(cx.wait(4, None).unwrap().count(), 4, "no completion is lost");
        (elapsed, calls)
    })
}

#[test]
fn eintr_does_not_move_deadline() {
    let timeout = Duration::from_millis(50);
    let (elapsed, calls) = wait_while_getevents_answers(libc::EINTR, timeout);
    assert!(elapsed >= timeout, "{elapsed:?}");
    assert!(elapsed < timeout * 20, "{elapsed:?}");
    assert!(calls > 1, "it calls io_getevents again after EINTR");
}

#[test]
fn early_return_of_io_getevents_does_not_end_wait() {
    let timeout = Duration::from_millis(50);
    let (elapsed, _) = wait_while_getevents_answers(0, timeout);
    assert!((timeout..timeout * 20).contains(&elapsed), "{elapsed:?}");
}

#[test]
fn zero_timeout_makes_one_system_call() {
    assert_eq!(wait_while_getevents_answers(libc::EINTR, Duration::ZERO).1, 1);
}

/// A context with two requests in flight, of which only one completes: the test takes the event of the
/// other by `io_getevents`.
fn one_of_two() -> Context<Vec<u8>, usize> {
    let file = file_with(b"01");
    let mut cx = Context::new(2).unwrap();
    let mut batch = Batch::<_, _, _, 2>::new();
    for number in 0..2 {
        batch.push(Request::read(&file, vec![0; 1], number as u64).tag(number)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    let mut event = linux_aio::abi::IoEvent::default();
    // SAFETY: there is room for one event.
    let got =
        unsafe { linux_aio::raw::io_getevents(cx.id(), 1, 1, &raw mut event, std::ptr::null()) };
    assert_eq!(got, Ok(1));
    cx
}

#[test]
fn timeout_returns_completions_so_far() {
    let mut cx = one_of_two();
    let (start, calls) = (Instant::now(), cx.stats().system_calls);
    let timeout = Duration::from_millis(50);
    assert_eq!(cx.wait(2, Some(timeout)).unwrap().map(|done| done.tag).collect::<Vec<_>>(), [1]);
    let elapsed = start.elapsed();
    assert!((timeout..timeout * 20).contains(&elapsed), "{elapsed:?}");
    assert_eq!(
        cx.stats().system_calls - calls,
        1,
        "one call, at whose end the kernel looks for events again"
    );
    assert_eq!(cx.wait(1, Some(timeout)).unwrap().count(), 0);
    assert_eq!(cx.outstanding(), 1);
}

#[test]
fn wait_ends_when_clock_gettime_fails() {
    in_thread(|| {
        let mut cx = one_of_two();
        let timeout = Duration::from_millis(50);
        let start = Instant::now();
        in_thread(|| {
            // The C library uses the vDSO, not this system call.
            forbid(libc::SYS_clock_gettime, &[], libc::EPERM);
            assert_eq!(cx.wait(2, Some(timeout)).unwrap().count(), 1);
        });
        assert!(start.elapsed() >= timeout);
    });
}

#[test]
fn signals_do_not_move_deadline() {
    let timeout = Duration::from_millis(100);
    // The best of several attempts counts, because other tests keep the machine busy.
    let attempts = [(); 5].map(|()| {
        let mut cx = one_of_two();
        let (elapsed, calls) = while_signalled(|| {
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
fn stop_and_continue_does_not_move_deadline() {
    // SAFETY: the child leaves by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let waited = std::panic::catch_unwind(|| {
            let mut cx = one_of_two();
            let start = Instant::now();
            assert_eq!(cx.wait(2, Some(Duration::from_millis(600))).unwrap().count(), 1);
            let elapsed = start.elapsed();
            assert!(elapsed >= Duration::from_millis(600), "{elapsed:?}");
            // It is stopped for 40 of each 80 ms, so it may be stopped at the deadline.
            assert!(elapsed < Duration::from_millis(1000), "{elapsed:?}");
        });
        // SAFETY: ends the child without the parent's exit handlers.
        unsafe { libc::_exit(i32::from(waited.is_err())) };
    }
    let mut status = 0;
    loop {
        for signal in [libc::SIGSTOP, libc::SIGCONT] {
            // SAFETY: a child that was not waited for yet.
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
fn ten_thousand_signals_lose_no_completion() {
    const MANY: u64 = 10_000;
    let (socket, peer) = UnixStream::pair().unwrap();
    let mut cx = Context::<(), u64>::new(4).unwrap();
    let mut batch = Batch::<_, _, _, 4>::new();
    let mut completed = 0;
    thread::scope(|scope| {
        // Answers each byte with a byte, so that the poll of the other end completes.
        scope.spawn(|| {
            let mut byte = [0];
            while matches!((&peer).read(&mut byte), Ok(1)) {
                (&peer).write_all(&byte).unwrap();
            }
        });
        while_signalled(|| {
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
    assert_eq!((cx.outstanding(), cx.stats().completed), (0, completed));
}

#[test]
fn error_is_reported_only_without_completions() {
    let mut cx = four_reads();
    cx.use_ring(false); // or else the fifth is received without io_getevents
    assert_eq!(cx.wait(4, None).unwrap().next().unwrap().tag, 0);
    // Three completions are received and not taken. The event of one more request is not received.
    let file = file_with(b"4");
    let mut batch = Batch::<_, _, _, 1>::new();
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

/// Runs `f` while another thread sends signals to this one, as fast as it can. They have a handler.
fn while_signalled<R>(f: impl FnOnce() -> R) -> R {
    let handler: extern "C" fn(libc::c_int) = count;
    // SAFETY: the handler only counts.
    unsafe { libc::signal(libc::SIGUSR1, handler as libc::sighandler_t) };
    let stop = AtomicBool::new(false);
    // SAFETY: it has no preconditions.
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
fn reads_complete_under_constant_signals() {
    const BLOCK: usize = 1 << 20;
    let content = pattern(8 * BLOCK);
    let Some(file) = direct_file_with(&content) else { return };
    while_signalled(|| read_in_a_loop(&file, &content, BLOCK));
}

/// Reads 200 blocks, 8 at a time, and checks each.
fn read_in_a_loop(file: &std::fs::File, content: &[u8], block: usize) {
    let offset = |number: usize| number % 8 * block;
    let mut cx = Context::<PageBuf, usize>::new(8).unwrap();
    let mut batch = Batch::<_, _, _, 8>::new();
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
    assert_eq!((completed, cx.outstanding()), (200, 0));
}
