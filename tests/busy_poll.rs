//! Waits that poll the completion ring before they sleep: they make no system call where polling
//! succeeds, keep their deadlines, run signal handlers, and stop polling where it is in vain.

use crate::support::{RING, file_with, forbid, in_child, in_thread};
use linux_aio::{BusyPoll, Context, ContextError, PollEvents, Request};
use rustix::time::{ClockId, clock_gettime};
use std::{
    io::{Read as _, Write as _},
    os::unix::{net::UnixStream, thread::JoinHandleExt as _},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_micros(200);

type Cx = Context<(), u8>;

/// A context whose waits poll, and a socket with a poll of it in flight.
fn polling(busy_poll: BusyPoll) -> (Cx, UnixStream) {
    let (socket, peer) = UnixStream::pair().unwrap();
    let mut cx = Cx::new(32).unwrap();
    cx.set_busy_poll(busy_poll);
    cx.submit_one(Request::poll(&socket).events(PollEvents::IN).tag(0)).unwrap();
    (cx, peer)
}

#[test]
fn polling_wait_makes_no_system_call() {
    if !RING {
        return;
    }
    let (socket, mut peer) = UnixStream::pair().unwrap();
    let (send, delays) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            for delay in delays {
                thread::sleep(Duration::from_millis(delay));
                peer.write_all(b"x").unwrap();
            }
        });
        scope.spawn(move || {
            let mut cx = Cx::new(1).unwrap();
            cx.set_busy_poll(BusyPoll::Always(LONG));
            assert!(cx.busy_polls());
            // This thread cannot sleep in the kernel, nor read the clock.
            forbid(libc::SYS_io_getevents, &[], libc::EPERM);
            forbid(libc::SYS_clock_gettime, &[], libc::EPERM);
            // On a busy machine, the byte may be there before the wait begins to poll.
            for (rounds, delay) in (1..).zip([5, 50, 500, 5000]) {
                cx.submit_one(Request::poll(&socket).events(PollEvents::IN).tag(0)).unwrap();
                send.send(delay).unwrap();
                assert_eq!(cx.wait_one(None).unwrap().unwrap().tag, 0);
                assert_eq!((&socket).read(&mut [0; 2]).unwrap(), 1);
                let stats = cx.stats();
                assert_eq!((stats.system_calls, stats.busy_poll_misses), (rounds, 0));
                if stats.busy_poll_hits > 0 {
                    return;
                }
            }
            panic!("no wait has polled");
        });
    });
}

#[test]
fn polling_wait_keeps_its_deadline() {
    for busy_poll in [BusyPoll::Always(LONG), BusyPoll::Always(SHORT), BusyPoll::Adaptive(SHORT)] {
        let (mut cx, _peer) = polling(busy_poll);
        for timeout in [1, 20_000].map(Duration::from_micros) {
            let start = Instant::now();
            assert!(cx.wait_one(Some(timeout)).unwrap().is_none());
            let took = start.elapsed();
            assert!(took >= timeout, "{busy_poll:?}: {took:?} of {timeout:?}");
            assert!(took < timeout + Duration::from_secs(2), "{busy_poll:?}: {took:?}");
        }
        assert_eq!(cx.stats().busy_poll_hits, 0);
    }
}

#[test]
fn polling_time_is_bounded() {
    let (mut cx, mut peer) = polling(BusyPoll::Always(Duration::from_millis(5)));
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(300));
            peer.write_all(b"x").unwrap();
        });
        let cpu = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
        let before = cpu();
        assert_eq!(cx.wait_one(None).unwrap().unwrap().tag, 0);
        let used = cpu() - before;
        assert!(used < Duration::from_millis(100), "polled for {used:?} of CPU time");
    });
    let stats = cx.stats();
    assert_eq!((stats.busy_poll_hits, stats.busy_poll_misses), (0, u64::from(RING)));
}

