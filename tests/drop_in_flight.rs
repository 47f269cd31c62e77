//! Dropping or closing a context with requests in flight waits for the kernel, and only then drops
//! the buffers.

use crate::support::{direct_file_with, leaked, pattern, skip};
use linux_aio::{Batch, Context, ContextError, IoBuf, IoBufMut, IoBytes, PageBuf, Request};
use std::{
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

const BLOCK: usize = 2 << 20;
const BLOCKS: usize = 8;

/// A buffer that notes, when it is dropped, what is in it.
struct Witness {
    bytes: &'static mut [u8],
    dropped: Arc<Mutex<Vec<Vec<u8>>>>,
}

// SAFETY: as for `&mut [u8]`, which it consists of.
unsafe impl IoBuf for Witness {
    fn io_ptr(&mut self) -> *mut u8 {
        self.bytes.io_ptr()
    }
    fn io_len(&self) -> usize {
        self.bytes.io_len()
    }
}

// SAFETY: as for `&mut [u8]`.
unsafe impl IoBytes for Witness {
    fn io_bytes(&self) -> &[u8] {
        self.bytes
    }
}

// SAFETY: as for `&mut [u8]`.
unsafe impl IoBufMut for Witness {}

impl Drop for Witness {
    fn drop(&mut self) {
        self.dropped.lock().unwrap().push(self.bytes.to_vec());
        // Whoever writes here from now on has no right to.
        self.bytes.fill(0xee);
    }
}

/// Ends a context by `end` while it reads, and checks what was dropped, when.
fn ended_by(end: impl Fn(Context<Witness, (), BLOCKS>)) {
    let content = pattern(BLOCKS * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    for _attempt in 0..10 {
        let mut cx = Context::<Witness, (), BLOCKS>::new().unwrap();
        let mut batch = Batch::<_, _, BLOCKS>::new();
        let dropped = Arc::new(Mutex::new(Vec::new()));
        let mut memory = Vec::new();
        for number in 0..BLOCKS {
            let bytes = leaked(BLOCK);
            memory.push(bytes.as_ptr());
            let buf = Witness { bytes, dropped: Arc::clone(&dropped) };
            batch.push(Request::read(&file, buf, (number * BLOCK) as u64)).unwrap();
        }
        cx.submit(&mut batch).unwrap();
        let in_flight = BLOCKS - cx.reap().unwrap().len();

        end(cx);
        let dropped = dropped.lock().unwrap();
        assert_eq!(dropped.len(), BLOCKS, "each buffer was dropped once");
        for content in content.chunks(BLOCK) {
            assert!(dropped.iter().any(|bytes| *bytes == *content), "its read was over by then");
        }
        thread::sleep(Duration::from_millis(20));
        for address in memory {
            // SAFETY: leaked above, and the witness is gone.
            let now = unsafe { std::slice::from_raw_parts(address, BLOCK) };
            assert!(now.iter().all(|&byte| byte == 0xee), "nobody writes there afterwards");
        }
        if in_flight > 0 {
            return;
        }
    }
    skip("all reads were over before the context could be ended");
}

#[test]
fn by_drop() {
    ended_by(drop);
}

#[test]
fn by_close() {
    ended_by(|cx| cx.close().unwrap());
}

#[test]
fn by_drop_in_another_thread() {
    ended_by(|cx| thread::spawn(move || drop(cx)).join().unwrap());
}

#[test]
fn by_panic() {
    ended_by(|cx| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _cx = cx;
            panic!("on purpose");
        }))
        .unwrap_err();
    });
}

#[test]
fn closing_an_idle_context() {
    Context::<PageBuf, (), 1>::new().unwrap().close().unwrap();
}

#[test]
fn where_the_kernel_cannot_tell_buffers_are_leaked() {
    let content = pattern(BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let dropped = Arc::new(Mutex::new(Vec::new()));
    let bytes = leaked(BLOCK);
    crate::support::in_thread(|| {
        let mut cx = Context::<Witness, (), 1>::new().unwrap();
        let mut batch = Batch::<_, _, 1>::new();
        batch
            .push(Request::read(&file, Witness { bytes, dropped: Arc::clone(&dropped) }, 0))
            .unwrap();
        cx.submit(&mut batch).unwrap();
        crate::support::forbid(libc::SYS_io_destroy, &[], libc::EPERM);
        let error = cx.close().unwrap_err();
        assert_eq!(error, ContextError::Os { call: "io_destroy", errno: linux_aio::Errno::EPERM });
    });
    assert!(dropped.lock().unwrap().is_empty());
}
