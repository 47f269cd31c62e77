//! Waiting with a signal mask: signals that it lets through end the wait, others do not, and no
//! completion is lost. The same where `io_pgetevents` is missing or forbidden, as far as it can be.

use crate::support::{SYS_IO_PGETEVENTS, file_with, forbid, in_thread};
use linux_aio::{Batch, Context, ContextError, PollEvents, Request, SignalSet};
use std::{
    io::Write as _,
    os::unix::net::UnixStream,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

/// How often each signal was handled. Each test has a signal of its own.
static HANDLED: [AtomicU32; 65] = [const { AtomicU32::new(0) }; 65];

extern "C" fn handle(signal: libc::c_int) {
    HANDLED[signal as usize].fetch_add(1, Ordering::Relaxed);
}

fn handled(signal: libc::c_int) -> u32 {
    HANDLED[signal as usize].load(Ordering::Relaxed)
}

/// Makes a signal count, and blocks it in this thread.
fn blocked_with_handler(signal: libc::c_int) {
    let handler: extern "C" fn(libc::c_int) = handle;
    // SAFETY: the handler only counts; the set is a local variable.
    unsafe {
        libc::signal(signal, handler as libc::sighandler_t);
        let mut set = std::mem::zeroed();
        libc::sigaddset(&raw mut set, signal);
        assert_eq!(libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()), 0);
    }
}

/// A context that waits for a socket that stays silent.
fn silent() -> (Context<(), (), 2>, UnixStream) {
    let (socket, peer) = UnixStream::pair().unwrap();
    let mut cx = Context::new().unwrap();
    let mut batch = Batch::<_, _, 1>::new();
    batch.push(Request::poll(&socket).events(PollEvents::IN)).unwrap();
    cx.submit(&mut batch).unwrap();
    (cx, peer)
}

const SHORT: Option<Duration> = Some(Duration::from_millis(50));
const LONG: Option<Duration> = Some(Duration::from_secs(20));

#[test]
fn a_pending_signal_ends_the_wait_that_lets_it_through() {
    in_thread(|| {
        blocked_with_handler(libc::SIGUSR2);
        let (mut cx, _peer) = silent();
        // SAFETY: to this thread, which blocks it.
        unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGUSR2) };
        let before = handled(libc::SIGUSR2);
        let still_blocked = SignalSet::EMPTY.with(libc::SIGUSR2).unwrap();
        assert_eq!(
            cx.wait_with_mask(1, SHORT, still_blocked).unwrap().count(),
            0,
            "until the timeout"
        );
        assert_eq!(handled(libc::SIGUSR2), before);

        let all_but = SignalSet::ALL.without(libc::SIGUSR2).unwrap();
        let start = Instant::now();
        let error = cx.wait_with_mask(1, LONG, all_but).unwrap_err();
        assert_eq!(error, ContextError::Interrupted);
        assert!(start.elapsed() < Duration::from_secs(10));
        assert_eq!(handled(libc::SIGUSR2), before + 1);
        assert_eq!(cx.in_flight(), 1);
    });
}

#[test]
fn without_pgetevents_the_mask_is_in_force_all_the_same() {
    for errno in [libc::ENOSYS, libc::EPERM] {
        in_thread(|| {
            blocked_with_handler(libc::SIGWINCH);
            forbid(SYS_IO_PGETEVENTS, &[], errno);
            let (mut cx, peer) = silent();
            let empty = SignalSet::EMPTY;
            // Comes while it waits; so it ends the wait even where the mask is set beforehand.
            // SAFETY: has no duties.
            let waiter = unsafe { libc::pthread_self() };
            thread::scope(|scope| {
                scope.spawn(|| {
                    thread::sleep(Duration::from_millis(100));
                    // SAFETY: the waiter lives longer than this scope.
                    unsafe { libc::pthread_kill(waiter, libc::SIGWINCH) };
                });
                let error = cx.wait_with_mask(1, LONG, empty).unwrap_err();
                assert_eq!(error, ContextError::Interrupted);
            });
            // The mask is what it was: a signal now stays pending.
            let before = handled(libc::SIGWINCH);
            // SAFETY: to this thread, which blocks it.
            unsafe { libc::pthread_kill(waiter, libc::SIGWINCH) };
            thread::sleep(Duration::from_millis(5));
            assert_eq!(handled(libc::SIGWINCH), before);
            // And completions come as ever.
            drop(peer);
            let blocked = SignalSet::ALL;
            assert_eq!(cx.wait_with_mask(1, LONG, blocked).unwrap().count(), 1);
        });
    }
}

