//! Requests that own their files: an owner keeps its file open until `submit` returns, comes back with
//! a request that is not submitted, and is dropped once. Owned eventfds are in `eventfd`.
//!
//! Open descriptors are counted in a child process, in which no other test opens files.

use crate::support::{file_with, forbid, in_child};
use linux_aio::{Batch, Context, ContextError, IntoFile, PollEvents, RawFile, Request};
use std::{
    cell::RefCell,
    fs::{self, File},
    io::{ErrorKind, Read as _},
    os::{
        fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd},
        unix::{fs::FileExt as _, net::UnixStream},
    },
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::Arc,
    thread,
    time::Duration,
};

/// How many descriptors this process has open.
fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// A program that keeps its file, batch and context in one value.
struct Reader {
    file: Arc<File>,
    batch: Batch<Arc<File>, Vec<u8>, usize, 4>,
    cx: Context<Vec<u8>, usize>,
}

impl Reader {
    fn new(content: &[u8]) -> Self {
        let cx = Context::new(4).unwrap();
        Self { file: Arc::new(file_with(content)), batch: Batch::new(), cx }
    }

    /// Reads four bytes, one per request, and returns them in order.
    fn read(&mut self, from: usize) -> Vec<u8> {
        for tag in from..from + 4 {
            let request = Request::read(Arc::clone(&self.file), vec![0; 1], tag as u64);
            self.batch.push(request.tag(tag)).unwrap();
        }
        self.cx.submit(&mut self.batch).unwrap();
        let mut done = self.cx.wait_all(None).unwrap().collect::<Vec<_>>();
        done.sort_by_key(|done| done.tag);
        done.into_iter().flat_map(|done| done.buf).collect()
    }
}

#[test]
fn struct_with_file_batch_and_context_serves_several_turns() {
    let mut reader = Reader::new(b"0123456789");
    for from in 0..6 {
        assert_eq!(reader.read(from), b"0123456789"[from..from + 4]);
        assert_eq!(Arc::strong_count(&reader.file), 1, "no request owns the file any more");
    }
    // It may move, also to another thread.
    let mut reader = thread::spawn(move || {
        assert_eq!(reader.read(1), b"1234");
        reader
    })
    .join()
    .unwrap();
    assert_eq!(reader.read(2), b"2345");
}

#[test]
fn owned_file_is_closed_when_submit_returns() {
    in_child(|| {
        let mut cx = Context::<Vec<u8>, ()>::new(4).unwrap();
        let mut batch = Batch::<_, _, _, 4>::new();
        let before = open_files();
        batch.push(Request::read(file_with(b"hello"), vec![0; 5], 0)).unwrap();
        batch.push(Request::read(file_with(b"hello"), vec![0; 5], u64::MAX)).unwrap();
        batch.push(Request::write(file_with(b""), vec![0; 5], 0)).unwrap();
        assert_eq!(open_files(), before + 3);
        let submitted = cx.submit(&mut batch).unwrap();
        assert_eq!((submitted.accepted, submitted.refused), (2, 1));
        assert_eq!(open_files(), before, "also that of the refused request");
        assert_eq!(cx.wait_all(None).unwrap().filter(|done| done.result == Ok(5)).count(), 2);
        cx.submit_one(Request::read(file_with(b"hello"), vec![0; 5], 0)).unwrap();
        assert_eq!(open_files(), before);
    });
}

#[test]
fn peer_of_owned_pipe_sees_end_of_file_after_submit() {
    // In a child: one that another test forks meanwhile would have the other end of the pipe open.
    in_child(|| {
        let (mut reader, writer) = std::io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&reader, true).unwrap();
        let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
        let mut batch = Batch::<OwnedFd, _, _, 1>::new();
        batch.push(Request::write(OwnedFd::from(writer), b"hello".to_vec(), 0)).unwrap();
        assert_eq!(reader.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        cx.submit(&mut batch).unwrap();
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        assert_eq!(read, b"hello");
        assert_eq!(cx.wait_one(None).unwrap().unwrap().result, Ok(5));
    });
}

