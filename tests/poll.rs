//! Polls of sockets, pipes, terminals and files: which events complete them, how they are cancelled,
//! and which files cannot be polled.

use crate::support::skip;
use linux_aio::{
    Batch, CancelResult, Context, ContextError, Errno, Outcome, PageBuf, PollEvents, Request,
};
use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    os::{fd::AsFd, unix::net::UnixStream},
    time::{Duration, Instant},
};

type Cx = Context<(), u8>;

/// A context with a poll of the socket for each of the masks, tagged in order.
fn polling(socket: &UnixStream, masks: &[PollEvents]) -> Cx {
    let mut cx = Cx::new(8).unwrap();
    let mut batch = Batch::<_, _, _, 8>::new();
    for (tag, &mask) in (0..).zip(masks) {
        batch.push(Request::poll(socket).events(mask).tag(tag)).unwrap();
    }
    assert_eq!(cx.submit(&mut batch).unwrap().accepted, masks.len());
    cx
}

/// The events found, and the events asked for.
fn found(outcome: Outcome) -> (PollEvents, PollEvents) {
    let Outcome::Ready { events, asked } = outcome else { panic!("{outcome:?}") };
    (events, asked)
}

#[test]
fn default_events_find_room_to_write() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let mut cx = Cx::new(8).unwrap();
    let mut batch = Batch::<_, _, _, 1>::new();
    batch.push(Request::poll(&socket).tag(0)).unwrap();
    cx.submit(&mut batch).unwrap();
    let (events, asked) = found(cx.wait(1, None).unwrap().next().unwrap().outcome().unwrap());
    assert_eq!(asked, PollEvents::IN | PollEvents::OUT | PollEvents::PRI);
    assert_eq!(events & asked, PollEvents::OUT);
}

#[test]
fn poll_waits_for_its_events() {
    let (socket, mut peer) = UnixStream::pair().unwrap();
    let mut cx = polling(&socket, &[PollEvents::IN, PollEvents::OUT]);
    let done = cx.wait(1, None).unwrap().next().unwrap();
    assert_eq!(done.tag, 1, "the socket has room to write");
    assert_eq!(found(done.outcome().unwrap()).1, PollEvents::OUT);
    assert_eq!(
        cx.wait(1, Some(Duration::from_millis(20))).unwrap().count(),
        0,
        "there is nothing to read yet"
    );

    peer.write_all(b"x").unwrap();
    let done = cx.wait(1, None).unwrap().next().unwrap();
    let (events, asked) = found(done.outcome().unwrap());
    assert_eq!((done.tag, events & asked), (0, PollEvents::IN));
    // The result is the same number.
    assert_eq!(done.result, Ok(events.bits().into()));
}

#[test]
fn last_events_set_apply() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let mut cx = Cx::new(8).unwrap();
    let mut batch = Batch::<_, _, _, 1>::new();
    let request = Request::poll(&socket).events(PollEvents::IN).events(PollEvents::OUT);
    batch.push(request.tag(0)).unwrap();
    cx.submit(&mut batch).unwrap();
    let (_, asked) = found(cx.wait(1, None).unwrap().next().unwrap().outcome().unwrap());
    assert_eq!(asked, PollEvents::OUT);
}

#[test]
fn hang_up_is_reported_unasked() {
    let (socket, peer) = UnixStream::pair().unwrap();
    let mut cx = polling(&socket, &[PollEvents::RDHUP]);
    drop(peer);
    let (events, asked) = found(cx.wait(1, None).unwrap().next().unwrap().outcome().unwrap());
    assert!(events.contains(PollEvents::RDHUP | PollEvents::HUP), "{events:?}");
    assert_eq!(events & asked, PollEvents::RDHUP);
}

/// Checks that a poll in flight completes when its own socket is shut down for both directions.
fn ends_by_shutdown(socket: impl AsFd, shut_down: impl FnOnce()) {
    let mut cx = Cx::new(1).unwrap();
    cx.submit_one(Request::poll(&socket).events(PollEvents::IN).tag(0)).unwrap();
    assert_eq!(cx.reap().unwrap().count(), 0, "there is nothing to read");
    shut_down();
    let done = cx.wait_one(None).unwrap().unwrap();
    assert!(found(done.outcome().unwrap()).0.contains(PollEvents::HUP));
}