#[test]
fn what_is_there_is_returned_whatever_the_mask() {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, (), 4>::new().unwrap();
    let mut batch = Batch::<_, _, 4>::new();
    for _ in 0..4 {
        batch.push(Request::read(&file, vec![0; 5], 0)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    assert_eq!(cx.wait_with_mask(usize::MAX, None, SignalSet::ALL).unwrap().count(), 4);
    assert_eq!(cx.wait_with_mask(1, None, SignalSet::EMPTY).unwrap().count(), 0);
}

#[test]
fn a_pending_signal_is_let_through_though_completions_are_there() {
    in_thread(|| {
        blocked_with_handler(libc::SIGURG);
        let file = file_with(b"hello");
        let mut cx = Context::<Vec<u8>, (), 1>::new().unwrap();
        let mut batch = Batch::<_, _, 1>::new();
        for round in 1..=3 {
            batch.push(Request::read(&file, vec![0; 5], 0)).unwrap();
            cx.submit(&mut batch).unwrap();
            // SAFETY: to this thread, which blocks it.
            unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGURG) };
            assert_eq!(cx.wait_with_mask(1, LONG, SignalSet::EMPTY).unwrap().count(), 1);
            assert_eq!(handled(libc::SIGURG), round);
        }
    });
}

#[test]
fn the_kernel_is_entered_for_what_is_missing_only() {
    in_thread(|| {
        blocked_with_handler(libc::SIGVTALRM);
        let (socket, _peer) = UnixStream::pair().unwrap();
        let mut cx = Context::<(), (), 2>::new().unwrap();
        let calls = |cx: &Context<(), (), 2>| cx.stats().system_calls;
        assert_eq!(cx.wait_with_mask(0, LONG, SignalSet::ALL).unwrap().len(), 0);
        assert_eq!(calls(&cx), 0, "nothing is in flight");

        let mut batch = Batch::<_, _, 2>::new();
        batch.push(Request::poll(&socket).events(PollEvents::OUT)).unwrap();
        batch.push(Request::poll(&socket).events(PollEvents::IN)).unwrap();
        cx.submit(&mut batch).unwrap();
        // One is there at once. It is received, but not taken.
        assert_eq!(cx.wait_with_mask(0, LONG, SignalSet::ALL).unwrap().len(), 1);
        assert_eq!(calls(&cx), 2);
        assert_eq!(cx.wait_with_mask(1, LONG, SignalSet::ALL).unwrap().len(), 1);
        assert_eq!(calls(&cx), 2, "what was asked for is there");

        // SAFETY: to this thread, which blocks it.
        unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGVTALRM) };
        let done = cx.wait_with_mask(2, LONG, SignalSet::EMPTY).unwrap();
        assert_eq!(done.count(), 1, "an interruption takes nothing away");
        assert_eq!((calls(&cx), handled(libc::SIGVTALRM)), (3, 1));
    });
}

#[test]
fn it_waits_for_as_many_as_it_is_told() {
    for fallback in [false, true] {
        in_thread(|| {
            if fallback {
                forbid(SYS_IO_PGETEVENTS, &[], libc::ENOSYS);
            }
            let (first, mut first_peer) = UnixStream::pair().unwrap();
            let (second, mut second_peer) = UnixStream::pair().unwrap();
            let mut cx = Context::<(), u8, 2>::new().unwrap();
            let mut batch = Batch::<_, _, 2>::new();
            batch.push(Request::poll(&first).events(PollEvents::IN).tag(1)).unwrap();
            batch.push(Request::poll(&second).events(PollEvents::IN).tag(2)).unwrap();
            cx.submit(&mut batch).unwrap();
            first_peer.write_all(b"x").unwrap();
            let start = Instant::now();
            let tags = cx.wait_with_mask(2, SHORT, SignalSet::EMPTY).unwrap().map(|done| done.tag);
            assert_eq!(tags.collect::<Vec<_>>(), [1], "what there is when the time is over");
            assert!(start.elapsed() >= SHORT.unwrap());
            second_peer.write_all(b"x").unwrap();
            assert_eq!(cx.wait_with_mask(2, LONG, SignalSet::EMPTY).unwrap().count(), 1);
        });
    }
}

#[test]
fn an_interruption_is_one_for_std_as_well() {
    let error = std::io::Error::from(ContextError::Interrupted);
    assert_eq!(error.kind(), std::io::ErrorKind::Interrupted);
}

#[test]
fn sets_are_the_kernel_s() {
    let set = SignalSet::EMPTY.with(1).unwrap().with(64).unwrap();
    assert_eq!(set.bits(), 1 | 1 << 63);
    assert_eq!(format!("{set:?}"), "{1, 64}");
    assert_eq!(set.without(64), SignalSet::EMPTY.with(1));
    assert!(set.contains(1) && !set.contains(2) && !set.contains(0) && !set.contains(65));
    for signal in [0, -1, 65, i32::MAX, i32::MIN] {
        assert_eq!((set.with(signal), set.without(signal)), (None, None));
    }
    assert_eq!(size_of::<SignalSet>(), 8);
}
