//! [`Context::wait_with_mask`]: a signal that the mask does not block ends the wait, a blocked one
//! does not, and no completion is lost; also where `io_pgetevents` is missing or forbidden.

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

/// Installs a handler that counts the signal, and blocks it in this thread.
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

/// A context with a poll that does not complete until the peer is dropped.
fn silent() -> (Context<(), ()>, UnixStream) {
    let (socket, peer) = UnixStream::pair().unwrap();
    let mut cx = Context::new(2).unwrap();
    let mut batch = Batch::<_, _, _, 1>::new();
    batch.push(Request::poll(&socket).events(PollEvents::IN)).unwrap();
    cx.submit(&mut batch).unwrap();
    (cx, peer)
}

const SHORT: Option<Duration> = Some(Duration::from_millis(50));
const LONG: Option<Duration> = Some(Duration::from_secs(20));

#[test]
fn pending_unblocked_signal_ends_wait() {
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
            "a blocked signal does not end the wait"
        );
        assert_eq!(handled(libc::SIGUSR2), before);

        let all_but = SignalSet::ALL.without(libc::SIGUSR2).unwrap();
        let start = Instant::now();
        let error = cx.wait_with_mask(1, LONG, all_but).unwrap_err();
        assert_eq!(error, ContextError::Interrupted);
        assert!(start.elapsed() < Duration::from_secs(10));
        assert_eq!(handled(libc::SIGUSR2), before + 1);
        assert_eq!(cx.outstanding(), 1);
    });
}

#[test]
fn mask_applies_without_io_pgetevents() {
    for errno in [libc::ENOSYS, libc::EPERM] {
        in_thread(|| {
            blocked_with_handler(libc::SIGWINCH);
            forbid(SYS_IO_PGETEVENTS, &[], errno);
            let (mut cx, peer) = silent();
            let empty = SignalSet::EMPTY;
            // The signal comes during the wait, so it ends the wait also where the mask is set before.
            // SAFETY: it has no preconditions.
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
            // The mask is restored: a signal stays pending.
            let before = handled(libc::SIGWINCH);
            // SAFETY: to this thread, which blocks it.
            unsafe { libc::pthread_kill(waiter, libc::SIGWINCH) };
            thread::sleep(Duration::from_millis(5));
            assert_eq!(handled(libc::SIGWINCH), before);
            // Completions are received as before.
            drop(peer);
            let blocked = SignalSet::ALL;
            assert_eq!(cx.wait_with_mask(1, LONG, blocked).unwrap().count(), 1);
        });
    }
}

#[test]
fn completions_are_returned_with_any_mask() {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, ()>::new(4).unwrap();
    let mut batch = Batch::<_, _, _, 4>::new();
    for _ in 0..4 {
        batch.push(Request::read(&file, vec![0; 5], 0)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    assert_eq!(cx.wait_with_mask(usize::MAX, None, SignalSet::ALL).unwrap().count(), 4);
    assert_eq!(cx.wait_with_mask(1, None, SignalSet::EMPTY).unwrap().count(), 0);
}

#[test]
fn pending_signal_is_delivered_beside_completions() {
    in_thread(|| {
        blocked_with_handler(libc::SIGURG);
        let file = file_with(b"hello");
        let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
        let mut batch = Batch::<_, _, _, 1>::new();
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
fn masked_wait_makes_a_call_only_for_missing_completions() {
    in_thread(|| {
        blocked_with_handler(libc::SIGVTALRM);
        let (socket, _peer) = UnixStream::pair().unwrap();
        let mut cx = Context::<(), ()>::new(2).unwrap();
        let calls = |cx: &Context<(), ()>| cx.stats().system_calls;
        assert_eq!(cx.wait_with_mask(0, LONG, SignalSet::ALL).unwrap().len(), 0);
        assert_eq!(calls(&cx), 0, "nothing is in flight");

        let mut batch = Batch::<_, _, _, 2>::new();
        batch.push(Request::poll(&socket).events(PollEvents::OUT)).unwrap();
        batch.push(Request::poll(&socket).events(PollEvents::IN)).unwrap();
        cx.submit(&mut batch).unwrap();
        // One completes at once. It is received, but not taken.
        assert_eq!(cx.wait_with_mask(0, LONG, SignalSet::ALL).unwrap().len(), 1);
        assert_eq!(calls(&cx), 2);
        assert_eq!(cx.wait_with_mask(1, LONG, SignalSet::ALL).unwrap().len(), 1);
        assert_eq!(calls(&cx), 2, "the completion was received before");

        // SAFETY: to this thread, which blocks it.
        unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGVTALRM) };
        let done = cx.wait_with_mask(2, LONG, SignalSet::EMPTY).unwrap();
        assert_eq!(done.count(), 1, "an interrupted wait returns the completions");
        assert_eq!((calls(&cx), handled(libc::SIGVTALRM)), (3, 1));
    });
}

#[test]
fn masked_wait_waits_for_min() {
    for fallback in [false, true] {
        in_thread(|| {
            if fallback {
                forbid(SYS_IO_PGETEVENTS, &[], libc::ENOSYS);
            }
            let (first, mut first_peer) = UnixStream::pair().unwrap();
            let (second, mut second_peer) = UnixStream::pair().unwrap();
            let mut cx = Context::<(), u8>::new(2).unwrap();
            let mut batch = Batch::<_, _, _, 2>::new();
            batch.push(Request::poll(&first).events(PollEvents::IN).tag(1)).unwrap();
            batch.push(Request::poll(&second).events(PollEvents::IN).tag(2)).unwrap();
            cx.submit(&mut batch).unwrap();
            first_peer.write_all(b"x").unwrap();
            let start = Instant::now();
            let tags = cx.wait_with_mask(2, SHORT, SignalSet::EMPTY).unwrap().map(|done| done.tag);
            assert_eq!(tags.collect::<Vec<_>>(), [1], "the completions so far, at the timeout");
            assert!(start.elapsed() >= SHORT.unwrap());
            second_peer.write_all(b"x").unwrap();
            assert_eq!(cx.wait_with_mask(2, LONG, SignalSet::EMPTY).unwrap().count(), 1);
        });
    }
}

#[test]
fn interrupted_is_interrupted_in_std() {
    let error = std::io::Error::from(ContextError::Interrupted);
    assert_eq!(error.kind(), std::io::ErrorKind::Interrupted);
}

#[test]
fn signal_set_has_kernel_layout() {
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
