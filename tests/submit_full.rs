//! A context with too little room takes a part of the batch. The rest stays in the batch, in order,
//! with buffers and tags.

use crate::support::file_with;
use linux_aio::{Batch, Borrowed, Context, ContextError, Request};

#[test]
fn rest_stays_in_batch_in_order() {
    let file = file_with(b"0123456789");
    let mut cx = Context::<Vec<u8>, usize>::new(3).unwrap();
    let mut batch = Batch::<_, _, _, 10>::new();
    for number in 0..10 {
        batch.push(Request::read(&file, vec![0; 1], number as u64).tag(number)).unwrap();
    }
    let mut tags = Vec::new();
    for (taken, left) in [(3, 7), (3, 4), (3, 1), (1, 0)] {
        assert_eq!(cx.submit(&mut batch).unwrap().accepted, taken);
        assert_eq!((batch.len(), cx.outstanding()), (left, taken));
        // The context is full or the batch empty: submit does nothing.
        assert_eq!(cx.submit(&mut batch).unwrap().accepted, 0);
        assert_eq!((batch.len(), cx.outstanding()), (left, taken));
        for done in cx.wait(taken, None).unwrap() {
            assert_eq!(done.transferred(), done.tag.to_string().as_bytes());
            tags.push(done.tag);
        }
    }
    // Cached reads complete in the order of submission.
    assert_eq!(tags, (0..10).collect::<Vec<_>>());
}

#[test]
fn completions_not_taken_occupy_slots() {
    let file = file_with(b"0123456789");
    let mut cx = Context::<Vec<u8>, usize>::new(2).unwrap();
    let mut batch = Batch::<_, _, _, 4>::new();
    for number in 0..4 {
        batch.push(Request::read(&file, vec![0; 1], number as u64).tag(number)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    assert_eq!(cx.wait(2, None).unwrap().next().unwrap().tag, 0);
    assert_eq!(cx.outstanding(), 1);
    assert_eq!(cx.submit(&mut batch).unwrap().accepted, 1, "one slot is free");
    let tags = cx.wait(2, None).unwrap().map(|done| done.tag).collect::<Vec<_>>();
    assert_eq!(tags, [1, 2]);
    assert_eq!(*batch.pop().unwrap().tag_ref(), 3);
}

#[test]
fn full_batch_returns_request_of_try_push() {
    let file = file_with(b"");
    let mut batch = Batch::<_, _, _, 1>::new();
    batch.push(Request::write(&file, b"first".to_vec(), 0).tag(1)).unwrap();
    assert!(batch.is_full() && !batch.is_empty());
    let full = batch.try_push(Request::write(&file, b"second".to_vec(), 0).tag(2)).unwrap_err();
    assert_eq!(full.to_string(), "no room for one more: submit the batch, or use fewer pieces");
    let (_, buf, tag) = full.0.into_parts();
    assert_eq!((buf, tag), (b"second".to_vec(), 2));
    let (_, buf, tag) = batch.pop().unwrap().into_parts();
    assert_eq!((buf, tag), (b"first".to_vec(), 1));
    assert!(batch.is_empty() && !batch.is_full() && batch.pop().is_none());
}

#[test]
fn capacity_is_as_asked() {
    let mut cx = Context::<Vec<u8>, ()>::new(3).unwrap();
    assert_eq!((cx.capacity(), cx.outstanding()), (3, 0));
    let capacity = |cx: &mut Context<&[u8], ()>| Ok::<_, ContextError>(cx.capacity());
    assert_eq!(cx.scope(capacity), Ok(3));
}

#[test]
fn empty_batch_makes_no_system_call() {
    let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
    assert_eq!(cx.submit(&mut Batch::<Borrowed<'_>, _, _, 1>::new()).unwrap(), Default::default());
    assert_eq!(cx.reap().unwrap().len(), 0);
    assert_eq!(cx.wait(1, None).unwrap().len(), 0, "with nothing in flight, wait returns at once");
    assert_eq!(cx.stats().system_calls, 0);
}