#[test]
fn shutdown_completes_poll_of_the_same_socket() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    ends_by_shutdown(&socket, || socket.shutdown(Shutdown::Both).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = match TcpStream::connect(listener.local_addr().unwrap()) {
        Ok(socket) => socket,
        Err(error) => return skip(format!("no loopback network: {error}")),
    };
    let _peer = listener.accept().unwrap();
    ends_by_shutdown(&socket, || socket.shutdown(Shutdown::Both).unwrap());
}

#[test]
fn poll_is_cancelled_after_context_moved() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let start = Instant::now();
    let cx = polling(&socket, &[PollEvents::IN; 4]);
    let (ids, tags) =
        cx.in_flight().map(|poll| (poll.id, *poll.tag)).unzip::<_, _, Vec<_>, Vec<_>>();
    assert_eq!(tags, [0, 1, 2, 3]);
    let mut elsewhere = vec![cx];
    elsewhere.reserve(100);
    let cx = &mut elsewhere[0];
    assert_eq!(cx.cancel(ids[2]), Ok(CancelResult::Cancelled));
    let done = cx.wait(1, None).unwrap().next().unwrap();
    assert_eq!((done.tag, done.outcome(), done.result), (2, Ok(Outcome::Cancelled), Ok(0)));
    assert_eq!(cx.cancel(ids[2]), Ok(CancelResult::NotInFlight));
    // Its slot is used again. The old id does not name the new request.
    let mut batch = Batch::<_, _, _, 1>::new();
    batch.push(Request::poll(&socket).events(PollEvents::IN).tag(9)).unwrap();
    cx.submit(&mut batch).unwrap();
    assert_eq!(cx.cancel(ids[2]), Ok(CancelResult::NotInFlight));
    for id in cx.in_flight().map(|poll| poll.id).collect::<Vec<_>>() {
        assert_eq!(cx.cancel(id), Ok(CancelResult::Cancelled));
    }
    let mut tags = cx.wait(4, None).unwrap().map(|done| done.tag).collect::<Vec<_>>();
    tags.sort_unstable();
    assert_eq!(tags, [0, 1, 3, 9]);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[test]
fn completed_poll_is_not_cancellable() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let mut cx = polling(&socket, &[PollEvents::OUT]);
    // Its event may not have been received yet: then it has an id still.
    let id = cx.in_flight().next().map(|poll| poll.id);
    if let Some(id) = id {
        assert_eq!(cx.cancel(id), Ok(CancelResult::NotCancellable));
    }
    let (events, _) = found(cx.wait(1, None).unwrap().next().unwrap().outcome().unwrap());
    assert!(events.contains(PollEvents::OUT));
}

#[test]
fn scope_end_cancels_polls() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let mut cx = Context::<PageBuf, ()>::new(8).unwrap();
    let start = Instant::now();
    for _ in 0..10 {
        cx.scope(|cx: &mut Cx| {
            let mut batch = Batch::<_, _, _, 8>::new();
            for tag in 0..8 {
                batch.push(Request::poll(&socket).events(PollEvents::IN).tag(tag)).unwrap();
            }
            cx.submit(&mut batch).unwrap();
            Ok::<_, ContextError>(())
        })
        .unwrap();
    }
    assert_eq!(cx.outstanding(), 0);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn context_drop_cancels_polls() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let start = Instant::now();
    drop(polling(&socket, &[PollEvents::IN; 8]));
    polling(&socket, &[PollEvents::IN; 8]).close().unwrap();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn regular_file_is_always_ready() {
    let file = File::open("/proc/self/exe").unwrap();
    let mut cx = Cx::new(8).unwrap();
    let mut batch = Batch::<_, _, _, 1>::new();
    batch.push(Request::poll(&file).events(PollEvents::IN).tag(0)).unwrap();
    cx.submit(&mut batch).unwrap();
    let (events, _) = found(cx.wait(1, None).unwrap().next().unwrap().outcome().unwrap());
    assert!(events.contains(PollEvents::IN));
}

