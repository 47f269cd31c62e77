//! The indexes of the smallest ring wrap around many times: batches of random sizes, iterators that
//! are dropped halfway, events that io_getevents takes in between. Each request completes once, in
//! order, with its own bytes.
//!
//! A million completions, or as many as `RING_WRAPS` says (`.ci/run`: ten million, in release).

use crate::support::{RING, file_with};
use linux_aio::{Batch, Context, Request};
use std::{env, time::Duration};

/// The largest capacity for which the kernel makes a ring of one page (127 events) on a machine with
/// two processors.
const MOST: usize = 62;

#[test]
fn no_completion_lost_or_duplicated() {
    let completions = env::var("RING_WRAPS").map_or(1_000_000, |number| number.parse().unwrap());
    let bytes = (0..=255).collect::<Vec<_>>();
    let file = file_with(&bytes);
    let mut random = fastrand::Rng::with_seed(1);
    let mut cx = Context::<Box<[u8]>, u64>::new(MOST).unwrap();
    let mut batch = Batch::<_, _, _, MOST>::new();
    let mut free = (0..MOST).map(|_| vec![0; 1].into()).collect::<Vec<Box<[u8]>>>();
    let (mut next, mut expected) = (0, 0);

    while expected < completions {
        let count = random.usize(0..=free.len().min(MOST - batch.len()));
        for buf in free.drain(..count) {
            batch.push(Request::read(&file, buf, next % 256).tag(next)).unwrap();
            next += 1;
        }
        cx.submit(&mut batch).unwrap();
        assert!(batch.is_empty(), "the context has room for all buffers");
        let done = match random.u32(0..16) {
            0 => {
                cx.use_ring(false); // io_getevents takes them
                cx.wait(random.usize(0..=MOST), None)
            }
            1..8 => cx.reap(),
            _ => cx.wait(random.usize(0..=MOST), Some(Duration::from_secs(9))),
        };
        for done in done.unwrap().take(random.usize(0..=MOST)) {
            assert_eq!((done.tag, done.result), (expected, Ok(1)));
            assert_eq!(u64::from(done.buf[0]), expected % 256);
            expected += 1;
            free.push(done.buf);
        }
        cx.use_ring(true);
    }
    let stats = cx.stats();
    assert_eq!(stats.completed, expected);
    assert_eq!(next, expected + cx.outstanding() as u64);
    assert_eq!((stats.refused, stats.spurious, stats.ring_given_up), (0, 0, 0));
    assert!(!RING || stats.ring_events > completions / 2, "{stats:?}");
}

#[test]
fn no_completion_lost_with_one_request_at_a_time() {
    let file = file_with(b"0123456789");
    let mut cx = Context::<Box<[u8]>, u64>::new(1).unwrap();
    let mut batch = Batch::<_, _, _, 1>::new();
    let mut buf = Some(vec![0; 1].into_boxed_slice());
    for number in 0..100_000 {
        batch.push(Request::read(&file, buf.take().unwrap(), number % 10).tag(number)).unwrap();
        assert_eq!(cx.submit(&mut batch).unwrap().accepted, 1);
        let done = cx.reap().unwrap().next().unwrap();
        assert_eq!((done.tag, u64::from(done.buf[0] - b'0')), (number, number % 10));
        buf = Some(done.buf);
    }
    assert_eq!(cx.stats().spurious, 0);
}
