//! Tests of drivers on the fake kernel.

mod drops;
mod errors;
mod reentry;
mod room;
mod turns;

use super::{Driver, Local, Op, Sharing};
use crate::{
    buf::{IoBuf, IoBufMut, IoBytes},
    completion::Completion,
    error::StartError,
    request::{RawFile, Request},
    sys::fake::{Kernel, Mode},
    types::PollEvents,
};
use core::{
    cell::Cell,
    future::Future,
    pin::Pin,
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    task::{Context, Poll, Waker},
};
use std::{boxed::Box, rc::Rc, sync::Arc, task::Wake};

/// A waker that counts how often it is woken.
#[derive(Debug, Default)]
struct Counter(AtomicUsize);

impl Counter {
    fn new() -> (Arc<Self>, Waker) {
        let counter = Arc::new(Self::default());
        (Arc::clone(&counter), Waker::from(counter))
    }

    fn get(&self) -> usize {
        self.0.load(Relaxed)
    }
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// The owner of a file, which counts how many exist.
#[derive(Debug)]
struct Owner(Rc<Cell<usize>>);

impl Owner {
    fn new(count: &Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Self(Rc::clone(count))
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// A buffer that calls a function when it is dropped. It asserts that the kernel does not use it
/// then.
struct Buffer {
    bytes: NonNull<[u8; 8]>,
    dropped: Box<dyn FnMut()>,
}

impl Buffer {
    fn new(dropped: impl FnMut() + 'static) -> Self {
        Self { bytes: NonNull::from(Box::leak(Box::new([0; 8]))), dropped: Box::new(dropped) }
    }

    /// Makes a buffer that adds 1 to a counter when it is dropped.
    fn counted(count: &Rc<Cell<usize>>) -> Self {
        let count = Rc::clone(count);
        Self::new(move || count.set(count.get() + 1))
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let address = self.bytes.addr().get();
        let in_use = Kernel::current().is_some_and(|kernel| kernel.uses_memory(address, 8));
        assert!(!in_use, "a buffer is dropped that the kernel uses");
        (self.dropped)();
        // SAFETY: `bytes` comes from `Box::leak`, and was not freed before.
        drop(unsafe { Box::from_raw(self.bytes.as_ptr()) });
    }
}

// SAFETY: (1) to (3) the bytes are in a separate box, which only this value points to, and which is
// freed when it is dropped; (4) the methods return the address and a constant; (5) all values have
// the same length.
unsafe impl IoBuf for Buffer {
    fn io_ptr(&mut self) -> *mut u8 {
        self.bytes.as_ptr().cast()
    }

    fn io_len(&self) -> usize {
        8
    }
}

// SAFETY: `io_ptr` and `io_len` are the address and the length of the bytes.
unsafe impl IoBytes for Buffer {}

// SAFETY: the value owns the box, whose bytes are valid for writes.
unsafe impl IoBufMut for Buffer {}

/// A kernel with a file of zeros and a pipe, on which requests are executed when the test says so.
struct World {
    kernel: Kernel,
    file: i32,
    reader: i32,
    writer: i32,
    /// The number of owners of files.
    owners: Rc<Cell<usize>>,
    /// The number of buffers that were dropped.
    dropped: Rc<Cell<usize>>,
}

impl World {
    /// Runs a test on a kernel that executes transfers during `io_submit`.
    fn run(test: impl FnOnce(&Self)) {
        let kernel = Kernel::quiet();
        let file = kernel.regular(&[7; 64], Mode::BOTH);
        let (reader, writer) = kernel.pipe();
        let world = Self {
            kernel: kernel.clone(),
            file,
            reader,
            writer,
            owners: Rc::default(),
            dropped: Rc::default(),
        };
        kernel.run(|| test(&world));
        assert_eq!(world.owners.get(), 0, "owners of files at the end");
    }

    fn file(&self, fd: i32) -> RawFile<Owner> {
        // SAFETY: the number is passed to the fake kernel only, which does not close it.
        unsafe { RawFile::new(fd, Owner::new(&self.owners)) }
    }

    fn buffer(&self) -> Buffer {
        Buffer::counted(&self.dropped)
    }

    /// Makes a request that completes during `io_submit`.
    fn read(&self) -> Request<Owner, Buffer> {
        Request::read(self.file(self.file), self.buffer(), 0)
    }

    /// Makes a request that completes when the pipe is filled.
    fn poll(&self) -> Request<Owner, Buffer, (), crate::op::Poll> {
        Request::poll(self.file(self.reader)).events(PollEvents::IN).with_buf(self.buffer())
    }

    /// Makes the polls in flight complete.
    fn fill_pipe(&self) {
        self.kernel.send(self.writer, b"x");
    }
}

type TestDriver = Driver<Buffer, Owner, Local>;

/// Polls a future once.
fn poll<T: Future + Unpin>(future: &mut T, waker: &Waker) -> Poll<T::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// Returns the completion of a request that has completed.
fn ready<S: Sharing>(op: &mut Op<'_, Buffer, Owner, S>) -> Completion<Buffer, ()> {
    match poll(op, Waker::noop()) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("the request has not completed"),
    }
}

/// Starts a request, for which there is room.
fn start<O, S: Sharing>(
    driver: &Driver<Buffer, Owner, S>,
    request: Request<Owner, Buffer, (), O>,
) -> Op<'_, Buffer, Owner, S> {
    let started: Result<_, StartError> = driver.start(request);
    started.expect("room for the request")
}
