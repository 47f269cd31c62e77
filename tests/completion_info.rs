//! [`Completion::info`]: what a request asked for and what the kernel answered, also after the buffer
//! was moved; and `Option<B>` as buffer, so that requests without one share a context with others.

use crate::support::{file_with, pattern, run};
use linux_aio::{
    Batch, CompletionInfo, Context, Errno, Opcode, Outcome, PageBuf, Pieces, PollEvents, Priority,
    PriorityClass, Request, RwFlags,
};
use std::os::{fd::AsRawFd as _, unix::net::UnixStream};

#[test]
fn info_is_available_after_buffer_is_moved() {
    let content = pattern(4096);
    let file = file_with(&content);
    let eventfd = rustix::event::eventfd(0, rustix::event::EventfdFlags::empty()).unwrap();
    let priority = Priority::new(PriorityClass::Idle, 3).unwrap();
    let mut cx = Context::<PageBuf, String>::new(1).unwrap();
    let read = Request::read(&file, PageBuf::new(4096).unwrap(), 1024)
        .flags(RwFlags::HIPRI)
        .priority(priority)
        .eventfd(&eventfd)
        .tag("tag".to_owned())
        .range(512..4096)
        .unwrap();
    let asked = read.info();
    assert_eq!(read.opcode(), Opcode::Pread);
    let id = cx.submit_one(read).unwrap();
    let done = cx.wait_one(None).unwrap().unwrap();
    let info = done.info();
    let (buf, tag) = (done.buf, done.tag);

    assert_eq!(buf[512..512 + 3072], content[1024..]);
    assert_eq!(tag, "tag");
    assert_eq!((info.result(), info.outcome()), (Ok(3072), Ok(Outcome::Transferred(3072))));
    assert_eq!((info.event().data, info.event().res), (id.data(), 3072));
    assert_eq!((info.opcode(), info.fd()), (Opcode::Pread, file.as_raw_fd()));
    assert_eq!((info.offset(), info.range()), (1024, 512..4096));
    assert_eq!((info.flags(), info.priority()), (RwFlags::HIPRI, Some(priority)));
    assert_eq!((info.events(), info.eventfd()), (None, Some(eventfd.as_raw_fd())));
    // The request had the same.
    assert_eq!(format!("{asked:?}"), format!("{:?}", *info));
    let copy: CompletionInfo = info;
    assert_eq!(copy.offset(), info.offset(), "it is `Copy`");
}

#[test]
fn info_of_refused_request_has_made_up_event() {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
    let id = cx.submit_one(Request::write(&file, vec![1; 3], u64::MAX)).unwrap();
    let done = cx.wait_one(None).unwrap().unwrap();
    let info = done.info();
    assert_eq!((info.event().data, info.event().res), (id.data(), -i64::from(Errno::EINVAL.raw())));
    assert_eq!((info.result(), info.offset(), info.range()), (Err(Errno::EINVAL), u64::MAX, 0..3));
    let error = info.outcome().unwrap_err();
    assert_eq!((error.opcode, error.errno), (Opcode::Pwrite, Errno::EINVAL));
}

#[test]
fn info_of_every_operation() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let file = file_with(b"0123456789");
    let pieces = || {
        let mut pieces = Pieces::<Vec<u8>, 2>::new();
        pieces.push(vec![1; 2]).unwrap();
        pieces.push(vec![2; 3]).unwrap();
        pieces
    };
    let mut cx = Context::<Pieces<Vec<u8>, 2>, ()>::new(1).unwrap();
    let info = run(&mut cx, Request::readv(&file, pieces(), 4).unwrap()).info();
    assert_eq!((info.opcode(), info.offset(), info.range()), (Opcode::Preadv, 4, 0..5));
    let info = run(&mut cx, Request::writev(&file, pieces(), 6).unwrap()).info();
    assert_eq!((info.opcode(), info.offset(), info.range()), (Opcode::Pwritev, 6, 0..5));
    assert_eq!((info.flags(), info.priority()), (RwFlags::empty(), None));

    let mut cx = Context::<(), ()>::new(1).unwrap();
    let info = run(&mut cx, Request::fdsync(&file)).info();
    assert_eq!((info.opcode(), info.offset(), info.range()), (Opcode::Fdsync, 0, 0..0));
    assert_eq!((info.outcome(), info.events()), (Ok(Outcome::Synced), None));
    let info = run(&mut cx, Request::poll(&socket).events(PollEvents::OUT)).info();
    assert_eq!((info.opcode(), info.fd()), (Opcode::Poll, socket.as_raw_fd()));
    assert_eq!((info.offset(), info.range(), info.events()), (0, 0..0, Some(PollEvents::OUT)));
}

#[test]
fn debug_output_has_what_was_asked_for() {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, u8>::new(1).unwrap();
    let request = Request::read(&file, vec![0; 5], 0).tag(7);
    let fd = file.as_raw_fd();
    let text = format!("{request:?}");
    assert!(text.contains("read") && text.contains(&format!("fd: {fd}")), "{text}");
    let text = format!("{:?}", run(&mut cx, request));
    assert!(text.contains("tag: 7") && text.contains("Ok(5)"), "{text}");
    assert!(text.contains(&format!("fd: {fd}")), "{text}");
}

#[test]
fn option_of_buffer_is_none_for_sync_and_poll() {
    let file = file_with(b"");
    let mut cx = Context::<Option<PageBuf>, &str>::new(4).unwrap();
    let mut block = PageBuf::new(4096).unwrap();
    block.fill(7);
    let done = run(&mut cx, Request::write(&file, Some(block), 0).tag("write"));
    assert_eq!(done.result, Ok(4096));
    let mut buf = done.buf;
    buf.as_mut().unwrap().fill(0);

    let mut batch = Batch::<_, _, _, 4>::new();
    batch.push(Request::fdsync(&file).with_buf(None).tag("fdsync")).unwrap();
    batch.push(Request::poll(&file).with_buf(None).tag("poll")).unwrap();
    batch.push(Request::read(&file, buf, 0).tag("read")).unwrap();
    // A read into nothing.
    batch.push(Request::read(&file, None, 0).tag("none")).unwrap();
    cx.submit(&mut batch).unwrap();
    for done in cx.wait_all(None).unwrap() {
        match (done.tag, done.outcome().unwrap(), done.buf) {
            ("fdsync", Outcome::Synced, None) | ("poll", Outcome::Ready { .. }, None) => {}
            ("read", Outcome::Transferred(4096), Some(block)) => {
                assert!(block.iter().all(|&byte| byte == 7));
            }
            ("none", Outcome::Transferred(0), None) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn option_of_pieces_is_read_and_written() {
    let file = file_with(b"hello");
    let mut cx = Context::<Option<Pieces<Vec<u8>, 2>>, ()>::new(1).unwrap();
    let mut pieces = Pieces::new();
    pieces.push(vec![0; 2]).unwrap();
    pieces.push(vec![0; 3]).unwrap();
    let done = run(&mut cx, Request::readv(&file, Some(pieces), 0).unwrap());
    assert_eq!(done.buf.as_ref().unwrap().concat(), b"hello");
    let done = run(&mut cx, Request::writev(&file, done.buf, 5).unwrap());
    assert_eq!((done.result, file.metadata().unwrap().len()), (Ok(5), 10));
    assert_eq!(run(&mut cx, Request::fsync(&file).with_buf(None)).outcome(), Ok(Outcome::Synced));
    assert_eq!(Request::writev(&file, None::<Pieces<Vec<u8>, 2>>, 0).unwrap_err().count, 0);
}
