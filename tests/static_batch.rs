//! A batch of 32,768 requests in a `static`, used by a thread with a stack of 128 KiB.

use crate::support::file_with;
use linux_aio::{Batch, Borrowed, Context, Request};
use std::{fs::File, sync::Mutex, thread};

const REQUESTS: usize = 32_768;
const STACK: usize = 128 << 10;

static BATCH: Mutex<Batch<Borrowed<'static>, Vec<u8>, usize, REQUESTS>> = Mutex::new(Batch::new());

/// Fills the batch, and submits it through a context of 1024.
fn submit_all(file: &'static File) {
    let mut batch = BATCH.lock().unwrap();
    for tag in 0..REQUESTS {
        batch.push(Request::read(file, vec![0; 1], tag as u64 % 256).tag(tag)).unwrap();
    }
    assert!(batch.is_full());
    let mut cx = Context::<Vec<u8>, usize>::new(1024).unwrap();
    let mut completed = 0;
    while completed < REQUESTS {
        cx.submit(&mut batch).unwrap();
        for done in cx.wait_all(None).unwrap() {
            assert_eq!((done.tag, usize::from(done.buf[0])), (completed, completed % 256));
            completed += 1;
        }
    }
    assert!(batch.is_empty());
}

#[test]
fn large_static_batch_needs_no_stack() {
    const { assert!(size_of::<Batch<Borrowed<'static>, Vec<u8>, usize, REQUESTS>>() > 16 * STACK) };
    let file: &'static File = Box::leak(Box::new(file_with(&(0..=255).collect::<Vec<u8>>())));
    let thread = thread::Builder::new().stack_size(STACK);
    thread.spawn(move || submit_all(file)).unwrap().join().unwrap();
}
