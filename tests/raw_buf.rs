//! [`RawBuf`] and [`RawVecs`]: memory by its address. It may be uninitialised where it is read into,
//! and other threads may access it while a request is in flight.

use crate::support::{file_with, pattern, run};
use linux_aio::{
    Batch, Buf, Context, IoBuf, Opcode, PageBuf, Pieces, RawBuf, RawVecs, Request, abi::Iovec,
};
use std::{
    fs::File,
    mem::MaybeUninit,
    os::unix::fs::FileExt as _,
    sync::atomic::{AtomicBool, AtomicU8, Ordering},
    thread,
};

const LEN: usize = 1000;

/// Memory that was never written to, and is never freed.
fn uninitialised() -> *mut u8 {
    Box::leak(Box::<[u8]>::new_uninit_slice(LEN)).as_mut_ptr().cast()
}

/// The bytes there.
///
/// # Safety
///
/// They are initialised, and nothing is in flight there.
unsafe fn bytes<'a>(start: *const u8) -> &'a [u8] {
    // SAFETY: the memory is never freed; else by the caller.
    unsafe { std::slice::from_raw_parts(start, LEN) }
}

/// That memory as three pieces of different lengths.
fn three(start: *mut u8) -> [(*mut u8, usize); 3] {
    [(0, 1), (1, 599), (600, 400)].map(|(at, len)| (start.wrapping_add(at), len))
}

/// Sets the flag when it is dropped, also by a panic.
struct SetOnDrop<'f>(&'f AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// An empty file.
fn empty() -> File {
    file_with(b"")
}

/// The content of a file.
fn content_of(file: &File) -> Vec<u8> {
    let mut content = vec![0; LEN];
    file.read_exact_at(&mut content, 0).unwrap();
    content
}

#[test]
fn raw_buf_is_read_into_uninitialised_and_written_from() {
    let (content, memory, copy) = (pattern(LEN), uninitialised(), empty());
    // SAFETY: the memory is never freed, and accessed by requests only until they complete.
    let buf = unsafe { RawBuf::new(memory, LEN) };
    assert_eq!((buf.as_ptr(), buf.len_bytes(), buf.io_len()), (memory, LEN, LEN));
    let mut cx = Context::<RawBuf, ()>::new(1).unwrap();
    let done = run(&mut cx, Request::read(file_with(&content), buf, 0));
    assert_eq!(done.result, Ok(LEN));
    let done = run(&mut cx, Request::write(&copy, done.buf, 0));
    assert_eq!((done.result, done.buf.as_ptr()), (Ok(LEN), memory));
    assert_eq!(content_of(&copy), content);
    // SAFETY: the whole content was read.
    assert_eq!(unsafe { bytes(memory) }, content);
    // A range of it.
    let read = Request::read(file_with(&[7; 10]), done.buf, 0).range(5..15).unwrap();
    assert_eq!(run(&mut cx, read).result, Ok(10));
    // SAFETY: as before.
    assert_eq!(unsafe { bytes(memory) }, [&content[..5], &[7; 10], &content[15..]].concat());
}

#[test]
fn raw_vecs_are_read_into_uninitialised_and_written_from() {
    let (content, memory, copy) = (pattern(LEN), uninitialised(), empty());
    let iovecs = three(memory).map(|(iov_base, iov_len)| Iovec { iov_base, iov_len });
    // SAFETY: the memory is never freed, and the iovecs outlive the requests.
    let vecs = unsafe { RawVecs::new(iovecs.as_ptr(), 3) };
    assert_eq!((vecs.io_len(), vecs.io_total()), (3, LEN));
    let mut cx = Context::<RawVecs, ()>::new(1).unwrap();
    let done = run(&mut cx, Request::readv(file_with(&content), vecs, 0).unwrap());
    assert_eq!(done.result, Ok(LEN));
    assert_eq!(run(&mut cx, Request::writev(&copy, done.buf, 0).unwrap()).result, Ok(LEN));
    assert_eq!(content_of(&copy), content);
    // SAFETY: the whole content was read.
    assert_eq!(unsafe { bytes(memory) }, content);

    // A short read, and its rest, within the second piece.
    let file = file_with(&content[..300]);
    let done = run(&mut cx, Request::readv(&file, vecs, 0).unwrap());
    assert_eq!(done.result, Ok(300));
    file.write_all_at(&[7; 700], 300).unwrap();
    let done = run(&mut cx, done.into_rest(&file).unwrap());
    assert_eq!((done.result, done.info().range()), (Ok(300), 300..LEN));
    let done = run(&mut cx, done.into_rest(&file).unwrap());
    assert_eq!((done.result, done.info().range()), (Ok(400), 600..LEN));
    // SAFETY: as before.
    assert_eq!(unsafe { bytes(memory) }, [&content[..300], &[7; 700]].concat());

    // SAFETY: there are no pieces.
    let none = unsafe { RawVecs::new(iovecs.as_ptr(), 0) };
    assert_eq!(Request::writev(&file, none, 0).unwrap_err().count, 0);
}

#[test]
fn pieces_of_raw_bufs_are_read_into_and_written_from() {
    let (content, memory, copy) = (pattern(LEN), uninitialised(), empty());
    let mut pieces = Pieces::<RawBuf, 3>::new();
    for (start, len) in three(memory) {
        // SAFETY: the memory is never freed, and accessed by requests only until they complete.
        pieces.push(unsafe { RawBuf::new(start, len) }).unwrap();
    }
    let mut cx = Context::<Pieces<RawBuf, 3>, ()>::new(1).unwrap();
    let done = run(&mut cx, Request::readv(file_with(&content), pieces, 0).unwrap());
    assert_eq!(done.result, Ok(LEN));
    assert_eq!(run(&mut cx, Request::writev(&copy, done.buf, 0).unwrap()).result, Ok(LEN));
    assert_eq!(content_of(&copy), content);
    // SAFETY: the whole content was read.
    assert_eq!(unsafe { bytes(memory) }, content);
}