#[test]
fn poll_keeps_owned_socket_open_until_it_completes() {
    let (socket, mut peer) = UnixStream::pair().unwrap();
    peer.set_nonblocking(true).unwrap();
    let mut cx = Context::<(), ()>::new(1).unwrap();
    let poll = Request::poll(OwnedFd::from(socket)).events(PollEvents::IN);
    let id = cx.submit_one(poll).unwrap();
    assert_eq!(peer.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    cx.cancel(id).unwrap();
    assert_eq!(cx.wait_one(None).unwrap().unwrap().result, Ok(0));
    // The kernel closes it soon.
    for round in 0.. {
        match peer.read(&mut [0]) {
            Ok(0) => break,
            Ok(bytes) => panic!("{bytes} bytes"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        assert!(round < 1000, "the socket is still open");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn owners_come_back_with_requests_that_are_left() {
    let mut cx = Context::<Vec<u8>, u8>::new(2).unwrap();
    let mut batch = Batch::<File, _, _, 8>::new();
    for tag in 0..6 {
        batch.push(Request::read(file_with(&[tag]), vec![0; 1], 0).tag(tag)).unwrap();
    }
    assert_eq!(cx.submit(&mut batch).unwrap().accepted, 2);
    assert_eq!(batch.iter().map(|left| *left.tag_ref()).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert!(batch.iter().all(|left| left.file().as_raw_fd() == left.info().fd()));

    // One is taken apart. The others are submitted.
    let (file, buf, tag) = batch.pop().unwrap().into_parts();
    let mut byte = [9];
    file.read_exact_at(&mut byte, 0).unwrap();
    assert_eq!((byte, buf, tag), ([2], vec![0], 2));
    let mut read = Vec::new();
    while cx.outstanding() > 0 {
        read.extend(cx.wait_all(None).unwrap().map(|done| (done.tag, done.buf)));
        cx.submit(&mut batch).unwrap();
    }
    assert_eq!(read, [0, 1, 3, 4, 5].map(|tag| (tag, vec![tag])));
}

#[test]
fn owners_come_back_when_submit_fails() {
    in_child(|| {
        let mut cx = Context::<Vec<u8>, usize>::new(4).unwrap();
        let mut batch = Batch::<_, _, _, 4>::new();
        let before = open_files();
        for tag in 0..4 {
            let offset = if tag == 1 { u64::MAX } else { 0 };
            let request = Request::read(Box::new(file_with(b"hello")), vec![0; 5], offset);
            batch.push(request.tag(tag)).unwrap();
        }
        // The kernel takes one request and refuses one. The call for the last two fails.
        forbid(libc::SYS_io_submit, &[(1, 2)], libc::EAGAIN);
        let error = cx.submit(&mut batch).unwrap_err();
        assert_eq!((error.cause, error.submitted.accepted), (ContextError::Again, 1));
        assert_eq!((batch.len(), open_files()), (2, before + 2));
        for left in batch.iter() {
            let mut bytes = [0; 5];
            left.file().read_exact_at(&mut bytes, 0).unwrap();
            assert_eq!(&bytes, b"hello");
        }
        batch.clear();
        assert_eq!(open_files(), before);

        let file = Arc::new(file_with(b"hello"));
        forbid(libc::SYS_io_submit, &[(1, 1)], libc::EAGAIN);
        let error = cx.try_submit_one(Request::read(Arc::clone(&file), vec![0; 5], 0).tag(7));
        let error = error.unwrap_err();
        assert_eq!((error.cause, Arc::strong_count(&file)), (ContextError::Again, 2));
        let (owner, _, tag) = error.request.into_parts();
        assert!(Arc::ptr_eq(&owner, &file) && tag == 7);
    });
}

/// An owner that panics when it is dropped, if `panics` is set.
struct Owner {
    file: File,
    panics: bool,
    _alive: Rc<()>,
}

impl Owner {
    /// A file whose content is its tag.
    fn request(tag: u8, panics: bool, alive: &Rc<()>) -> Request<Self, Vec<u8>, u8> {
        let file = file_with(&[tag]);
        let owner = Self { panics, _alive: Rc::clone(alive), file };
        // SAFETY: the owner keeps the file open.
        let file = unsafe { RawFile::new(owner.file.as_raw_fd(), owner) };
        Request::read(file, vec![0xee; 1], 0).tag(tag)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if self.panics {
            panic!("on purpose");
        }
    }
}

#[test]
fn owner_that_panics_on_drop_loses_no_request() {
    let alive = Rc::new(());
    for panicking in 0..3 {
        let mut cx = Context::<Vec<u8>, u8>::new(3).unwrap();
        let mut batch = Batch::<_, _, _, 5>::new();
        for tag in 0..5 {
            batch.push(Owner::request(tag, tag == panicking, &alive)).unwrap();
        }
        catch_unwind(AssertUnwindSafe(|| cx.submit(&mut batch))).unwrap_err();
        assert_eq!(Rc::strong_count(&alive), 1 + 2, "the other owners were dropped");
        assert_eq!((cx.outstanding(), batch.len()), (3, 2));
        assert_eq!((cx.stats().accepted, cx.last_submitted().len()), (3, 3));
        let read = cx.wait_all(None).unwrap().map(|done| (done.tag, done.buf)).collect::<Vec<_>>();
        assert_eq!(read, [0, 1, 2].map(|tag| (tag, vec![tag])));
        cx.submit(&mut batch).unwrap();
        let read = cx.wait_all(None).unwrap().map(|done| (done.tag, done.buf)).collect::<Vec<_>>();
        assert_eq!(read, [3, 4].map(|tag| (tag, vec![tag])));
        assert_eq!(Rc::strong_count(&alive), 1);
    }
}

/// An owner whose drop reads with another context.
struct Nested {
    file: Arc<File>,
    other: Rc<RefCell<Context<Vec<u8>, ()>>>,
}

impl AsFd for Nested {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        let mut cx = self.other.borrow_mut();
        cx.submit_one(Request::read(Arc::clone(&self.file), vec![0; 2], 3)).unwrap();
        assert_eq!(cx.wait_one(None).unwrap().unwrap().buf, b"lo");
    }
}

#[test]
fn owners_whose_drop_submits_to_another_context() {
    // More than one io_submit takes with its owners.
    const COUNT: usize = 600;
    let file = Arc::new(file_with(b"hello"));
    let other = Rc::new(RefCell::new(Context::new(1).unwrap()));
    let mut cx = Context::<Vec<u8>, usize>::new(COUNT).unwrap();
    let mut batch = Box::new(Batch::<_, _, _, COUNT>::new());
    for tag in 0..COUNT {
        let owner = Nested { file: Arc::clone(&file), other: Rc::clone(&other) };
        batch.push(Request::read(Box::new(owner), vec![0; 5], 0).tag(tag)).unwrap();
    }
    assert_eq!(cx.submit(&mut batch).unwrap().accepted, COUNT);
    assert_eq!((Arc::strong_count(&file), Rc::strong_count(&other)), (1, 1));
    assert_eq!(other.borrow().stats().accepted, COUNT as u64);
    let mut tags = cx.wait_all(None).unwrap().map(|done| (done.tag, done.buf)).collect::<Vec<_>>();
    tags.sort_unstable();
    assert_eq!(tags, (0..COUNT).map(|tag| (tag, b"hello".to_vec())).collect::<Vec<_>>());
}

/// Reads by a request with this file.
fn read<F>(file: impl IntoFile<Owner = F>) -> Vec<u8> {
    let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
    let mut batch = Batch::<F, _, _, 1>::new();
    batch.push(Request::read(file, vec![0; 5], 0)).unwrap();
    cx.submit(&mut batch).unwrap();
    cx.wait_one(None).unwrap().unwrap().buf
}

#[test]
fn every_kind_of_owner_is_read() {
    let file = file_with(b"hello");
    assert_eq!(read(file.try_clone().unwrap()), b"hello");
    assert_eq!(read(OwnedFd::from(file.try_clone().unwrap())), b"hello");
    assert_eq!(read(Box::new(file.try_clone().unwrap())), b"hello");
    assert_eq!(read(Box::new(file.try_clone().unwrap()) as Box<dyn AsFd>), b"hello");
    assert_eq!(read(file.as_fd()), b"hello");

    let (rc, arc) = (Rc::new(file.try_clone().unwrap()), Arc::new(file));
    assert_eq!(read(Rc::clone(&rc)), b"hello");
    assert_eq!(read(Arc::clone(&arc)), b"hello");
    assert_eq!(read(Arc::clone(&arc) as Arc<dyn AsFd>), b"hello");
    // SAFETY: the `Rc` keeps the file open.
    assert_eq!(read(unsafe { RawFile::new(rc.as_raw_fd(), Rc::clone(&rc)) }), b"hello");
    assert_eq!((Rc::strong_count(&rc), Arc::strong_count(&arc)), (1, 1));
}

#[test]
fn leaked_batch_leaves_its_files_open() {
    in_child(|| {
        let before = open_files();
        let mut batch = Batch::<_, _, (), 4>::new();
        for _ in 0..3 {
            batch.push(Request::read(file_with(b"hello"), vec![0; 5], 0)).unwrap();
        }
        let file = batch.front().unwrap().file().try_clone().unwrap();
        std::mem::forget(batch);
        assert_eq!(open_files(), before + 3 + 1);
        assert_eq!(read(file), b"hello");
        assert_eq!(open_files(), before + 3);
    });
}
