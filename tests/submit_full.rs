//! A full context takes what it can; the rest stays in the batch, in order, with buffers and tags.

use crate::support::file_with;
use linux_aio::{Batch, Context, Request};

#[test]
fn the_tail_stays_in_order() {
    let file = file_with(b"0123456789");
    let mut cx = Context::<Vec<u8>, usize, 3>::new().unwrap();
    let mut batch = Batch::<_, _, 10>::new();
    for number in 0..10 {
        batch.push(Request::read(&file, vec![0; 1], number as u64).tag(number)).unwrap();
    }
    let mut tags = Vec::new();
    for (taken, left) in [(3, 7), (3, 4), (3, 1), (1, 0)] {
        assert_eq!(cx.submit(&mut batch).unwrap().accepted, taken);
        assert_eq!((batch.len(), cx.in_flight()), (left, taken));
        // Full, or nothing left: nothing happens.
        assert_eq!(cx.submit(&mut batch).unwrap().accepted, 0);
        assert_eq!((batch.len(), cx.in_flight()), (left, taken));
        for done in cx.wait(taken, None).unwrap() {
            assert_eq!(done.transferred(), done.tag.to_string().as_bytes());
            tags.push(done.tag);
        }
    }
    // Cached reads complete as they are submitted.
    assert_eq!(tags, (0..10).collect::<Vec<_>>());
}

#[test]
fn completions_that_are_not_taken_keep_their_places() {
    let file = file_with(b"0123456789");
    let mut cx = Context::<Vec<u8>, usize, 2>::new().unwrap();
    let mut batch = Batch::<_, _, 4>::new();
    for number in 0..4 {
        batch.push(Request::read(&file, vec![0; 1], number as u64).tag(number)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    assert_eq!(cx.wait(2, None).unwrap().next().unwrap().tag, 0);
    assert_eq!(cx.in_flight(), 1);
    assert_eq!(cx.submit(&mut batch).unwrap().accepted, 1, "one place is free");
    let tags = cx.wait(2, None).unwrap().map(|done| done.tag).collect::<Vec<_>>();
    assert_eq!(tags, [1, 2]);
    assert_eq!(batch.pop().unwrap().into_parts().1, 3);
}

#[test]
fn a_full_batch_hands_the_request_back() {
    let file = file_with(b"");
    let mut batch = Batch::<_, _, 1>::new();
    batch.push(Request::write(&file, b"first".to_vec(), 0).tag(1)).unwrap();
    assert!(batch.is_full() && !batch.is_empty());
    let full = batch.push(Request::write(&file, b"second".to_vec(), 0).tag(2)).unwrap_err();
    assert_eq!(full.to_string(), "no room for one more: submit the batch, or use fewer pieces");
    assert_eq!(full.0.into_parts(), (b"second".to_vec(), 2));
    assert_eq!(batch.pop().unwrap().into_parts(), (b"first".to_vec(), 1));
    assert!(batch.is_empty() && !batch.is_full() && batch.pop().is_none());
}

#[test]
fn a_context_says_how_many_it_takes() {
    let mut cx = Context::<Vec<u8>, (), 3>::new().unwrap();
    assert_eq!((cx.capacity(), cx.in_flight()), (3, 0));
    cx.scope(|cx: &mut Context<&[u8], (), 3>| assert_eq!(cx.capacity(), 3)).unwrap();
}

#[test]
fn an_empty_batch_is_no_system_call() {
    let mut cx = Context::<Vec<u8>, (), 1>::new().unwrap();
    assert_eq!(cx.submit(&mut Batch::<_, _, 1>::new()).unwrap(), Default::default());
    assert_eq!(cx.reap().unwrap().len(), 0);
    assert_eq!(
        cx.wait(1, None).unwrap().len(),
        0,
        "with nothing in flight there is nothing to wait for"
    );
    assert_eq!(cx.stats().system_calls, 0);
}
