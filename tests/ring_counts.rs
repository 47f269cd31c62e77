//! How many system calls are made: one for each submission and none for what is in the ring; with
//! the ring off, `io_getevents` on top, and everything else the same. Whether submitting did the
//! work. What the crate counts is checked against a kernel that is made to refuse the call.

use crate::support::{RING, file_with, forbid, in_thread, pattern};
use linux_aio::{Batch, Context, ContextError, Errno, PageBuf, PollEvents, Request, Stats};
use std::{io::Write as _, os::unix::net::UnixStream, time::Duration};

const BLOCK: usize = 4096;
const BLOCKS: usize = 8;

/// Reads cached blocks, so many at once, and checks each. Returns what was counted.
fn read(reads: usize, at_once: usize, ring: bool) -> Stats {
    let content = pattern(BLOCKS * BLOCK);
    let file = file_with(&content);
    let mut cx = Context::<PageBuf, usize, 32>::new().unwrap();
    cx.set_ring(ring);
    let mut batch = Batch::<_, _, 32>::new();
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
    assert_eq!((stats.refused, stats.strays, stats.ring_given_up), (0, 0, 0));
    stats
}

#[test]
fn a_read_at_a_time_takes_one_call() {
    let stats = read(100_000, 1, true);
    let by_ring = if RING { 100_000 } else { 0 };
    assert_eq!(stats.system_calls, 200_000 - by_ring);
    assert_eq!(stats.ring_events, by_ring);
}

#[test]
fn a_batch_takes_one_call() {
    let stats = read(100_000, 32, true);
    assert_eq!(stats.system_calls, if RING { 3125 } else { 6250 });
    assert_eq!(stats.ring_events, if RING { 100_000 } else { 0 });
}

#[test]
fn without_the_ring_receiving_takes_another() {
    for (at_once, calls) in [(1, 20_000), (32, 626)] {
        let stats = read(10_000, at_once, false);
        assert_eq!((stats.system_calls, stats.ring_events), (calls, 0));
    }
}

#[test]
fn where_io_getevents_is_forbidden_the_ring_does() {
    let file = file_with(b"hello");
    in_thread(|| {
        let mut cx = Context::<Vec<u8>, (), 1>::new().unwrap();
        let mut batch = Batch::<_, _, 1>::new();
        forbid(libc::SYS_io_getevents, &[], libc::EPERM);
        let refused = ContextError::Os { call: "io_getevents", errno: Errno::EPERM };
        for round in 0..1000 {
            batch.push(Request::read(&file, vec![0; 5], 0)).unwrap();
            cx.submit(&mut batch).unwrap();
            // The call is made if, and only if, the ring is off.
            if cx.set_ring(round % 2 == 0) {
                assert_eq!(cx.wait(1, None).unwrap().next().unwrap().buf, b"hello");
                assert_eq!(cx.reap().unwrap().count(), 0);
                continue;
            }
            assert_eq!(cx.wait(1, None).unwrap_err(), refused);
            assert_eq!(cx.reap().unwrap_err(), refused);
            if !cx.set_ring(true) {
                return; // there is no other way
            }
            assert_eq!(cx.reap().unwrap().next().unwrap().buf, b"hello");
        }
    });
}

/// Submits polls of a socket for these masks.
fn poll(cx: &mut Context<(), (), 8>, socket: &UnixStream, masks: &[PollEvents]) {
    let mut batch = Batch::<_, _, 8>::new();
    for &mask in masks {
        batch.push(Request::poll(socket).events(mask)).unwrap();
    }
    assert_eq!(cx.submit(&mut batch).unwrap().accepted, masks.len());
}

#[test]
fn the_kernel_is_asked_for_what_is_missing_only() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let mut cx = Context::new().unwrap();
    // Three find what they wait for at once, the others never.
    let masks = [PollEvents::IN, PollEvents::OUT];
    poll(&mut cx, &socket, &masks.repeat(3));
    let calls = |cx: &Context<(), (), 8>| cx.stats().system_calls;
    let before = calls(&cx);
    assert_eq!(cx.wait(3, None).unwrap().count(), 3);
    // Nor is there a need to enter the kernel in order not to wait.
    assert_eq!(cx.wait(3, Some(Duration::ZERO)).unwrap().count(), 0);
    assert_eq!(cx.reap().unwrap().count(), 0);
    assert_eq!(calls(&cx) - before, if RING { 0 } else { 3 });

    poll(&mut cx, &socket, &[PollEvents::OUT; 2]);
    let before = calls(&cx);
    // Two are there and one is missing.
    let timeout = Some(Duration::from_millis(20));
    assert_eq!(cx.wait(3, timeout).unwrap().count(), 2);
    assert_eq!(calls(&cx) - before, 1);
    let by_ring = if RING { 5 } else { 0 };
    assert_eq!(cx.stats().ring_events, by_ring);
}

#[test]
fn submitting_that_did_the_work_is_told_from_submitting_that_did_not() {
    // Only the ring tells.
    let count = |count| if RING { count } else { 0 };
    assert_eq!(read(1000, 1, true).completed_in_submit, count(1000));
    assert_eq!(read(1024, 32, true).completed_in_submit, count(1024));
    assert_eq!(read(1024, 32, false).completed_in_submit, 0);

    let (socket, mut peer) = UnixStream::pair().unwrap();
    let mut cx = Context::<(), (), 8>::new().unwrap();
    poll(&mut cx, &socket, &[PollEvents::IN; 4]);
    assert_eq!(cx.stats().completed_in_submit, 0, "they are waiting");
    // Now they complete, but not by being submitted.
    peer.write_all(b"x").unwrap();
    while !cx.has_completions().unwrap() {}
    let (idle, _peer) = UnixStream::pair().unwrap();
    poll(&mut cx, &idle, &[PollEvents::IN]);
    assert_eq!(cx.stats().completed_in_submit, 0, "the others complete, not this");
    poll(&mut cx, &socket, &[PollEvents::OUT; 2]);
    assert_eq!(cx.stats().completed_in_submit, count(2));
    // These four are here, unseen, or not yet.
    poll(&mut cx, &socket, &[PollEvents::OUT]);
    assert_eq!(cx.stats().completed_in_submit, count(3));
    assert_eq!(cx.wait(7, None).unwrap().take(6).count(), 6);
    // One more is received, but not taken.
    poll(&mut cx, &socket, &[PollEvents::OUT, PollEvents::IN]);
    assert_eq!(cx.stats().completed_in_submit, count(5));
    assert_eq!(cx.wait(3, None).unwrap().count(), 3);
}
