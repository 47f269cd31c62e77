//! Eventfds of requests and of contexts: their counters are compared with the number of completions.

use crate::support::file_with;
use linux_aio::{Batch, Context, ContextError, Errno, Opcode, Pieces, PollEvents, Request};
use rustix::{
    event::{EventfdFlags, eventfd},
    fd::OwnedFd,
    io::read,
};
use std::{collections::BTreeSet, fs::File, os::fd::AsRawFd as _, sync::Arc};

fn new_eventfd() -> OwnedFd {
    eventfd(0, EventfdFlags::NONBLOCK).unwrap()
}

/// Reads the counter, which sets it to 0.
fn count(eventfd: &OwnedFd) -> u64 {
    let mut counter = [0; 8];
    match read(eventfd, &mut counter) {
        Ok(_) => u64::from_ne_bytes(counter),
        Err(rustix::io::Errno::AGAIN) => 0,
        Err(errno) => panic!("{errno}"),
    }
}

#[test]
fn eventfd_counts_only_its_requests() {
    let file = file_with(b"hello");
    let (first, second) = (new_eventfd(), new_eventfd());
    let mut cx = Context::<Vec<u8>, ()>::new(16).unwrap();
    let mut batch = Batch::<_, _, _, 16>::new();
    for number in 0..16 {
        let request = Request::read(&file, vec![0; 5], 0);
        batch
            .push(match number % 4 {
                0 => request.eventfd(&first),
                1 => request.eventfd(&first).eventfd(&second),
                _ => request,
            })
            .unwrap();
    }
    cx.submit(&mut batch).unwrap();
    assert_eq!(cx.wait(16, None).unwrap().count(), 16);
    assert_eq!((count(&first), count(&second)), (4, 4));
}

#[test]
fn eventfd_closed_after_submit_still_counts() {
    let file = file_with(b"hello");
    let (socket, peer) = std::os::unix::net::UnixStream::pair().unwrap();
    let eventfd = new_eventfd();
    let kept = eventfd.try_clone().unwrap();
    let mut cx = Context::<Vec<u8>, ()>::new(2).unwrap();
    let mut batch = Batch::<_, _, _, 2>::new();
    let poll = Request::poll(&socket).events(linux_aio::PollEvents::IN).with_buf(vec![]);
    batch.push(poll.eventfd(&eventfd)).unwrap();
    batch.push(Request::read(&file, vec![0; 5], 0).eventfd(&eventfd)).unwrap();
    cx.submit(&mut batch).unwrap();
    drop(batch);
    drop(eventfd);
    drop(peer);
    assert!(cx.wait(2, None).unwrap().all(|done| done.result.is_ok()));
    assert_eq!(count(&kept), 2);
}

#[test]
fn request_with_invalid_eventfd_is_refused() {
    let file = file_with(b"hello");
    let closed = 1_000_000;
    let mut cx = Context::<Vec<u8>, ()>::new(3).unwrap();
    let mut batch = Batch::<_, _, _, 3>::new();
    batch.push(Request::read(&file, vec![0; 5], 0).eventfd(&file)).unwrap();
    // SAFETY: it is not open, and the kernel refuses it.
    let bad = unsafe { linux_aio::Fd::from_raw(closed) };
    batch.push(Request::read(&file, vec![0; 5], 0).eventfd(bad)).unwrap();
    batch.push(Request::read(&file, vec![0; 5], 0)).unwrap();
    assert_eq!(cx.submit(&mut batch).unwrap().refused, 2);
    let results = cx.wait(3, None).unwrap().map(|done| done.result).collect::<Vec<_>>();
    assert_eq!(results[..2], [Err(Errno::EINVAL), Err(Errno::EBADF)]);
    assert_eq!(results[2], Ok(5));
}

