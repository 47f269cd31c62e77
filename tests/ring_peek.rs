//! Seeing whether there is something, without taking it, without `&mut` and without a system call;
//! and turning the ring off and on, between any two calls.

use crate::support::{RING, file_with};
use linux_aio::{Batch, Context, PollEvents, Request};
use std::{io::Write as _, os::unix::net::UnixStream, thread, time::Duration};

#[test]
fn there_is_something_or_not() {
    let (socket, mut peer) = UnixStream::pair().unwrap();
    let mut cx = Context::<(), (), 2>::new().unwrap();
    let there = |cx: &Context<_, _, 2>| cx.has_completions().unwrap();
    assert!(!there(&cx), "nothing is in flight");

    let mut batch = Batch::<_, _, 2>::new();
    batch.push(Request::poll(&socket).events(PollEvents::IN)).unwrap();
    cx.submit(&mut batch).unwrap();
    let calls = cx.stats().system_calls;
    assert_eq!(there(&cx), !RING, "only the ring knows that there is nothing");
    peer.write_all(b"x").unwrap();
    while !there(&cx) {
        thread::sleep(Duration::from_millis(1));
    }
    assert!(there(&cx), "it stays");
    assert_eq!(cx.stats().system_calls, calls);
    drop(cx.wait(1, None).unwrap());
    assert!(there(&cx), "received and not taken");
    assert_eq!(cx.reap().unwrap().count(), 1);
    assert!(!there(&cx));
}

#[test]
fn the_ring_can_be_turned_off_and_on_at_any_time() {
    let file = file_with(b"0123456789");
    let mut random = fastrand::Rng::with_seed(3);
    let mut cx = Context::<Vec<u8>, usize, 10>::new().unwrap();
    let (mut next, mut expected) = (0, 0);
    for _ in 0..10_000 {
        let mut batch = Batch::<_, _, 10>::new();
        for _ in 0..random.usize(0..=10 - cx.in_flight()) {
            batch.push(Request::read(&file, vec![0; 1], next as u64 % 10).tag(next)).unwrap();
            next += 1;
        }
        let on = random.bool();
        assert_eq!(cx.set_ring(on), on && RING);
        cx.submit(&mut batch).unwrap();
        cx.set_ring(random.bool());
        let min = random.usize(0..=10);
        // Whichever way they come, they come in the order of the ring.
        for done in cx.wait(min, None).unwrap().take(random.usize(0..=10)) {
            assert_eq!(done.tag, expected);
            assert_eq!(done.buf, (expected % 10).to_string().as_bytes());
            expected += 1;
        }
    }
    assert_eq!(expected + cx.in_flight(), next);
    assert_eq!((cx.stats().strays, cx.stats().ring_given_up), (0, 0));
}

#[test]
fn a_scope_keeps_to_what_its_context_is_set_to() {
    let mut cx = Context::<(), (), 1>::new().unwrap();
    cx.set_ring(false);
    let file = file_with(b"hello");
    let mut buf = [0; 5];
    cx.scope(|cx: &mut Context<&mut [u8], (), 1>| {
        let mut batch = Batch::<_, _, 1>::new();
        batch.push(Request::read(&file, &mut buf[..], 0)).unwrap();
        cx.submit(&mut batch).unwrap();
        assert_eq!(cx.wait(1, None).unwrap().count(), 1);
        assert_eq!(cx.stats().ring_events, 0);
        assert_eq!(cx.set_ring(true), RING);
    })
    .unwrap();
    assert_eq!(cx.has_completions(), Ok(false));
    assert_eq!(cx.set_ring(true), RING);
}
