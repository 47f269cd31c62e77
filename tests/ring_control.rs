//! [`Context::has_completions`] makes no system call, and [`Context::use_ring`] can be called between
//! any two calls.

use crate::support::{RING, file_with};
use linux_aio::{Batch, Context, ContextError, PollEvents, Request};
use std::{io::Write as _, os::unix::net::UnixStream, thread, time::Duration};

#[test]
fn has_completions_makes_no_system_call() {
    let (socket, mut peer) = UnixStream::pair().unwrap();
    let mut cx = Context::<(), ()>::new(2).unwrap();
    let has = |cx: &Context<_, _>| cx.has_completions().unwrap();
    assert!(!has(&cx), "nothing is in flight");

    let mut batch = Batch::<_, _, _, 2>::new();
    batch.push(Request::poll(&socket).events(PollEvents::IN)).unwrap();
    cx.submit(&mut batch).unwrap();
    let calls = cx.stats().system_calls;
    assert_eq!(has(&cx), !RING, "without the ring, only the kernel can tell");
    peer.write_all(b"x").unwrap();
    while !has(&cx) {
        thread::sleep(Duration::from_millis(1));
    }
    assert!(has(&cx), "the event was not taken");
    assert_eq!(cx.stats().system_calls, calls);
    drop(cx.wait(1, None).unwrap());
    assert!(has(&cx), "the completion is received, but not taken");
    assert_eq!(cx.reap().unwrap().count(), 1);
    assert!(!has(&cx));
}

#[test]
fn use_ring_switches_between_any_two_calls() {
    let file = file_with(b"0123456789");
    let mut random = fastrand::Rng::with_seed(3);
    let mut cx = Context::<Vec<u8>, usize>::new(10).unwrap();
    let (mut next, mut expected) = (0, 0);
    for _ in 0..10_000 {
        let mut batch = Batch::<_, _, _, 10>::new();
        for _ in 0..random.usize(0..=10 - cx.outstanding()) {
            batch.push(Request::read(&file, vec![0; 1], next as u64 % 10).tag(next)).unwrap();
            next += 1;
        }
        let on = random.bool();
        cx.use_ring(on);
        assert_eq!(cx.reads_ring(), on && RING);
        cx.submit(&mut batch).unwrap();
        cx.use_ring(random.bool());
        let min = random.usize(0..=10);
        // From the ring or by io_getevents, they come in the order of the ring.
        for done in cx.wait(min, None).unwrap().take(random.usize(0..=10)) {
            assert_eq!(done.tag, expected);
            assert_eq!(done.buf, (expected % 10).to_string().as_bytes());
            expected += 1;
        }
    }
    assert_eq!(expected + cx.outstanding(), next);
    assert_eq!((cx.stats().spurious, cx.stats().ring_given_up), (0, 0));
}

#[test]
fn scope_inherits_use_ring() {
    let mut cx = Context::<(), ()>::new(1).unwrap();
    cx.use_ring(false);
    assert!(!cx.reads_ring());
    let file = file_with(b"hello");
    let mut buf = [0; 5];
    cx.scope(|cx: &mut Context<&mut [u8], ()>| {
        let mut batch = Batch::<_, _, _, 1>::new();
        batch.push(Request::read(&file, &mut buf[..], 0)).unwrap();
        cx.submit(&mut batch).unwrap();
        assert_eq!(cx.wait(1, None).unwrap().count(), 1);
        assert_eq!(cx.stats().ring_events, 0);
        cx.use_ring(true);
        assert_eq!(cx.reads_ring(), RING);
        Ok::<_, ContextError>(())
    })
    .unwrap();
    assert_eq!(cx.has_completions(), Ok(false));
    assert_eq!(cx.reads_ring(), RING, "what is set in a scope stays set");
}
