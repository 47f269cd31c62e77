//! What cannot be cancelled goes on, and completes.

use crate::support::{direct_file_with, pattern};
use linux_aio::{Batch, Cancel, Context, Opcode, PageBuf, Request};

const BLOCK: usize = 1 << 20;

#[test]
fn a_read_is_not_cancellable_and_completes() {
    let content = pattern(4 * BLOCK);
    let Some(file) = direct_file_with(&content) else { return };
    let mut cx = Context::<PageBuf, usize, 4>::new().unwrap();
    let mut batch = Batch::<_, _, 4>::new();
    for number in 0..4 {
        let buf = PageBuf::new(BLOCK).unwrap();
        batch.push(Request::read(&file, buf, (number * BLOCK) as u64).tag(number)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    let mut cx = Box::new(cx);
    let reads = cx.requests().map(|read| (read.id, read.opcode)).collect::<Vec<_>>();
    assert_eq!(reads.len(), 4);
    for &(id, opcode) in &reads {
        assert_eq!(opcode, Opcode::Pread);
        assert_eq!(cx.cancel(id), Ok(Cancel::NotCancellable));
    }
    for done in cx.wait(4, None).unwrap() {
        assert_eq!(done.result, Ok(BLOCK));
        assert!(done.buf[..] == content[done.tag * BLOCK..][..BLOCK]);
    }
    for (id, _) in reads {
        assert_eq!(cx.cancel(id), Ok(Cancel::NotInFlight));
    }
    assert_eq!(cx.requests().count(), 0);
}

#[test]
fn where_cancelling_is_forbidden_the_error_says_so() {
    let (socket, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
    crate::support::in_thread(|| {
        let mut cx = Context::<(), (), 1>::new().unwrap();
        let mut batch = Batch::<_, _, 1>::new();
        batch.push(Request::poll(&socket).events(linux_aio::PollEvents::IN)).unwrap();
        cx.submit(&mut batch).unwrap();
        let id = cx.requests().next().unwrap().id;
        crate::support::forbid(libc::SYS_io_cancel, &[], libc::EPERM);
        let error = cx.cancel(id).unwrap_err();
        assert!(error.to_string().starts_with("io_cancel: EPERM"), "{error}");
    });
}

#[test]
fn the_name_of_a_request_names_none_of_another_context() {
    let (socket, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
    let polling = || {
        let mut cx = Context::<(), (), 1>::new().unwrap();
        let mut batch = Batch::<_, _, 1>::new();
        batch.push(Request::poll(&socket).events(linux_aio::PollEvents::IN)).unwrap();
        cx.submit(&mut batch).unwrap();
        let id = cx.requests().next().unwrap().id;
        (cx, id)
    };
    let ((mut first, first_id), (mut second, second_id)) = (polling(), polling());
    assert_eq!(first.cancel(second_id), Ok(Cancel::NotInFlight));
    assert_eq!(second.cancel(first_id), Ok(Cancel::NotInFlight));
    assert_eq!((first.in_flight(), second.in_flight()), (1, 1));
}
