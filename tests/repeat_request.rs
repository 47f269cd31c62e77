//! [`Completion::into_request`](linux_aio::Completion::into_request): the same request once more, for
//! every operation, with the file that it is given.

use crate::support::{file_with, run};
use linux_aio::{
    Context, Errno, Opcode, Outcome, Pieces, PollEvents, Priority, PriorityClass, Request, RwFlags,
};
use std::{
    io::{Read as _, Write as _},
    os::{fd::AsRawFd as _, unix::net::UnixStream},
};

#[test]
fn into_request_polls_again() {
    let (socket, mut peer) = UnixStream::pair().unwrap();
    let mut cx = Context::<(), &str>::new(1).unwrap();
    let eventfd = rustix::event::eventfd(0, rustix::event::EventfdFlags::empty()).unwrap();
    let poll = Request::poll(&socket).events(PollEvents::IN).eventfd(&eventfd).tag("tag");
    cx.submit_one(poll).unwrap();
    for byte in *b"hello" {
        peer.write_all(&[byte]).unwrap();
        let done = cx.wait_one(None).unwrap().unwrap();
        let Ok(Outcome::Ready { asked, .. }) = done.outcome() else { panic!("{done:?}") };
        assert_eq!((asked, done.tag), (PollEvents::IN, "tag"));
        let mut read = [0];
        (&socket).read_exact(&mut read).unwrap();
        assert_eq!(read, [byte]);
        let again = done.into_request(&socket).unwrap();
        assert_eq!((again.info().events(), again.info().eventfd()), (Some(PollEvents::IN), None));
        cx.submit_one(again).unwrap();
    }
    cx.cancel_tag(&"tag").unwrap();
    assert_eq!(cx.wait_one(None).unwrap().unwrap().outcome(), Ok(Outcome::Cancelled));
}

#[test]
fn into_request_repeats_after_eagain() {
    let (socket, mut peer) = UnixStream::pair().unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut cx = Context::<Vec<u8>, &str>::new(1).unwrap();
    let priority = Priority::new(PriorityClass::BestEffort, 6).unwrap();
    let read = Request::read(&socket, vec![0; 8], 0).flags(RwFlags::HIPRI).priority(priority);
    let done = run(&mut cx, read.tag("tag").range(2..7).unwrap());
    assert_eq!(done.result, Err(Errno::EAGAIN));
    peer.write_all(b"hello").unwrap();
    let again = done.into_request(&socket).unwrap();
    let info = again.info();
    assert_eq!((info.opcode(), info.range(), info.offset()), (Opcode::Pread, 2..7, 0));
    assert_eq!((info.flags(), info.priority()), (RwFlags::HIPRI, Some(priority)));
    let done = run(&mut cx, again);
    assert_eq!((done.result, done.transferred(), done.tag), (Ok(5), &b"hello"[..], "tag"));
}

#[test]
fn into_request_repeats_vectored_transfer_and_sync() {
    let file = file_with(b"hello");
    let mut cx = Context::<Pieces<Vec<u8>, 2>, ()>::new(1).unwrap();
    let mut pieces = Pieces::new();
    pieces.push(vec![0; 3]).unwrap();
    pieces.push(vec![0; 4]).unwrap();
    let mut done = run(&mut cx, Request::readv(&file, pieces, 0).unwrap());
    for _ in 0..3 {
        assert_eq!((done.result, done.info().range()), (Ok(5), 0..7));
        assert_eq!(done.buf.concat(), b"hello\0\0");
        done = run(&mut cx, done.into_request(&file).unwrap());
    }
    // Of a rest, the rest is repeated.
    let rest = run(&mut cx, done.into_rest(&file).unwrap());
    assert_eq!((rest.result, rest.info().range()), (Ok(0), 5..7));
    let rest = run(&mut cx, rest.into_request(&file).unwrap());
    assert_eq!((rest.result, rest.info().range(), rest.info().offset()), (Ok(0), 5..7, 5));

    let done = run(&mut cx, Request::fsync(&file).with_buf(rest.buf));
    let done = run(&mut cx, done.into_request(&file).unwrap());
    assert_eq!((done.outcome(), done.info().opcode()), (Ok(Outcome::Synced), Opcode::Fsync));
}

#[test]
fn rest_and_repeated_request_use_file_they_are_given() {
    let (first, second) = (file_with(b"hello"), file_with(b"HELLO, WORLD"));
    let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
    let done = run(&mut cx, Request::read(&first, vec![0; 12], 0));
    assert_eq!(done.result, Ok(5));
    let rest = done.into_rest(&second).unwrap();
    assert_eq!(rest.info().fd(), second.as_raw_fd());
    let done = run(&mut cx, rest);
    assert_eq!(done.buf, b"hello, WORLD");
    // An owned file takes the place of a borrowed one.
    drop(first);
    let again = done.into_request(second).unwrap();
    assert_eq!(again.info().fd(), again.file().as_raw_fd());
    let done = run(&mut cx, again);
    assert_eq!((done.result, done.transferred()), (Ok(7), &b", WORLD"[..]));
}
