//! An eventfd counts exactly the completions that were asked to notify.

use crate::support::file_with;
use linux_aio::{Batch, Context, ContextError, Errno, Opcode, Pieces, PollEvents, Request};
use rustix::{
    event::{EventfdFlags, eventfd},
    fd::OwnedFd,
    io::read,
};
use std::collections::BTreeSet;

fn new_eventfd() -> OwnedFd {
    eventfd(0, EventfdFlags::NONBLOCK).unwrap()
}

/// The counter, which is 0 afterwards.
fn count(eventfd: &OwnedFd) -> u64 {
    let mut counter = [0; 8];
    match read(eventfd, &mut counter) {
        Ok(_) => u64::from_ne_bytes(counter),
        Err(rustix::io::Errno::AGAIN) => 0,
        Err(errno) => panic!("{errno}"),
    }
}

#[test]
fn requests_that_ask_are_counted_and_no_others() {
    let file = file_with(b"hello");
    let (first, second) = (new_eventfd(), new_eventfd());
    let mut cx = Context::<Vec<u8>, (), 16>::new().unwrap();
    let mut batch = Batch::<_, _, 16>::new();
    for number in 0..16 {
        let request = Request::read(&file, vec![0; 5], 0);
        batch
            .push(match number % 4 {
                0 => request.notify(&first),
                1 => request.notify(&first).notify(&second),
                _ => request,
            })
            .unwrap();
    }
    cx.submit(&mut batch).unwrap();
    assert_eq!(cx.wait(16, None).unwrap().count(), 16);
    assert_eq!((count(&first), count(&second)), (4, 4));
}

#[test]
fn closing_the_eventfd_after_submit_changes_nothing() {
    let file = file_with(b"hello");
    let (socket, peer) = std::os::unix::net::UnixStream::pair().unwrap();
    let eventfd = new_eventfd();
    let kept = eventfd.try_clone().unwrap();
    let mut cx = Context::<Vec<u8>, (), 2>::new().unwrap();
    let mut batch = Batch::<_, _, 2>::new();
    let poll = Request::poll(&socket).events(linux_aio::PollEvents::IN).carry(vec![]);
    batch.push(poll.notify(&eventfd)).unwrap();
    batch.push(Request::read(&file, vec![0; 5], 0).notify(&eventfd)).unwrap();
    cx.submit(&mut batch).unwrap();
    drop(batch);
    drop(eventfd);
    drop(peer);
    assert!(cx.wait(2, None).unwrap().all(|done| done.result.is_ok()));
    assert_eq!(count(&kept), 2);
}

#[test]
fn what_is_no_eventfd_is_refused() {
    let file = file_with(b"hello");
    let closed = 1_000_000;
    let mut cx = Context::<Vec<u8>, (), 3>::new().unwrap();
    let mut batch = Batch::<_, _, 3>::new();
    batch.push(Request::read(&file, vec![0; 5], 0).notify(&file)).unwrap();
    // SAFETY: not open, as it should be; the kernel says so.
    let bad = unsafe { linux_aio::Fd::from_raw(closed) };
    batch.push(Request::read(&file, vec![0; 5], 0).notify(bad)).unwrap();
    batch.push(Request::read(&file, vec![0; 5], 0)).unwrap();
    assert_eq!(cx.submit(&mut batch).unwrap().refused, 2);
    let results = cx.wait(3, None).unwrap().map(|done| done.result).collect::<Vec<_>>();
    assert_eq!(results[..2], [Err(Errno::EINVAL), Err(Errno::EBADF)]);
    assert_eq!(results[2], Ok(5));
}

