//! A forked child shares the completion ring's memory with its parent. It takes no event from it: of
//! 32 events that are in the ring at the fork, the parent takes 32.

use crate::support::{RING, empty_scope, file_with, in_child};
use linux_aio::{Batch, Context, ContextError, Request};
use std::fs::File;

type Cx = Context<Vec<u8>, u8>;

/// A context with 32 events in its ring.
fn with_events(file: &File) -> Cx {
    let mut cx = Cx::new(32).unwrap();
    let mut batch = Batch::<_, _, _, 32>::new();
    for number in 0..32 {
        batch.push(Request::read(file, vec![0; 1], number.into()).tag(number)).unwrap();
    }
    assert_eq!(cx.submit(&mut batch).unwrap().accepted, 32);
    cx
}

/// Checks that all events are received, and from the ring.
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

/// Calls every method that could take an event, or tell that there is one.
fn try_all(cx: &mut Cx, file: &File) {
    let mut batch = Batch::<_, _, _, 1>::new();
    batch.push(Request::read(file, vec![0; 1], 0).tag(0)).unwrap();
    for ring in [true, false, true] {
        cx.use_ring(ring);
        assert!(!cx.reads_ring(), "a child does not read the ring");
        assert_eq!(cx.has_completions(), Err(ContextError::Forked));
        assert_eq!(cx.reap().unwrap_err(), ContextError::Forked);
        assert_eq!(cx.wait(0, None).unwrap_err(), ContextError::Forked);
        assert_eq!(cx.wait(32, None).unwrap_err(), ContextError::Forked);
        assert_eq!(cx.submit(&mut batch).unwrap_err().cause, ContextError::Forked);
        let scope = empty_scope(cx);
        assert_eq!(scope.unwrap_err(), ContextError::Forked);
    }
    assert_eq!(batch.len(), 1);
    assert_eq!((cx.outstanding(), cx.stats().ring_events), (32, 0));
}

/// Copies the handle, for a child to drop or close. The child never uses the original again.
fn moved_out(cx: &mut Cx) -> Cx {
    // SAFETY: the child drops the copy only, and leaves by `_exit`.
    unsafe { std::ptr::read(cx) }
}

#[test]
fn child_takes_no_event_of_parent() {
    let file = content();
    let mut cx = with_events(&file);
    in_child(|| {
        try_all(&mut cx, &file);
        drop(moved_out(&mut cx));
    });
    in_child(|| assert_eq!(moved_out(&mut cx).close(), Err(ContextError::Forked)));
    take_all(cx);
}

#[test]
fn child_with_own_context_takes_no_event_of_parent() {
    let file = content();
    let mut cx = with_events(&file);
    in_child(|| {
        // One is made before the parent's handle is used, one after it; likewise they are closed.
        let own = with_events(&file);
        try_all(&mut cx, &file);
        let another = with_events(&file);
        take_all(own);
        drop(moved_out(&mut cx));
        take_all(another);
    });
    take_all(cx);
}

#[test]
fn grandchild_takes_no_event_of_ancestors() {
    let file = content();
    let mut cx = with_events(&file);
    in_child(|| {
        let mut own = with_events(&file);
        in_child(|| {
            try_all(&mut cx, &file);
            try_all(&mut own, &file);
            take_all(with_events(&file));
        });
        take_all(own);
    });
    take_all(cx);
}
