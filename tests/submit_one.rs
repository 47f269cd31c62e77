//! [`Context::submit_one`], [`Context::last_submitted`], and looking at the requests of a batch.

use crate::support::file_with;
use linux_aio::{
    Batch, CancelResult, Context, ContextError, Errno, Opcode, PollEvents, Request, SubmitOneError,
    op,
};
use std::os::unix::net::UnixStream;

#[test]
fn submit_one_returns_id_of_request() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let mut cx = Context::<(), u8>::new(3).unwrap();
    let mut ids = Vec::new();
    for tag in 0..3 {
        let id = cx.submit_one(Request::poll(&socket).events(PollEvents::IN).tag(tag)).unwrap();
        assert_eq!(cx.in_flight().find(|poll| *poll.tag == tag).unwrap().id, id);
        ids.push(id);
    }
    assert_eq!(cx.cancel(ids[1]), Ok(CancelResult::Cancelled));
    let done = cx.wait_one(None).unwrap().unwrap();
    assert_eq!((done.tag, done.info().event().data), (1, ids[1].data()));
    // The slot is used again, under another id.
    let id = cx.submit_one(Request::poll(&socket).events(PollEvents::OUT).tag(3)).unwrap();
    assert!(!ids.contains(&id));
    assert_eq!(cx.wait_one(None).unwrap().unwrap().info().event().data, id.data());
}

#[test]
fn submit_one_makes_one_system_call() {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, ()>::new(2).unwrap();
    for number in 1..=2 {
        cx.submit_one(Request::read(&file, vec![0; 5], 0)).unwrap();
        assert_eq!((cx.stats().system_calls, cx.stats().accepted), (number, number));
    }
    let full = cx.submit_one(Request::read(&file, vec![0; 5], 0));
    assert_eq!(full, Err(ContextError::Full));
    assert_eq!(cx.stats().system_calls, 2, "none if the context is full");
}

#[test]
fn try_submit_one_returns_request_when_context_is_full() {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, u8>::new(1).unwrap();
    cx.submit_one(Request::read(&file, vec![0; 5], 0).tag(1)).unwrap();
    let request = Request::read(&file, vec![7; 3], 2).tag(2);
    let error: SubmitOneError<Request<_, _, _, op::Transfer>> =
        cx.try_submit_one(request).unwrap_err();
    assert_eq!((error.cause, error.errno()), (ContextError::Full, Errno::ENOBUFS));
    assert_eq!(
        error.to_string(),
        "the context is full: take completions first, or make one with a larger capacity"
    );
    // The kind of the request is kept, so its options can still be set.
    let request = error.request.range(1..).unwrap();
    assert_eq!((request.info().offset(), request.buf(), request.tag_ref()), (2, &vec![7; 3], &2));
    assert_eq!(cx.wait_one(None).unwrap().unwrap().tag, 1);
    cx.submit_one(request).unwrap();
    assert_eq!(cx.wait_one(None).unwrap().unwrap().buf, [7, b'l', b'l']);
}

#[test]
fn submit_one_of_refused_request_is_ok() {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
    let id = cx.submit_one(Request::read(&file, vec![0; 5], u64::MAX)).unwrap();
    assert_eq!(cx.cancel(id), Ok(CancelResult::NotInFlight), "it is complete");
    let done = cx.reap_one().unwrap().unwrap();
    assert_eq!((done.result, done.info().event().data), (Err(Errno::EINVAL), id.data()));
}

