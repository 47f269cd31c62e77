//! Dropping or closing a context with direct reads in flight waits for the kernel, and only then drops
//! the buffers: each buffer records its content when it is dropped.

use crate::support::{direct_file_with, leaked, pattern, skip};
use linux_aio::{Batch, Context, ContextError, IoBuf, IoBufMut, IoBytes, PageBuf, Request};
use std::{
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

const BLOCK: usize = 2 << 20;
const BLOCKS: usize = 8;

/// A buffer that records its content when it is dropped.
struct RecordingBuf {
    bytes: &'static mut [u8],
    dropped: Arc<Mutex<Vec<Vec<u8>>>>,
}

// SAFETY: as for `&mut [u8]`, which it consists of.
unsafe impl IoBuf for RecordingBuf {
    fn io_ptr(&mut self) -> *mut u8 {
        self.bytes.io_ptr()
    }
    fn io_len(&self) -> usize {
        self.bytes.io_len()
    }
}

// SAFETY: as for `&mut [u8]`.
unsafe impl IoBytes for RecordingBuf {}

// SAFETY: as for `&mut [u8]`.
unsafe impl IoBufMut for RecordingBuf {}

impl Drop for RecordingBuf {
    fn drop(&mut self) {
        self.dropped.lock().unwrap().push(self.bytes.to_vec());
        // Nothing may write here from now on.
        self.bytes.fill(0xee);
    }
}

/// Ends a context by `end` with reads in flight, and checks that each buffer was dropped once, when
/// its read had completed.
fn check_end(end: impl Fn(Context<RecordingBuf, ()>)) {
    let content = pattern(BLOCKS * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    for _attempt in 0..10 {
        let mut cx = Context::<RecordingBuf, ()>::new(BLOCKS).unwrap();
        let mut batch = Batch::<_, _, _, BLOCKS>::new();
        let dropped = Arc::new(Mutex::new(Vec::new()));
        let mut memory = Vec::new();
        for number in 0..BLOCKS {
            let bytes = leaked(BLOCK);
            memory.push(bytes.as_ptr());
            let buf = RecordingBuf { bytes, dropped: Arc::clone(&dropped) };
            batch.push(Request::read(&file, buf, (number * BLOCK) as u64)).unwrap();
        }
        cx.submit(&mut batch).unwrap();
        let in_flight = BLOCKS - cx.reap().unwrap().len();

        end(cx);
        let dropped = dropped.lock().unwrap();
        assert_eq!(dropped.len(), BLOCKS, "each buffer was dropped once");
        for content in content.chunks(BLOCK) {
            assert!(dropped.iter().any(|bytes| *bytes == *content), "its read had completed");
        }
        thread::sleep(Duration::from_millis(20));
        for address in memory {
            // SAFETY: leaked above, and the buffer was dropped.
            let now = unsafe { std::slice::from_raw_parts(address, BLOCK) };
            assert!(now.iter().all(|&byte| byte == 0xee), "nothing writes there afterwards");
        }
        if in_flight > 0 {
            return;
        }
    }
    skip("all reads had completed before the context was ended");
}

#[test]
fn drop_waits_for_reads() {
    check_end(drop);
}

#[test]
fn close_waits_for_reads() {
    check_end(|cx| cx.close().unwrap());
}

#[test]
fn drop_in_other_thread_waits_for_reads() {
    check_end(|cx| thread::spawn(move || drop(cx)).join().unwrap());
}

#[test]
fn panic_waits_for_reads() {
    check_end(|cx| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _cx = cx;
            panic!("on purpose");
        }))
        .unwrap_err();
    });
}

#[test]
fn close_of_idle_context_succeeds() {
    Context::<PageBuf, ()>::new(1).unwrap().close().unwrap();
}

#[test]
fn buffers_are_leaked_when_io_destroy_fails() {
    let content = pattern(BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let dropped = Arc::new(Mutex::new(Vec::new()));
    let bytes = leaked(BLOCK);
    crate::support::in_thread(|| {
        let mut cx = Context::<RecordingBuf, ()>::new(1).unwrap();
        let mut batch = Batch::<_, _, _, 1>::new();
        let buf = RecordingBuf { bytes, dropped: Arc::clone(&dropped) };
        batch.push(Request::read(&file, buf, 0)).unwrap();
        cx.submit(&mut batch).unwrap();
        crate::support::forbid(libc::SYS_io_destroy, &[], libc::EPERM);
        let error = cx.close().unwrap_err();
        assert_eq!(error, ContextError::Os { call: "io_destroy", errno: linux_aio::Errno::EPERM });
    });
    assert!(dropped.lock().unwrap().is_empty());
}
