//! A completion ring whose header is inconsistent, because the test overwrites `head`: the context
//! gives the ring up and receives the events by `io_getevents`. No completion is lost or duplicated.

use crate::support::{RING, file_with};
use linux_aio::{Batch, Completion, Context, ContextError, Request, Stats};
use std::{fs::File, time::Duration};

type Cx = Context<Vec<u8>, usize>;

/// Submits buffered reads of one byte, which complete within submit.
fn read(cx: &mut Cx, file: &File, tags: std::ops::Range<usize>) {
    let mut batch = Batch::<_, _, _, 8>::new();
    for tag in tags {
        batch.push(Request::read(file, vec![0; 1], tag as u64).tag(tag)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
}

/// Waits for completions, checks their bytes, and returns their tags.
fn tags(cx: &mut Cx, count: usize) -> Vec<usize> {
    let done = cx.wait(count, Some(Duration::from_secs(5))).unwrap();
    let check = |done: Completion<Vec<u8>, usize>| {
        assert_eq!(done.buf, done.tag.to_string().as_bytes());
        done.tag
    };
    done.map(check).collect()
}

/// The address of a word of the ring's header: 0 is id, 1 nr, 2 head, 3 tail, 4 magic.
fn word<B, T>(cx: &Context<B, T>, number: usize) -> *mut u32 {
    std::ptr::with_exposed_provenance_mut::<u32>(cx.id().0 as usize).wrapping_add(number)
}

/// Makes `head` too large by `nr`. The kernel takes it modulo `nr`.
fn overwrite_head<B, T>(cx: &Context<B, T>) {
    // SAFETY: the ring of an open context is mapped; the kernel does not use `head` now.
    unsafe {
        let nr = word(cx, 1).read_volatile();
        let head = word(cx, 2).read_volatile();
        word(cx, 2).write_volatile(head + nr);
    }
}

/// Whether the ring was given up.
fn given_up(stats: Stats) -> bool {
    assert_eq!(stats.spurious, 0);
    assert!(stats.ring_given_up <= 1);
    stats.ring_given_up == 1
}

#[test]
fn inconsistent_ring_is_given_up_on_wait() {
    let file = file_with(b"01234567");
    let mut cx = Cx::new(8).unwrap();
    read(&mut cx, &file, 0..3);
    assert_eq!(tags(&mut cx, 3), [0, 1, 2]);
    assert_eq!(cx.reads_ring(), RING);
    read(&mut cx, &file, 3..6);
    overwrite_head(&cx);
    assert!(!given_up(cx.stats()), "the ring was not read yet");
    assert_eq!(cx.has_completions(), Ok(true), "only the kernel can tell");
    assert_eq!(tags(&mut cx, 3), [3, 4, 5]);
    assert_eq!(given_up(cx.stats()), RING);
    // The header is consistent again. The ring is not read again.
    cx.use_ring(true);
    assert!(!cx.reads_ring());
    read(&mut cx, &file, 6..8);
    let before = cx.stats();
    assert_eq!(tags(&mut cx, 2), [6, 7]);
    let after = cx.stats();
    assert_eq!(after.system_calls, before.system_calls + 1);
    assert_eq!(after.ring_events, before.ring_events);
    assert_eq!(given_up(after), RING);
}

#[test]
fn inconsistent_ring_is_given_up_on_submit() {
    let file = file_with(b"01234567");
    let mut cx = Cx::new(8).unwrap();
    overwrite_head(&cx);
    read(&mut cx, &file, 0..8);
    assert_eq!(given_up(cx.stats()), RING);
    assert_eq!(tags(&mut cx, 8), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(cx.stats().completed_in_submit, 0, "it is not known");
}

#[test]
fn inconsistent_ring_is_given_up_at_scope_end() {
    let file = file_with(b"01234567");
    let mut buf = [0; 8];
    let mut cx = Cx::new(8).unwrap();
    cx.scope(|cx: &mut Context<&mut [u8], ()>| {
        let mut batch = Batch::<_, _, _, 1>::new();
        batch.push(Request::read(&file, &mut buf[..], 0)).unwrap();
        cx.submit(&mut batch).unwrap();
        overwrite_head(cx);
        Ok::<_, ContextError>(())
    })
    .unwrap();
    assert_eq!(&buf, b"01234567");
    assert_eq!(given_up(cx.stats()), RING, "the outer context does not read the ring either");
    cx.use_ring(true);
    assert!(!cx.reads_ring());
    read(&mut cx, &file, 0..2);
    assert_eq!(tags(&mut cx, 2), [0, 1]);
}

#[test]
fn constant_fields_of_ring_are_read_once() {
    let file = file_with(b"01234567");
    let mut cx = Cx::new(8).unwrap();
    // SAFETY: the ring of an open context is mapped; the kernel does not read these fields.
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