/// Submits four reads, one of which notifies by `own`, and waits for them.
fn four_reads(cx: &mut Context<Vec<u8>, (), 4>, own: &OwnedFd) {
    let file = file_with(b"hello");
    let mut batch = Batch::<_, _, 4>::new();
    batch.push(Request::read(&file, vec![0; 5], 0).notify(own)).unwrap();
    for _ in 0..3 {
        batch.push(Request::read(&file, vec![0; 5], 0)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    assert_eq!(cx.wait(4, None).unwrap().filter(|done| done.result == Ok(5)).count(), 4);
}

#[test]
fn the_context_s_eventfd_counts_the_rest() {
    let (default, own) = (new_eventfd(), new_eventfd());
    let mut cx = Context::<Vec<u8>, (), 4>::new().unwrap();
    cx.set_notify(Some((&default).into())).unwrap();
    let kept = default.try_clone().unwrap();
    drop(default); // the context has a duplicate
    four_reads(&mut cx, &own);
    assert_eq!((count(&kept), count(&own)), (3, 1));
    // It counts in scopes too.
    cx.scope(|cx| four_reads(cx, &own)).unwrap();
    assert_eq!((count(&kept), count(&own)), (3, 1));
    let other = new_eventfd();
    cx.set_notify(Some((&other).into())).unwrap();
    four_reads(&mut cx, &own);
    assert_eq!((count(&kept), count(&other), count(&own)), (0, 3, 1));
    cx.set_notify(None).unwrap();
    four_reads(&mut cx, &own);
    assert_eq!((count(&kept), count(&other), count(&own)), (0, 0, 1));
}

#[test]
fn the_context_s_eventfd_counts_requests_of_every_kind() {
    let (eventfd, ready, file) = (new_eventfd(), new_eventfd(), file_with(b"hello"));
    let mut cx = Context::<Pieces<Vec<u8>, 2>, (), 4>::new().unwrap();
    cx.set_notify(Some((&eventfd).into())).unwrap();
    // Their iovecs are in the request itself, whose address the kernel has.
    let pieces = |first: &[u8], second: &[u8]| {
        let mut pieces = Pieces::new();
        pieces.push(first.to_vec()).unwrap();
        pieces.push(second.to_vec()).unwrap();
        pieces
    };
    let mut batch = Batch::<_, _, 4>::new();
    batch.push(Request::writev(&file, pieces(b"HE", b"L"), 0).unwrap()).unwrap();
    batch.push(Request::readv(&file, pieces(b"12", b"345"), 0).unwrap()).unwrap();
    batch.push(Request::fdsync(&file).carry(Pieces::new())).unwrap();
    batch.push(Request::poll(&ready).events(PollEvents::OUT).carry(Pieces::new())).unwrap();
    cx.submit(&mut batch).unwrap();
    let mut read = None;
    for done in cx.wait(4, None).unwrap() {
        done.outcome().unwrap();
        if done.opcode() == Opcode::Preadv {
            assert_eq!((done.result, done.range()), (Ok(5), 0..5));
            read = Some([done.buf[0].clone(), done.buf[1].clone()]);
        }
    }
    assert_eq!(read.unwrap(), [b"HE".to_vec(), b"Llo".to_vec()]);
    assert_eq!(count(&eventfd), 4);
}

#[test]
fn what_returns_to_the_batch_has_lost_the_context_s_eventfd() {
    let file = file_with(b"hello");
    crate::support::in_thread(|| {
        let (first, second) = (new_eventfd(), new_eventfd());
        let mut cx = Context::<Vec<u8>, (), 8>::new().unwrap();
        let mut batch = Batch::<_, _, 8>::new();
        for _ in 0..3 {
            batch.push(Request::read(&file, vec![0; 5], 0)).unwrap();
        }
        cx.set_notify(Some((&first).into())).unwrap();
        crate::support::forbid(libc::SYS_io_submit, &[(1, 3)], libc::EAGAIN);
        assert_eq!(cx.submit(&mut batch).unwrap_err().cause, ContextError::Again);
        cx.set_notify(Some((&second).into())).unwrap();
        batch.push(Request::read(&file, vec![0; 5], 0)).unwrap();
        cx.submit(&mut batch).unwrap();
        assert_eq!(cx.wait(4, None).unwrap().count(), 4);
        assert_eq!((count(&first), count(&second)), (0, 4));
    });
}

#[test]
fn a_context_without_descriptors_left_says_so() {
    let eventfd = new_eventfd();
    crate::support::in_thread(|| {
        let mut cx = Context::<Vec<u8>, (), 4>::new().unwrap();
        cx.set_notify(Some((&eventfd).into())).unwrap();
        crate::support::forbid(libc::SYS_fcntl, &[], libc::EMFILE);
        let error = cx.set_notify(Some((&eventfd).into())).unwrap_err();
        assert_eq!(error, ContextError::Os { call: "fcntl", errno: Errno::EMFILE });
        four_reads(&mut cx, &new_eventfd());
        assert_eq!(count(&eventfd), 3, "the one before stays");
    });
}

#[test]
fn a_context_refuses_what_is_no_eventfd() {
    let file = file_with(b"hello");
    let (socket, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
    let eventfd = new_eventfd();
    let mut cx = Context::<Vec<u8>, (), 4>::new().unwrap();
    cx.set_notify(Some((&eventfd).into())).unwrap();
    let refused = Err(ContextError::Os { call: "io_submit", errno: Errno::EINVAL });
    assert_eq!(cx.set_notify(Some((&file).into())), refused);
    assert_eq!(cx.set_notify(Some((&socket).into())), refused);
    four_reads(&mut cx, &new_eventfd());
    assert_eq!(count(&eventfd), 3, "the one before stays");
}

#[test]
fn what_is_set_in_a_scope_stays_set() {
    let eventfd = new_eventfd();
    let mut cx = Context::<Vec<u8>, (), 4>::new().unwrap();
    cx.scope(|cx: &mut Context<&[u8], (), 4>| cx.set_notify(Some((&eventfd).into())).unwrap())
        .unwrap();
    four_reads(&mut cx, &new_eventfd());
    assert_eq!(count(&eventfd), 3);
}

#[test]
fn the_duplicate_is_closed_and_not_inherited() {
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
        let mut cx = Context::<Vec<u8>, (), 1>::new().unwrap();
        for _ in 0..10 {
            cx.set_notify(Some((&eventfd).into())).unwrap();
        }
        let new = open().difference(&before).copied().collect::<Vec<_>>();
        assert_eq!(new.len(), 1, "{new:?}");
        // SAFETY: only asks.
        assert_eq!(unsafe { libc::fcntl(new[0], libc::F_GETFD) }, libc::FD_CLOEXEC);
        assert!(new[0] > 2, "not a standard stream");
        drop(cx);
        assert_eq!(open(), before);
    });
}
