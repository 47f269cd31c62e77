//! [`Context::wait_one`] and [`Context::reap_one`], with which a loop can submit between two
//! completions, and [`Context::wait_all`].

use crate::support::{file_with, pattern};
use linux_aio::{Batch, Context, PollEvents, Request};
use std::{
    io::Write as _,
    os::unix::{fs::FileExt as _, net::UnixStream},
    time::{Duration, Instant},
};

const BLOCK: usize = 1000;
const SHORT: Option<Duration> = Some(Duration::from_millis(30));

/// Copies a file. The loop submits a write for each read that completes, and the next read for each
/// write.
#[test]
fn loop_submits_between_two_completions() {
    const BLOCKS: usize = 40;
    let content = pattern(BLOCKS * BLOCK);
    let (source, copy) = (file_with(&content), file_with(b""));
    for reap in [false, true] {
        copy.set_len(0).unwrap();
        let mut cx = Context::<Vec<u8>, bool>::new(4).unwrap();
        let offset = |block: usize| (block * BLOCK) as u64;
        for block in 0..4 {
            cx.submit_one(Request::read(&source, vec![0; BLOCK], offset(block)).tag(true)).unwrap();
        }
        let (mut next, mut completed) = (4, 0);
        while cx.outstanding() > 0 {
            let done = if reap { cx.reap_one() } else { cx.wait_one(None) };
            let Some(done) = done.unwrap() else { continue };
            completed += 1;
            assert_eq!(done.result, Ok(BLOCK));
            let (is_read, info) = (done.tag, done.info());
            if is_read {
                cx.submit_one(Request::write(&copy, done.buf, info.offset()).tag(false)).unwrap();
            } else if next < BLOCKS {
                cx.submit_one(Request::read(&source, done.buf, offset(next)).tag(true)).unwrap();
                next += 1;
            }
        }
        assert_eq!(completed, 2 * BLOCKS);
        let mut copied = vec![0; content.len()];
        copy.read_exact_at(&mut copied, 0).unwrap();
        assert!(copied == content);
    }
}

/// A context with four completed reads and a poll that does not complete.
fn four_of_five(socket: &UnixStream) -> Context<Vec<u8>, usize> {
    let file = file_with(b"0123");
    let mut cx = Context::new(5).unwrap();
    let mut batch = Batch::<_, _, _, 5>::new();
    for tag in 0..4 {
        batch.push(Request::read(&file, vec![0; 1], tag as u64).tag(tag)).unwrap();
    }
    let poll = Request::poll(socket).events(PollEvents::IN);
    batch.push(poll.with_buf(vec![]).tag(4)).unwrap();
    cx.submit(&mut batch).unwrap();
    cx
}

#[test]
fn wait_one_and_reap_one_return_none_without_completion() {
    let (socket, mut peer) = UnixStream::pair().unwrap();
    let mut cx = Context::<(), ()>::new(1).unwrap();
    assert!(cx.wait_one(None).unwrap().is_none(), "nothing is outstanding");
    assert!(cx.reap_one().unwrap().is_none());
    cx.submit_one(Request::poll(&socket).events(PollEvents::IN)).unwrap();
    assert!(cx.reap_one().unwrap().is_none());
    let start = Instant::now();
    assert!(cx.wait_one(SHORT).unwrap().is_none(), "the timeout is over");
    assert!(start.elapsed() >= SHORT.unwrap());
    peer.write_all(b"x").unwrap();
    assert!(cx.wait_one(None).unwrap().is_some());
    assert_eq!(cx.outstanding(), 0);
}

#[test]
fn wait_one_takes_completions_in_order() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let mut cx = four_of_five(&socket);
    for tag in 0..4 {
        let done = if tag % 2 == 0 { cx.wait_one(None) } else { cx.reap_one() };
        assert_eq!(done.unwrap().unwrap().tag, tag);
        assert_eq!(cx.outstanding(), 4 - tag);
    }
    assert!(cx.wait_one(SHORT).unwrap().is_none());
}

#[test]
fn wait_all_waits_for_everything_outstanding() {
    let (socket, mut peer) = UnixStream::pair().unwrap();
    let mut cx = four_of_five(&socket);
    assert_eq!(cx.wait_one(None).unwrap().unwrap().tag, 0);
    // At the timeout, it returns the completions so far.
    let start = Instant::now();
    let tags = cx.wait_all(SHORT).unwrap().take(2).map(|done| done.tag).collect::<Vec<_>>();
    assert_eq!(tags, [1, 2]);
    assert!(start.elapsed() >= SHORT.unwrap());
    // It returns completions that were received before, and those that come.
    peer.write_all(b"x").unwrap();
    let tags = cx.wait_all(None).unwrap().map(|done| done.tag).collect::<Vec<_>>();
    assert_eq!(tags, [3, 4]);
    assert_eq!(cx.wait_all(None).unwrap().count(), 0, "nothing is outstanding");
}
