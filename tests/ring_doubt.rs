//! A ring that holds what no kernel writes is given up for good, and `io_getevents` goes on where it
//! ended. No completion is lost by it, and none comes twice.

use crate::support::{RING, file_with};
use linux_aio::{Batch, Context, Request, Stats};
use std::{fs::File, time::Duration};

type Cx = Context<Vec<u8>, usize, 8>;

/// Submits reads of one byte, which are complete then.
fn read(cx: &mut Cx, file: &File, tags: std::ops::Range<usize>) {
    let mut batch = Batch::<_, _, 8>::new();
    for tag in tags {
        batch.push(Request::read(file, vec![0; 1], tag as u64).tag(tag)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
}

fn tags(cx: &mut Cx, count: usize) -> Vec<usize> {
    let done = cx.wait(count, Some(Duration::from_secs(5))).unwrap();
    done.map(|done| (done.tag, done.buf)).inspect(check).map(|done| done.0).collect()
}

fn check((tag, buf): &(usize, Vec<u8>)) {
    assert_eq!(buf, tag.to_string().as_bytes());
}

/// A word of the ring's header: id, nr, head, tail, magic, ...
fn word(cx: &Cx, number: usize) -> *mut u32 {
    std::ptr::with_exposed_provenance_mut::<u32>(cx.id().0 as usize).wrapping_add(number)
}

/// Adds the ring's number of places to `head`. The kernel looks at the remainder.
fn spoil(cx: &Cx) {
    // SAFETY: the header of a living context; the kernel does not use `head` now.
    unsafe {
        let nr = word(cx, 1).read_volatile();
        let head = word(cx, 2).read_volatile();
        word(cx, 2).write_volatile(head + nr);
    }
}

fn given_up(stats: Stats) -> bool {
    assert_eq!(stats.strays, 0);
    assert!(stats.ring_given_up <= 1);
    stats.ring_given_up == 1
}

#[test]
fn found_when_completions_are_taken() {
    let file = file_with(b"01234567");
    let mut cx = Cx::new().unwrap();
    read(&mut cx, &file, 0..3);
    assert_eq!(tags(&mut cx, 3), [0, 1, 2]);
    assert_eq!(cx.set_ring(true), RING);
    read(&mut cx, &file, 3..6);
    spoil(&cx);
    assert!(!given_up(cx.stats()), "nobody has looked");
    assert_eq!(cx.has_completions(), Ok(true), "better ask the kernel");
    assert_eq!(tags(&mut cx, 3), [3, 4, 5]);
    assert_eq!(given_up(cx.stats()), RING);
    // The header is all right again. The ring is not trusted again.
    assert!(!cx.set_ring(true));
    read(&mut cx, &file, 6..8);
    let before = cx.stats();
    assert_eq!(tags(&mut cx, 2), [6, 7]);
    let after = cx.stats();
    assert_eq!(after.system_calls, before.system_calls + 1);
    assert_eq!(after.ring_events, before.ring_events);
    assert_eq!(given_up(after), RING);
}

#[test]
fn found_after_submitting() {
    let file = file_with(b"01234567");
    let mut cx = Cx::new().unwrap();
    spoil(&cx);
    read(&mut cx, &file, 0..8);
    assert_eq!(given_up(cx.stats()), RING);
    assert_eq!(tags(&mut cx, 8), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(cx.stats().completed_in_submit, 0, "not known");
}

#[test]
fn found_at_the_end_of_a_scope() {
    let file = file_with(b"01234567");
    let mut buf = [0; 8];
    let mut cx = Cx::new().unwrap();
    cx.scope(|cx: &mut Context<&mut [u8], (), 8>| {
        let mut batch = Batch::<_, _, 1>::new();
        batch.push(Request::read(&file, &mut buf[..], 0)).unwrap();
        cx.submit(&mut batch).unwrap();
        // SAFETY: as above.
        unsafe {
            let ring = std::ptr::with_exposed_provenance_mut::<u32>(cx.id().0 as usize);
            ring.add(2).write_volatile(ring.add(1).read_volatile());
        }
    })
    .unwrap();
    assert_eq!(&buf, b"01234567");
    assert_eq!(given_up(cx.stats()), RING, "the context knows it, too");
    assert!(!cx.set_ring(true));
    read(&mut cx, &file, 0..2);
    assert_eq!(tags(&mut cx, 2), [0, 1]);
}

#[test]
fn what_the_header_says_of_itself_is_read_once() {
    let file = file_with(b"01234567");
    let mut cx = Cx::new().unwrap();
    // SAFETY: the header of a living context; the kernel reads none of these.
    unsafe {
        word(&cx, 1).write_volatile(u32::MAX);
        for number in 4..8 {
            word(&cx, number).write_volatile(0);
        }
    }
    for _ in 0..200 {
        read(&mut cx, &file, 0..8);
        assert_eq!(tags(&mut cx, 8), [0, 1, 2, 3, 4, 5, 6, 7]);
    }
    assert_eq!(cx.stats().ring_events, if RING { 1600 } else { 0 });
    assert!(!given_up(cx.stats()));
}
