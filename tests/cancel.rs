//! [`Context::cancel`] and [`Context::cancel_tag`]: reads go on and complete, and a [`RequestId`]
//! names a request of its own context only. More about cancelled polls is in `poll`.

use crate::support::{direct_file_with, pattern};
use linux_aio::{
    Batch, CancelResult, Context, ContextError, Opcode, Outcome, PageBuf, PollEvents, Request,
    RequestId,
};
use std::os::unix::net::UnixStream;

const BLOCK: usize = 1 << 20;

#[test]
fn read_is_not_cancellable_and_completes() {
    let content = pattern(4 * BLOCK);
    let Some(file) = direct_file_with(&content) else { return };
    let mut cx = Context::<PageBuf, usize>::new(4).unwrap();
    let mut batch = Batch::<_, _, _, 4>::new();
    for number in 0..4 {
        let buf = PageBuf::new(BLOCK).unwrap();
        batch.push(Request::read(&file, buf, (number * BLOCK) as u64).tag(number)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    let mut cx = Box::new(cx);
    let reads = cx.in_flight().map(|read| (read.id, read.opcode)).collect::<Vec<_>>();
    assert_eq!(reads.len(), 4);
    for &(id, opcode) in &reads {
        assert_eq!(opcode, Opcode::Pread);
        assert_eq!(cx.cancel(id), Ok(CancelResult::NotCancellable));
    }
    for done in cx.wait(4, None).unwrap() {
        assert_eq!(done.result, Ok(BLOCK));
        assert!(done.buf[..] == content[done.tag * BLOCK..][..BLOCK]);
    }
    for (id, _) in reads {
        assert_eq!(cx.cancel(id), Ok(CancelResult::NotInFlight));
    }
    assert_eq!(cx.in_flight().count(), 0);
}

#[test]
fn forbidden_io_cancel_is_os_error() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    crate::support::in_thread(|| {
        let mut cx = Context::<(), ()>::new(1).unwrap();
        let mut batch = Batch::<_, _, _, 1>::new();
        batch.push(Request::poll(&socket).events(PollEvents::IN)).unwrap();
        cx.submit(&mut batch).unwrap();
        let id = cx.in_flight().next().unwrap().id;
        crate::support::forbid(libc::SYS_io_cancel, &[], libc::EPERM);
        let error = cx.cancel(id).unwrap_err();
        assert!(error.to_string().starts_with("io_cancel: EPERM"), "{error}");
    });
}

/// A context with polls of this socket, which do not complete, and their ids. The tags count up from
/// 0.
fn polling(socket: &UnixStream, count: usize) -> (Context<(), usize>, Vec<RequestId>) {
    let mut cx = Context::new(count).unwrap();
    let polls = (0..count).map(|tag| Request::poll(socket).events(PollEvents::IN).tag(tag));
    let ids = polls.map(|poll| cx.submit_one(poll).unwrap()).collect();
    (cx, ids)
}

#[test]
fn request_id_of_other_context_is_not_in_flight() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let (mut first, first_ids) = polling(&socket, 3);
    let (mut second, second_ids) = polling(&socket, 3);
    for (&one, &other) in first_ids.iter().zip(&second_ids) {
        assert_eq!(one.data() as u32, other.data() as u32, "both are in the same slot");
        assert_ne!(one, other);
        assert_eq!(first.cancel(other), Ok(CancelResult::NotInFlight));
        assert_eq!(second.cancel(one), Ok(CancelResult::NotInFlight));
    }
    assert_eq!((first.in_flight().count(), second.in_flight().count()), (3, 3));
    // Nor is it in a context that takes the place of a closed one.
    drop(first);
    let (mut third, _) = polling(&socket, 3);
    for id in first_ids.into_iter().chain(second_ids) {
        assert_eq!(third.cancel(id), Ok(CancelResult::NotInFlight));
    }
    assert_eq!(third.in_flight().count(), 3);
}

#[test]
fn request_id_from_outside_a_scope_is_not_in_flight_inside() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let (mut cx, ids) = polling(&socket, 1);
    cx.cancel(ids[0]).unwrap();
    assert_eq!(cx.wait_all(None).unwrap().count(), 1);
    let inside = cx.scope(|cx: &mut Context<(), usize>| {
        let id = cx.submit_one(Request::poll(&socket).events(PollEvents::IN).tag(7)).unwrap();
        assert_eq!(cx.cancel(ids[0]), Ok(CancelResult::NotInFlight));
        assert_eq!(cx.in_flight().count(), 1);
        Ok::<_, ContextError>(id)
    });
    let id = cx.submit_one(Request::poll(&socket).events(PollEvents::IN).tag(8)).unwrap();
    assert_eq!(cx.cancel(inside.unwrap()), Ok(CancelResult::NotInFlight));
    assert_eq!(cx.cancel(id), Ok(CancelResult::Cancelled));
}

#[test]
fn cancel_tag_cancels_one_request_with_that_tag() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let (mut cx, _) = polling(&socket, 4);
    assert_eq!(cx.cancel_tag(&9), Ok(CancelResult::NotInFlight));
    assert_eq!(cx.cancel_tag(&2), Ok(CancelResult::Cancelled));
    let done = cx.wait_one(None).unwrap().unwrap();
    assert_eq!((done.tag, done.outcome()), (2, Ok(Outcome::Cancelled)));
    assert_eq!(cx.cancel_tag(&2), Ok(CancelResult::NotInFlight), "it is received");

    // Of two with the same tag, one is cancelled.
    cx.submit_one(Request::poll(&socket).events(PollEvents::IN).tag(3)).unwrap();
    for left in [3, 2] {
        assert_eq!(cx.cancel_tag(&3), Ok(CancelResult::Cancelled));
        assert_eq!(cx.wait_one(None).unwrap().unwrap().tag, 3);
        assert_eq!(cx.outstanding(), left);
    }
    let mut tags = cx.in_flight().map(|request| *request.tag).collect::<Vec<_>>();
    tags.sort_unstable();
    assert_eq!(tags, [0, 1]);
}
