//! [`Stats`]: how many system calls are made, and how many requests complete within `submit`. A
//! submission is one call. A wait is none where the ring is read, and one `io_getevents` where it is
//! not. That none is made is also shown where seccomp forbids `io_getevents`.

use crate::support::{RING, file_with, forbid, in_thread, pattern};
use linux_aio::{Batch, Context, ContextError, Errno, PageBuf, PollEvents, Request, Stats};
use std::{io::Write as _, os::unix::net::UnixStream, time::Duration};

const BLOCK: usize = 4096;
const BLOCKS: usize = 8;

/// Reads cached blocks, `at_once` per batch, and checks each. Returns the statistics.
fn read(reads: usize, at_once: usize, ring: bool) -> Stats {
    let content = pattern(BLOCKS * BLOCK);
    let file = file_with(&content);
    let mut cx = Context::<PageBuf, usize>::new(32).unwrap();
    cx.use_ring(ring);
    let mut batch = Batch::<_, _, _, 32>::new();
    let mut free = (0..at_once).map(|_| PageBuf::new(BLOCK).unwrap()).collect::<Vec<_>>();
    let mut number = 0;
    while number < reads {
        for buf in free.drain(..) {
            let offset = number % BLOCKS * BLOCK;
            batch.push(Request::read(&file, buf, offset as u64).tag(offset)).unwrap();
            number += 1;
        }
        assert_eq!(cx.submit(&mut batch).unwrap().accepted, at_once);
        for done in cx.wait(at_once, None).unwrap() {
            assert_eq!(done.result, Ok(BLOCK));
            assert!(done.buf[..] == content[done.tag..][..BLOCK]);
            free.push(done.buf);
        }
    }
    let stats = cx.stats();
    assert_eq!((stats.accepted, stats.completed), (number as u64, number as u64));
    assert_eq!((stats.refused, stats.spurious, stats.ring_given_up), (0, 0, 0));
    stats
}

#[test]
fn single_read_takes_one_system_call() {
    let stats = read(100_000, 1, true);
    let by_ring = if RING { 100_000 } else { 0 };
    assert_eq!(stats.system_calls, 200_000 - by_ring);
    assert_eq!(stats.ring_events, by_ring);
}

#[test]
fn batch_takes_one_system_call() {
    let stats = read(100_000, 32, true);
    assert_eq!(stats.system_calls, if RING { 3125 } else { 6250 });
    assert_eq!(stats.ring_events, if RING { 100_000 } else { 0 });
}

#[test]
fn without_ring_each_wait_takes_a_system_call() {
    for (at_once, calls) in [(1, 20_000), (32, 626)] {
        let stats = read(10_000, at_once, false);
        assert_eq!((stats.system_calls, stats.ring_events), (calls, 0));
    }
}

#[test]
fn ring_needs_no_io_getevents() {
    let file = file_with(b"hello");
    in_thread(|| {
        let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
        let mut batch = Batch::<_, _, _, 1>::new();
        forbid(libc::SYS_io_getevents, &[], libc::EPERM);
        let refused = ContextError::Os { call: "io_getevents", errno: Errno::EPERM };
        for round in 0..1000 {
            batch.push(Request::read(&file, vec![0; 5], 0)).unwrap();
            cx.submit(&mut batch).unwrap();
            // io_getevents is called if, and only if, the ring is not read.
            cx.use_ring(round % 2 == 0);
            if cx.reads_ring() {
                assert_eq!(cx.wait(1, None).unwrap().next().unwrap().buf, b"hello");
                assert_eq!(cx.reap().unwrap().count(), 0);
                continue;
            }
            assert_eq!(cx.wait(1, None).unwrap_err(), refused);
            assert_eq!(cx.reap().unwrap_err(), refused);
            cx.use_ring(true);
            if !cx.reads_ring() {
                return; // the crate was built without the ring
            }
            assert_eq!(cx.reap().unwrap().next().unwrap().buf, b"hello");
        }
    });
}

/// Submits polls of a socket for these masks.
fn poll(cx: &mut Context<(), ()>, socket: &UnixStream, masks: &[PollEvents]) {
    let mut batch = Batch::<_, _, _, 8>::new();
    for &mask in masks {
        batch.push(Request::poll(socket).events(mask)).unwrap();
    }
    assert_eq!(cx.submit(&mut batch).unwrap().accepted, masks.len());
}

#[test]
fn wait_makes_a_call_only_for_missing_completions() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let mut cx = Context::new(8).unwrap();
    // Three complete at once, the others never.
    let masks = [PollEvents::IN, PollEvents::OUT];
    poll(&mut cx, &socket, &masks.repeat(3));
    let calls = |cx: &Context<(), ()>| cx.stats().system_calls;
    let before = calls(&cx);
    assert_eq!(cx.wait(3, None).unwrap().count(), 3);
    // With a timeout of zero, the ring suffices.
    assert_eq!(cx.wait(3, Some(Duration::ZERO)).unwrap().count(), 0);
    assert_eq!(cx.reap().unwrap().count(), 0);
    assert_eq!(calls(&cx) - before, if RING { 0 } else { 3 });

    poll(&mut cx, &socket, &[PollEvents::OUT; 2]);
    let before = calls(&cx);
    // Two completions are in the ring, and one is missing.
    let timeout = Some(Duration::from_millis(20));
    assert_eq!(cx.wait(3, timeout).unwrap().count(), 2);
    assert_eq!(calls(&cx) - before, 1);
    let by_ring = if RING { 5 } else { 0 };
    assert_eq!(cx.stats().ring_events, by_ring);
}

#[test]
fn completed_in_submit_counts_requests_done_by_submit() {
    // Counted only where the ring is read.
    let count = |count| if RING { count } else { 0 };
    assert_eq!(read(1000, 1, true).completed_in_submit, count(1000));
    assert_eq!(read(1024, 32, true).completed_in_submit, count(1024));
    assert_eq!(read(1024, 32, false).completed_in_submit, 0);

    let (socket, mut peer) = UnixStream::pair().unwrap();
    let mut cx = Context::<(), ()>::new(8).unwrap();
    poll(&mut cx, &socket, &[PollEvents::IN; 4]);
    assert_eq!(cx.stats().completed_in_submit, 0, "the socket has nothing to read");
    // Now they complete, after submit has returned.
    peer.write_all(b"x").unwrap();
    while !cx.has_completions().unwrap() {}
    let (idle, _peer) = UnixStream::pair().unwrap();
    poll(&mut cx, &idle, &[PollEvents::IN]);
    assert_eq!(cx.stats().completed_in_submit, 0, "the new poll has not completed");
    poll(&mut cx, &socket, &[PollEvents::OUT; 2]);
    assert_eq!(cx.stats().completed_in_submit, count(2));
    // The four earlier completions are in the ring still, and do not count.
    poll(&mut cx, &socket, &[PollEvents::OUT]);
    assert_eq!(cx.stats().completed_in_submit, count(3));
    assert_eq!(cx.wait(7, None).unwrap().take(6).count(), 6);
    // One completion is received, but not taken.
    poll(&mut cx, &socket, &[PollEvents::OUT, PollEvents::IN]);
    assert_eq!(cx.stats().completed_in_submit, count(5));
    assert_eq!(cx.wait(3, None).unwrap().count(), 3);
}