#[test]
fn raw_memory_is_one_kind_of_buf() {
    let (content, memory, copy) = (pattern(LEN), uninitialised(), empty());
    let file = file_with(&content);
    let iovecs = three(memory).map(|(iov_base, iov_len)| Iovec { iov_base, iov_len });
    // SAFETY: the memory is never freed, and the iovecs outlive the requests.
    let (buf, vecs) = unsafe { (RawBuf::new(memory, LEN), RawVecs::new(iovecs.as_ptr(), 3)) };
    linux_aio::scope(2, |cx: &mut Context<Buf<'_>, ()>| {
        let requests = [
            Request::read(&file, buf, 0).into_buf(),
            Request::readv(&file, vecs, 0)?.into_buf(),
            Request::write(&copy, buf, 0).into_buf(),
            Request::writev(&copy, vecs, 0)?.into_buf(),
        ];
        for request in requests {
            copy.set_len(0).unwrap();
            let done = run(cx, request);
            assert_eq!(done.result, Ok(LEN), "{done:?}");
            match (done.info().opcode(), done.buf) {
                (Opcode::Pread | Opcode::Pwrite, Buf::Raw(back)) => {
                    assert_eq!(back.as_ptr(), memory)
                }
                (Opcode::Preadv | Opcode::Pwritev, Buf::RawVecs(_)) => {}
                (opcode, buf) => panic!("{opcode:?}: {buf:?}"),
            }
        }
        Ok::<_, linux_aio::Error>(())
    })
    .unwrap();
    assert_eq!(content_of(&copy), content);
}

#[test]
fn other_thread_writes_to_memory_while_it_is_written_from() {
    let memory: &'static [AtomicU8] =
        (0..LEN).map(|_| AtomicU8::new(b'a')).collect::<Vec<_>>().leak();
    let (file, end) = (empty(), AtomicBool::new(false));
    // SAFETY: the memory is never freed, and accessed by atomic operations besides.
    let buf = unsafe { RawBuf::new(memory.as_ptr().cast_mut().cast(), LEN) };
    thread::scope(|scope| {
        scope.spawn(|| {
            while !end.load(Ordering::Relaxed) {
                for byte in memory {
                    byte.store(byte.load(Ordering::Relaxed) ^ b'a' ^ b'b', Ordering::Relaxed);
                }
            }
        });
        let _end = SetOnDrop(&end);
        let mut cx = Context::<RawBuf, ()>::new(8).unwrap();
        for _ in 0..200 {
            let mut batch = Batch::<_, _, _, 8>::new();
            for part in 0..8 {
                batch.push(Request::write(&file, buf, part * LEN as u64)).unwrap();
            }
            cx.submit(&mut batch).unwrap();
            assert!(cx.wait_all(None).unwrap().all(|done| done.result == Ok(LEN)));
        }
    });
    let content =
        std::fs::read(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file)));
    let content = content.unwrap();
    assert_eq!(content.len(), 8 * LEN);
    assert!(content.iter().all(|byte| b"ab".contains(byte)), "each byte is the old or the new one");
}

#[test]
fn other_thread_reads_memory_while_it_is_read_into() {
    let file = file_with(&[[b'a'; LEN], [b'b'; LEN]].concat());
    let pages: &'static mut PageBuf = Box::leak(Box::new(PageBuf::new(LEN).unwrap()));
    pages.fill(b'a');
    let start = pages.as_mut_ptr();
    // SAFETY: `AtomicU8` has the layout of `u8`; the memory is never freed.
    let memory = unsafe { std::slice::from_raw_parts(start.cast::<AtomicU8>(), LEN) };
    // SAFETY: the memory is never freed, and accessed by atomic operations besides.
    let buf = unsafe { RawBuf::new(start, LEN) };
    let end = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !end.load(Ordering::Relaxed) {
                assert!(memory.iter().all(|byte| b"ab".contains(&byte.load(Ordering::Relaxed))));
            }
        });
        let _end = SetOnDrop(&end);
        let mut cx = Context::<RawBuf, ()>::new(1).unwrap();
        for round in 0..1000 {
            let offset = round % 2 * LEN as u64;
            assert_eq!(run(&mut cx, Request::read(&file, buf, offset)).result, Ok(LEN));
            let expected = b"ab"[(round % 2) as usize];
            assert!(memory.iter().all(|byte| byte.load(Ordering::Relaxed) == expected));
        }
    });
}

#[test]
fn uninitialised_stack_memory_is_read_into() {
    let file = file_with(b"hello");
    let mut memory = MaybeUninit::<[u8; 5]>::uninit();
    // SAFETY: the context is closed before the memory is used again.
    let buf = unsafe { RawBuf::new(memory.as_mut_ptr().cast(), 5) };
    let mut cx = Context::<RawBuf, ()>::new(1).unwrap();
    assert_eq!(run(&mut cx, Request::read(&file, buf, 0)).result, Ok(5));
    cx.close().unwrap();
    // SAFETY: all five bytes were read.
    assert_eq!(unsafe { memory.assume_init() }, *b"hello");
}