#[test]
fn signal_handler_runs_while_wait_polls() {
    static RAN: AtomicU64 = AtomicU64::new(0);
    extern "C" fn handler(_: i32) {
        RAN.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: the handler only adds to an atomic.
    unsafe { libc::signal(libc::SIGUSR2, handler as *const () as libc::sighandler_t) };
    let (mut cx, mut peer) = polling(BusyPoll::Always(LONG));
    let waiting = thread::spawn(move || cx.wait_one(None).unwrap().unwrap().tag);
    for _ in 0..5 {
        thread::sleep(Duration::from_millis(2));
        // SAFETY: the thread was not joined, so its handle is valid.
        assert_eq!(unsafe { libc::pthread_kill(waiting.as_pthread_t(), libc::SIGUSR2) }, 0);
    }
    while RAN.load(Ordering::Relaxed) == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    assert!(!waiting.is_finished(), "a signal does not end the wait");
    peer.write_all(b"x").unwrap();
    assert_eq!(waiting.join().unwrap(), 0);
}

#[test]
fn polling_has_no_effect_without_ring() {
    let (mut cx, mut peer) = polling(BusyPoll::Always(LONG));
    assert_eq!(cx.busy_polls(), RING);
    cx.use_ring(false);
    assert!(!cx.busy_polls());
    assert!(cx.wait_one(Some(Duration::from_millis(1))).unwrap().is_none());
    peer.write_all(b"x").unwrap();
    assert_eq!(cx.wait_one(None).unwrap().unwrap().tag, 0);
    let stats = cx.stats();
    assert_eq!((stats.busy_poll_hits, stats.busy_poll_misses), (0, 0));
    cx.use_ring(true);
    assert_eq!(cx.busy_polls(), RING);
    cx.set_busy_poll(BusyPoll::Off);
    assert!(!cx.busy_polls());
    assert_eq!(BusyPoll::default(), BusyPoll::Off);
}

#[test]
fn forked_child_does_not_poll() {
    let (mut cx, mut peer) = polling(BusyPoll::Always(LONG));
    in_child(|| {
        assert!(!cx.busy_polls());
        assert_eq!(cx.wait_one(None).unwrap_err(), ContextError::Forked);
    });
    peer.write_all(b"x").unwrap();
    assert_eq!(cx.wait_one(None).unwrap().unwrap().tag, 0);
}

#[test]
fn without_clock_only_waits_without_timeout_poll() {
    in_thread(|| {
        let (mut cx, _peer) = polling(BusyPoll::Always(LONG));
        forbid(libc::SYS_clock_gettime, &[], libc::EPERM);
        cx.set_busy_poll(BusyPoll::Always(SHORT));
        assert!(cx.wait_one(Some(Duration::from_millis(15))).unwrap().is_none());
        assert_eq!(cx.stats().busy_poll_misses, 0);
    });
}

#[test]
fn adaptive_polling_gives_up_and_resumes() {
    if !RING {
        return;
    }
    let (mut cx, mut peer) = polling(BusyPoll::Adaptive(SHORT));
    for _ in 0..300 {
        assert!(cx.wait_one(Some(Duration::from_micros(300))).unwrap().is_none());
    }
    // In the waits number 1, 3, 7, 15, 31, 63, 127 and 255.
    assert_eq!(cx.stats().busy_poll_misses, 8);
    peer.write_all(b"x").unwrap();
    assert_eq!(cx.wait_one(None).unwrap().unwrap().tag, 0);

    // A wait that polls with success makes the next ones poll, too.
    let mut other = Cx::new(2).unwrap();
    other.set_busy_poll(BusyPoll::Adaptive(LONG));
    for round in 1..=3 {
        // On a busy machine, the byte may be there before the wait begins to poll.
        for delay in [2, 20, 200, 2000] {
            let (socket, mut peer) = UnixStream::pair().unwrap();
            other.submit_one(Request::poll(&socket).events(PollEvents::IN).tag(0)).unwrap();
            thread::scope(|scope| {
                scope.spawn(move || {
                    thread::sleep(Duration::from_millis(delay));
                    peer.write_all(b"x").unwrap();
                });
                assert_eq!(other.wait_one(None).unwrap().unwrap().tag, 0);
            });
            if other.stats().busy_poll_hits == round {
                break;
            }
        }
        assert_eq!((other.stats().busy_poll_hits, other.stats().busy_poll_misses), (round, 0));
    }
}

#[test]
fn adaptive_polling_is_left_out_while_many_requests_stay_in_flight() {
    let (mut cx, peer) = polling(BusyPoll::Adaptive(SHORT));
    for tag in 1..9 {
        cx.submit_one(Request::poll(&peer).events(PollEvents::IN).tag(tag)).unwrap();
    }
    let wait = |cx: &mut Cx, min| {
        assert_eq!(cx.wait(min, Some(Duration::from_micros(300))).unwrap().count(), 0);
        cx.stats().busy_poll_misses
    };
    assert_eq!(wait(&mut cx, 1), 0, "eight would stay in flight");
    assert_eq!(wait(&mut cx, 2), u64::from(RING), "seven would stay in flight");
}

/// The wait polls until there are as many completions as it waits for: one that was there before
/// counts, one that comes alone does not end it.
#[test]
fn polling_wait_is_for_the_completions_that_are_missing() {
    if !RING {
        return;
    }
    let (mut cx, mut first) = polling(BusyPoll::Always(LONG));
    let ends = [(); 2].map(|()| UnixStream::pair().unwrap());
    for (socket, _peer) in &ends {
        cx.submit_one(Request::poll(socket).events(PollEvents::IN).tag(1)).unwrap();
    }
    first.write_all(b"x").unwrap();
    drop(cx.wait(1, None).unwrap());
    let before = cx.stats();
    thread::scope(|scope| {
        scope.spawn(|| {
            for (_socket, peer) in &ends {
                thread::sleep(Duration::from_millis(5));
                (&*peer).write_all(b"x").unwrap();
            }
        });
        assert_eq!(cx.wait(3, None).unwrap().count(), 3);
    });
    let stats = cx.stats();
    assert_eq!(stats.system_calls, before.system_calls);
    assert_eq!(stats.busy_poll_hits, before.busy_poll_hits + 1);
}

#[test]
fn scope_has_polling_of_its_context() {
    let (mut cx, mut peer) = polling(BusyPoll::Always(LONG));
    peer.write_all(b"x").unwrap();
    assert_eq!(cx.wait_one(None).unwrap().unwrap().tag, 0);
    let mut bytes = [0; 4];
    let file = file_with(b"abcd");
    cx.scope(|cx: &mut Context<&mut [u8], ()>| {
        assert_eq!(cx.busy_polls(), RING);
        cx.submit_one(Request::read(&file, &mut bytes[..], 0)).unwrap();
        cx.wait_one(None)?;
        cx.set_busy_poll(BusyPoll::Off);
        Ok::<_, ContextError>(())
    })
    .unwrap();
    assert_eq!(&bytes, b"abcd");
    assert!(!cx.busy_polls(), "what is set in a scope stays set");
}
