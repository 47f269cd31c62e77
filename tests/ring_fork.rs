//! A child shares the ring's memory with its parent, and could take the events that wait there. It
//! does not: of 32 that wait when it is forked, its parent takes 32.

use crate::support::{RING, file_with, in_child};
use linux_aio::{Batch, Context, ContextError, Request};
use std::fs::File;

type Cx = Context<Vec<u8>, u8, 32>;

/// A context with 32 completions, of which nobody has seen one yet.
fn waiting(file: &File) -> Cx {
    let mut cx = Cx::new().unwrap();
    let mut batch = Batch::<_, _, 32>::new();
    for number in 0..32 {
        batch.push(Request::read(file, vec![0; 1], number.into()).tag(number)).unwrap();
    }
    assert_eq!(cx.submit(&mut batch).unwrap().accepted, 32);
    cx
}

/// Whether the parent's events are all there, and come by the ring.
fn take_all(mut cx: Cx) {
    let calls = cx.stats().system_calls;
    let done = cx.wait(32, None).unwrap();
    assert!(done.map(|done| (done.tag, done.buf)).eq((0..32).map(|n| (n, vec![n]))));
    assert_eq!(cx.stats().system_calls - calls, u64::from(!RING));
    cx.close().unwrap();
}

fn content() -> File {
    file_with(&(0..32).collect::<Vec<_>>())
}

/// Tries everything that could take an event, or say that there is one.
fn try_all(cx: &mut Cx, file: &File) {
    let mut batch = Batch::<_, _, 1>::new();
    batch.push(Request::read(file, vec![0; 1], 0).tag(0)).unwrap();
    for ring in [true, false, true] {
        assert!(!cx.set_ring(ring), "there is no ring for a child");
        assert_eq!(cx.has_completions(), Err(ContextError::Forked));
        assert_eq!(cx.reap().unwrap_err(), ContextError::Forked);
        assert_eq!(cx.wait(0, None).unwrap_err(), ContextError::Forked);
        assert_eq!(cx.wait(32, None).unwrap_err(), ContextError::Forked);
        assert_eq!(cx.submit(&mut batch).unwrap_err().cause, ContextError::Forked);
        let scope = cx.scope(|_: &mut Context<&[u8], (), 32>| ());
        assert_eq!(scope.unwrap_err(), ContextError::Forked);
    }
    assert_eq!(batch.len(), 1);
    assert_eq!((cx.in_flight(), cx.stats().ring_events), (32, 0));
}

/// Moves the handle out, for a child to drop or close. The child must never return to where it was.
fn moved_out(cx: &mut Cx) -> Cx {
    // SAFETY: the caller's duty.
    unsafe { std::ptr::read(cx) }
}

#[test]
fn a_child_takes_none_of_its_parent_s_events() {
    let file = content();
    let mut cx = waiting(&file);
    in_child(|| {
        try_all(&mut cx, &file);
        drop(moved_out(&mut cx));
    });
    in_child(|| assert_eq!(moved_out(&mut cx).close(), Err(ContextError::Forked)));
    take_all(cx);
}

#[test]
fn nor_does_a_child_with_a_context_of_its_own() {
    let file = content();
    let mut cx = waiting(&file);
    in_child(|| {
        // Made before and after the parent's handle is tried, and dropped before and after.
        let own = waiting(&file);
        try_all(&mut cx, &file);
        let another = waiting(&file);
        take_all(own);
        drop(moved_out(&mut cx));
        take_all(another);
    });
    take_all(cx);
}

#[test]
fn nor_does_a_grandchild_those_of_its_parent() {
    let file = content();
    let mut cx = waiting(&file);
    in_child(|| {
        let mut own = waiting(&file);
        in_child(|| {
            try_all(&mut cx, &file);
            try_all(&mut own, &file);
            take_all(waiting(&file));
        });
        take_all(own);
    });
    take_all(cx);
}