#[test]
fn fifo_open_for_both_is_not_pollable() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fifo");
    let made = rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    );
    if let Err(errno) = made {
        return skip(format!("no FIFO in the temp directory: {errno}"));
    }
    let fifo = File::options().read(true).write(true).open(&path).unwrap();
    let mut cx = Cx::new(8).unwrap();
    let mut batch = Batch::<_, _, _, 2>::new();
    batch.push(Request::poll(&fifo).events(PollEvents::IN).tag(0)).unwrap();
    cx.submit(&mut batch).unwrap();
    let done = cx.wait(1, None).unwrap().next().unwrap();
    assert_eq!((done.outcome(), done.result), (Ok(Outcome::NotPollable), Err(Errno::EINVAL)));
    // A poll of the FIFO completes when it is ready at once.
    (&fifo).write_all(b"x").unwrap();
    batch.push(Request::poll(&fifo).events(PollEvents::IN).tag(1)).unwrap();
    cx.submit(&mut batch).unwrap();
    let (events, _) = found(cx.wait(1, None).unwrap().next().unwrap().outcome().unwrap());
    assert!(events.contains(PollEvents::IN));
}

#[test]
fn not_pollable_differs_from_bad_eventfd() {
    // A terminal without input cannot be polled either.
    let Ok(terminal) = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR) else {
        return skip("no pseudo-terminals");
    };
    let file = crate::support::file_with(b"");
    let eventfd = rustix::event::eventfd(0, rustix::event::EventfdFlags::empty()).unwrap();
    let mut cx = Cx::new(8).unwrap();
    let mut outcome = |of_context: bool, own: bool| {
        let mut batch = Batch::<_, _, _, 1>::new();
        let poll = Request::poll(&terminal).events(PollEvents::PRI).tag(0);
        batch.push(if own { poll.eventfd(&file) } else { poll }).unwrap();
        cx.set_eventfd(of_context.then(|| (&eventfd).into())).unwrap();
        cx.submit(&mut batch).unwrap();
        let id = cx.in_flight().next().map(|poll| poll.id);
        if let Some(id) = id {
            cx.cancel(id).unwrap();
        }
        cx.wait(1, None).unwrap().next().unwrap().outcome()
    };
    let plain = outcome(false, false).unwrap();
    assert!(matches!(plain, Outcome::NotPollable | Outcome::Cancelled), "{plain:?}");
    assert_eq!(outcome(true, false), Ok(plain), "set_eventfd has checked the context's eventfd");
    let error = outcome(false, true).unwrap_err();
    assert_eq!(error.errno, Errno::EINVAL);
    assert!(error.to_string().contains("is not an eventfd"), "{error}");
}

#[test]
fn scope_end_destroys_context_when_io_cancel_fails() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    crate::support::in_thread(|| {
        let mut cx = Context::<(), ()>::new(1).unwrap();
        cx.scope(|cx| {
            let mut batch = Batch::<_, (), (), 1>::new();
            batch.push(Request::poll(&socket).events(PollEvents::IN)).unwrap();
            cx.submit(&mut batch).unwrap();
            crate::support::forbid(libc::SYS_io_cancel, &[], libc::EPERM);
            Ok::<_, ContextError>(())
        })
        .unwrap();
        assert_eq!(cx.reap().unwrap_err(), linux_aio::ContextError::Gone);
    });
}

#[test]
fn one_loop_serves_files_and_sockets() {
    let file = crate::support::file_with(b"from the disk");
    let (socket, mut peer) = UnixStream::pair().unwrap();
    let mut cx = Context::<Vec<u8>, &str>::new(2).unwrap();
    let mut batch = Batch::<_, _, _, 2>::new();
    batch
        .push(Request::poll(&socket).events(PollEvents::IN).with_buf(vec![0; 16]).tag("socket"))
        .unwrap();
    batch.push(Request::read(&file, vec![0; 13], 0).tag("file")).unwrap();
    cx.submit(&mut batch).unwrap();
    let mut seen = Vec::new();
    while cx.outstanding() > 0 {
        for mut done in cx.wait(1, None).unwrap() {
            match done.tag {
                "file" => {
                    peer.write_all(&done.buf).unwrap();
                    seen.push("file".to_owned());
                }
                _ => {
                    let bytes = (&socket).read(&mut done.buf).unwrap();
                    seen.push(String::from_utf8_lossy(&done.buf[..bytes]).into_owned());
                }
            }
        }
    }
    assert_eq!(seen, ["file", "from the disk"]);
}