/// Submits four reads, one of which has the eventfd `own`, and waits for them.
fn four_reads(cx: &mut Context<Vec<u8>, ()>, own: &OwnedFd) {
    let file = file_with(b"hello");
    let mut batch = Batch::<_, _, _, 4>::new();
    batch.push(Request::read(&file, vec![0; 5], 0).eventfd(own)).unwrap();
    for _ in 0..3 {
        batch.push(Request::read(&file, vec![0; 5], 0)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    assert_eq!(cx.wait(4, None).unwrap().filter(|done| done.result == Ok(5)).count(), 4);
}

#[test]
fn context_eventfd_counts_requests_without_own() {
    let (default, own) = (new_eventfd(), new_eventfd());
    let mut cx = Context::<Vec<u8>, ()>::new(4).unwrap();
    cx.set_eventfd(Some((&default).into())).unwrap();
    let kept = default.try_clone().unwrap();
    drop(default); // the context has a duplicate
    four_reads(&mut cx, &own);
    assert_eq!((count(&kept), count(&own)), (3, 1));
    // A scope uses the eventfd of its context.
    cx.scope(|cx| {
        four_reads(cx, &own);
        Ok::<_, ContextError>(())
    })
    .unwrap();
    assert_eq!((count(&kept), count(&own)), (3, 1));
    let other = new_eventfd();
    cx.set_eventfd(Some((&other).into())).unwrap();
    four_reads(&mut cx, &own);
    assert_eq!((count(&kept), count(&other), count(&own)), (0, 3, 1));
    cx.set_eventfd(None).unwrap();
    four_reads(&mut cx, &own);
    assert_eq!((count(&kept), count(&other), count(&own)), (0, 0, 1));
}

#[test]
fn context_eventfd_counts_every_operation() {
    let (eventfd, ready, file) = (new_eventfd(), new_eventfd(), file_with(b"hello"));
    let mut cx = Context::<Pieces<Vec<u8>, 2>, ()>::new(4).unwrap();
    cx.set_eventfd(Some((&eventfd).into())).unwrap();
    // The iovecs of `Pieces` are in the slot itself, beside the iocb.
    let pieces = |first: &[u8], second: &[u8]| {
        let mut pieces = Pieces::new();
        pieces.push(first.to_vec()).unwrap();
        pieces.push(second.to_vec()).unwrap();
        pieces
    };
    let mut batch = Batch::<_, _, _, 4>::new();
    batch.push(Request::writev(&file, pieces(b"HE", b"L"), 0).unwrap()).unwrap();
    batch.push(Request::readv(&file, pieces(b"12", b"345"), 0).unwrap()).unwrap();
    batch.push(Request::fdsync(&file).with_buf(Pieces::new())).unwrap();
    batch.push(Request::poll(&ready).events(PollEvents::OUT).with_buf(Pieces::new())).unwrap();
    cx.submit(&mut batch).unwrap();
    let mut read = None;
    for done in cx.wait(4, None).unwrap() {
        done.outcome().unwrap();
        if done.info().opcode() == Opcode::Preadv {
            assert_eq!((done.result, done.info().range()), (Ok(5), 0..5));
            read = Some([done.buf[0].clone(), done.buf[1].clone()]);
        }
    }
    assert_eq!(read.unwrap(), [b"HE".to_vec(), b"Llo".to_vec()]);
    assert_eq!(count(&eventfd), 4);
}

#[test]
fn request_back_in_batch_uses_next_context_eventfd() {
    let file = file_with(b"hello");
    crate::support::in_thread(|| {
        let (first, second) = (new_eventfd(), new_eventfd());
        let mut cx = Context::<Vec<u8>, ()>::new(8).unwrap();
        let mut batch = Batch::<_, _, _, 8>::new();
        for _ in 0..3 {
            batch.push(Request::read(&file, vec![0; 5], 0)).unwrap();
        }
        cx.set_eventfd(Some((&first).into())).unwrap();
        crate::support::forbid(libc::SYS_io_submit, &[(1, 3)], libc::EAGAIN);
        assert_eq!(cx.submit(&mut batch).unwrap_err().cause, ContextError::Again);
        cx.set_eventfd(Some((&second).into())).unwrap();
        batch.push(Request::read(&file, vec![0; 5], 0)).unwrap();
        cx.submit(&mut batch).unwrap();
        assert_eq!(cx.wait(4, None).unwrap().count(), 4);
        assert_eq!((count(&first), count(&second)), (0, 4));
    });
}

#[test]
fn set_eventfd_without_free_descriptor_is_emfile() {
    let eventfd = new_eventfd();
    crate::support::in_thread(|| {
        let mut cx = Context::<Vec<u8>, ()>::new(4).unwrap();
        cx.set_eventfd(Some((&eventfd).into())).unwrap();
        crate::support::forbid(libc::SYS_fcntl, &[], libc::EMFILE);
        let error = cx.set_eventfd(Some((&eventfd).into())).unwrap_err();
        assert_eq!(error, ContextError::Os { call: "fcntl", errno: Errno::EMFILE });
        four_reads(&mut cx, &new_eventfd());
        assert_eq!(count(&eventfd), 3, "the eventfd set before is still in use");
    });
}

#[test]
fn set_eventfd_without_new_descriptor_closes_no_other() {
    crate::support::in_thread(|| {
        let eventfd = new_eventfd();
        let mut cx = Context::<Vec<u8>, ()>::new(4).unwrap();
        // A sandbox returns 0 for the call, and no descriptor has been made.
        crate::support::forbid(libc::SYS_fcntl, &[(1, libc::F_DUPFD_CLOEXEC as u64)], 0);
        let error = cx.set_eventfd(Some((&eventfd).into())).unwrap_err();
        assert_eq!(error, ContextError::Os { call: "fcntl", errno: Errno::EBADF });
        drop(cx);
        // SAFETY: reads the flags of a descriptor.
        assert!(unsafe { libc::fcntl(0, libc::F_GETFD) } >= 0, "descriptor 0 is still open");
    });
}

#[test]
fn set_eventfd_of_other_file_is_not_eventfd() {
    let file = file_with(b"hello");
    let (socket, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
    let eventfd = new_eventfd();
    let mut cx = Context::<Vec<u8>, ()>::new(4).unwrap();
    cx.set_eventfd(Some((&eventfd).into())).unwrap();
    let refused = ContextError::NotEventfd;
    assert_eq!(cx.set_eventfd(Some((&file).into())), Err(refused));
    assert_eq!(cx.set_eventfd(Some((&socket).into())), Err(refused));
    // SAFETY: it is not open, and the kernel refuses it.
    let closed = unsafe { linux_aio::Fd::from_raw(1_000_000) };
    assert_eq!(cx.set_eventfd(Some(closed)), Err(refused));
    assert!(refused.to_string().contains("the descriptor is not an eventfd"), "{refused}");
    assert_eq!(refused.errno(), Errno::EINVAL);
    four_reads(&mut cx, &new_eventfd());
    assert_eq!(count(&eventfd), 3, "the eventfd set before is still in use");
}

#[test]
fn eventfd_set_in_scope_stays_set() {
    let eventfd = new_eventfd();
    let mut cx = Context::<Vec<u8>, ()>::new(4).unwrap();
    cx.scope(|cx: &mut Context<&[u8], ()>| cx.set_eventfd(Some((&eventfd).into()))).unwrap();
    four_reads(&mut cx, &new_eventfd());
    assert_eq!(count(&eventfd), 3);
}

/// An event loop that sleeps in poll(2) on the eventfd, and reaps when it wakes.
#[test]
fn event_loop_wakes_for_refused_requests() {
    let (eventfd, file) = (new_eventfd(), file_with(b"hello"));
    let mut cx = Context::<Vec<u8>, u64>::new(8).unwrap();
    cx.set_eventfd(Some((&eventfd).into())).unwrap();
    let mut completed = 0;
    for refused in [1, 1, 3, 8, 2] {
        let mut batch = Batch::<_, _, _, 8>::new();
        for tag in completed..completed + refused {
            batch.push(Request::read(&file, vec![0; 5], u64::MAX).tag(tag)).unwrap();
        }
        assert_eq!(cx.submit(&mut batch).unwrap().refused as u64, refused);
        sleep_until_readable(&eventfd);
        assert_eq!(count(&eventfd), refused);
        for done in cx.reap().unwrap() {
            assert_eq!((done.tag, done.result), (completed, Err(Errno::EINVAL)));
            completed += 1;
        }
        assert_eq!((cx.outstanding(), count(&eventfd)), (0, 0));
    }
    assert_eq!(completed, 15);
}

/// Waits by poll(2), as an event loop does.
fn sleep_until_readable(eventfd: &OwnedFd) {
    let mut fds = [rustix::event::PollFd::new(eventfd, rustix::event::PollFlags::IN)];
    let timeout = rustix::event::Timespec { tv_sec: 20, tv_nsec: 0 };
    assert_eq!(
        rustix::event::poll(&mut fds, Some(&timeout)),
        Ok(1),
        "nothing wakes the event loop"
    );
}

#[test]
fn context_eventfd_counts_accepted_and_refused_requests_once() {
    let (eventfd, file) = (new_eventfd(), file_with(b"hello"));
    let mut cx = Context::<Vec<u8>, ()>::new(8).unwrap();
    cx.set_eventfd(Some((&eventfd).into())).unwrap();
    for order in ["gggg", "bbbb", "gbgb", "bggb", "gbbbbbgb"] {
        let mut batch = Batch::<_, _, _, 8>::new();
        for kind in order.chars() {
            let offset = if kind == 'b' { u64::MAX } else { 0 };
            batch.push(Request::read(&file, vec![0; 5], offset)).unwrap();
        }
        cx.submit(&mut batch).unwrap();
        assert_eq!(cx.wait_all(None).unwrap().count(), order.len());
        assert_eq!(count(&eventfd), order.len() as u64, "{order}");
    }
}

#[test]
fn refused_request_with_own_eventfd_is_not_counted() {
    let (default, own, file) = (new_eventfd(), new_eventfd(), file_with(b"hello"));
    let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
    cx.set_eventfd(Some((&default).into())).unwrap();
    let request = Request::read(&file, vec![0; 5], u64::MAX).eventfd(&own);
    cx.submit_one(request).unwrap();
    assert_eq!(cx.reap_one().unwrap().unwrap().result, Err(Errno::EINVAL));
    assert_eq!((count(&default), count(&own)), (0, 0));
}

#[test]
fn owned_eventfd_is_kept_open_until_submit() {
    let (file, kept) = (Arc::new(file_with(b"hello")), Arc::new(new_eventfd()));
    let mut cx = Context::<Vec<u8>, ()>::new(4).unwrap();
    let mut batch = Batch::<(Arc<File>, Arc<OwnedFd>), _, _, 4>::new();
    for _ in 0..4 {
        let read = Request::read(Arc::clone(&file), vec![0; 5], 0);
        let read = read.eventfd_owned(Arc::clone(&kept));
        assert_eq!(read.info().eventfd(), Some(kept.as_raw_fd()));
        batch.push(read).unwrap();
    }
    assert_eq!((Arc::strong_count(&file), Arc::strong_count(&kept)), (5, 5));
    cx.submit(&mut batch).unwrap();
    assert_eq!((Arc::strong_count(&file), Arc::strong_count(&kept)), (1, 1));
    assert_eq!(cx.wait_all(None).unwrap().count(), 4);
    assert_eq!(count(&kept), 4);
}

#[test]
fn owned_eventfd_that_submit_closes_still_counts() {
    let (socket, peer) = std::os::unix::net::UnixStream::pair().unwrap();
    let eventfd = new_eventfd();
    let duplicate = eventfd.try_clone().unwrap();
    let mut cx = Context::<(), ()>::new(1).unwrap();
    let poll = Request::poll(OwnedFd::from(socket)).events(PollEvents::IN).eventfd_owned(eventfd);
    cx.submit_one(poll).unwrap();
    assert_eq!(count(&duplicate), 0);
    drop(peer);
    assert!(cx.wait_one(None).unwrap().unwrap().result.is_ok());
    assert_eq!(count(&duplicate), 1);
}

#[test]
fn duplicate_is_cloexec_and_closed() {
    crate::support::in_child(|| {
        let open = || {
            let numbers = std::fs::read_dir("/proc/self/fd").unwrap();
            let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
            numbers
                .map(|entry| name(entry).to_str().unwrap().parse().unwrap())
                .collect::<BTreeSet<i32>>()
        };
        let eventfd = new_eventfd();
        let before = open();
        let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
        for _ in 0..10 {
            cx.set_eventfd(Some((&eventfd).into())).unwrap();
        }
        let new = open().difference(&before).copied().collect::<Vec<_>>();
        assert_eq!(new.len(), 1, "{new:?}");
        // SAFETY: reads the flags of a descriptor.
        assert_eq!(unsafe { libc::fcntl(new[0], libc::F_GETFD) }, libc::FD_CLOEXEC);
        assert!(new[0] > 2, "it does not take the number of a standard stream");
        drop(cx);
        assert_eq!(open(), before);
    });
}