#[test]
fn last_submitted_names_requests_in_order() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let file = file_with(b"");
    let mut cx = Context::<(), u8>::new(5).unwrap();
    assert_eq!(cx.last_submitted().len(), 0);
    let mut batch = Batch::<_, _, _, 8>::new();
    for tag in 0..7 {
        let poll = Request::poll(&socket).events(PollEvents::IN).tag(tag);
        // The third is refused: its eventfd is none.
        batch.push(if tag == 2 { poll.eventfd(&file) } else { poll }).unwrap();
    }
    let submitted = cx.submit(&mut batch).unwrap();
    assert_eq!((submitted.accepted, submitted.refused, batch.len()), (4, 1, 2));
    let ids = cx.last_submitted().collect::<Vec<_>>();
    assert_eq!(ids.len(), 5, "as many as have left the batch");
    for (tag, id) in (0..).zip(&ids) {
        let in_flight = cx.in_flight().find(|poll| *poll.tag == tag).map(|poll| poll.id);
        assert_eq!((*id, id.is_none()), (in_flight, tag == 2), "{tag}");
    }

    assert_eq!(cx.cancel(ids[3].unwrap()), Ok(CancelResult::Cancelled));
    let tags = cx.wait(2, None).unwrap().map(|done| done.tag).collect::<Vec<_>>();
    assert_eq!(tags, [2, 3]);
    let expected = [ids[0], ids[1], None, None, ids[4]];
    assert!(cx.last_submitted().eq(expected), "what is over has no id");

    // The next submission takes their place, also one of a single request.
    cx.submit(&mut batch).unwrap();
    assert_eq!(cx.last_submitted().len(), 2);
    cx.cancel(ids[0].unwrap()).unwrap();
    cx.wait_one(None).unwrap().unwrap();
    let id = cx.submit_one(Request::poll(&socket).events(PollEvents::IN).tag(9)).unwrap();
    assert!(cx.last_submitted().eq([Some(id)]));
    cx.submit(&mut batch).unwrap();
    assert_eq!(cx.last_submitted().len(), 0, "nothing was submitted");
}

#[test]
fn last_submitted_is_empty_in_and_after_scope() {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, ()>::new(2).unwrap();
    cx.submit_one(Request::read(&file, vec![0; 5], 0)).unwrap();
    assert_eq!(cx.wait_all(None).unwrap().count(), 1);
    assert_eq!(cx.last_submitted().collect::<Vec<_>>(), [None]);
    let mut buf = [0; 5];
    cx.scope(|cx| {
        assert_eq!(cx.last_submitted().len(), 0);
        cx.submit_one(Request::read(&file, &mut buf[..], 0).tag(())).unwrap();
        assert_eq!(cx.last_submitted().len(), 1);
        Ok::<_, ContextError>(())
    })
    .unwrap();
    assert_eq!(cx.last_submitted().len(), 0);
}

#[test]
fn batch_shows_its_requests_in_order() {
    let (file, other) = (file_with(b"hello"), file_with(b""));
    let mut batch = Batch::<_, Vec<u8>, _, 4>::new();
    assert!(batch.front().is_none() && batch.iter().len() == 0);
    batch.push(Request::read(&file, vec![0; 5], 3).tag("first")).unwrap();
    batch.push(Request::write(&other, vec![7; 2], 4).tag("second")).unwrap();
    batch.push(Request::fsync(&other).with_buf(vec![]).tag("third")).unwrap();
    let shown = |batch: &Batch<_, Vec<u8>, &'static str, 4>| {
        let each = batch.iter().map(|request| (*request.tag_ref(), request.opcode()));
        let front = batch.front().map(|request| *request.tag_ref());
        (front, each.collect::<Vec<_>>())
    };
    let all = [("first", Opcode::Pread), ("second", Opcode::Pwrite), ("third", Opcode::Fsync)];
    assert_eq!(shown(&batch), (Some("first"), all.to_vec()));
    assert_eq!(batch.iter().len(), 3);
    let infos = batch.iter().map(|request| (request.info().offset(), request.buf().len()));
    assert_eq!(infos.collect::<Vec<_>>(), [(3, 5), (4, 2), (0, 0)]);

    // The order is kept when the batch wraps around, and by a submission that takes a part.
    assert_eq!(*batch.pop().unwrap().tag_ref(), "first");
    for tag in ["fourth", "fifth"] {
        batch.push(Request::read(&file, vec![0; 5], 0).tag(tag)).unwrap();
    }
    assert!(batch.is_full());
    let mut cx = Context::<Vec<u8>, &str>::new(2).unwrap();
    cx.submit(&mut batch).unwrap();
    let rest = [("fourth", Opcode::Pread), ("fifth", Opcode::Pread)];
    assert_eq!(shown(&batch), (Some("fourth"), rest.to_vec()));
}
