//! A batch of 32,768 requests in a `static`, used by a thread with a stack of 128 KiB: with borrowed
//! files, and with owned ones, which `submit` takes 256 at a time.

use crate::support::file_with;
use linux_aio::{Batch, Borrowed, Context, IntoFile, Request};
use std::{
    fs::File,
    sync::{Arc, Mutex},
    thread,
};

const REQUESTS: usize = 32_768;
const STACK: usize = 128 << 10;

type Large<F> = Batch<F, Vec<u8>, usize, REQUESTS>;

/// Fills the batch, and submits it through a context of 1024.
fn submit_all<F, I: IntoFile<Owner = F>>(batch: &Mutex<Large<F>>, file: impl Fn() -> I) {
    let mut batch = batch.lock().unwrap();
    for tag in 0..REQUESTS {
        batch.push(Request::read(file(), vec![0; 1], tag as u64 % 256).tag(tag)).unwrap();
    }
    assert!(batch.is_full());
    let mut cx = Context::<Vec<u8>, usize>::new(1024).unwrap();
    let mut completed = 0;
    while completed < REQUESTS {
        assert_eq!(cx.submit(&mut batch).unwrap().accepted, 1024);
        assert_eq!(cx.last_submitted().len(), 1024);
        for done in cx.wait_all(None).unwrap() {
            assert_eq!((done.tag, usize::from(done.buf[0])), (completed, completed % 256));
            completed += 1;
        }
    }
    assert!(batch.is_empty());
}

/// Runs `f` on a small stack, with a file that has byte `n` at offset `n`.
fn on_small_stack(f: impl FnOnce(File) + Send) {
    let file = file_with(&(0..=255).collect::<Vec<u8>>());
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK);
        thread.spawn_scoped(scope, || f(file)).unwrap().join().unwrap();
    });
}

#[test]
fn large_static_batch_needs_no_stack() {
    static BATCH: Mutex<Large<Borrowed<'static>>> = Mutex::new(Batch::new());
    const { assert!(size_of::<Large<Borrowed<'static>>>() > 16 * STACK) };
    on_small_stack(|file| {
        let file: &'static File = Box::leak(Box::new(file));
        submit_all(&BATCH, || file);
    });
}

#[test]
fn large_static_batch_of_owned_files_needs_no_stack() {
    static BATCH: Mutex<Large<Arc<File>>> = Mutex::new(Batch::new());
    on_small_stack(|file| {
        let file = Arc::new(file);
        submit_all(&BATCH, || Arc::clone(&file));
        assert_eq!(Arc::strong_count(&file), 1, "all owners were dropped");
    });
}
