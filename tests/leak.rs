//! Leaking a context with direct reads in flight is safe: its buffers and pages are leaked with it,
//! and the kernel goes on writing to them.

use crate::support::{direct_file_with, leaked, pattern};
use linux_aio::{Batch, Context, Request};
use std::{rc::Rc, thread, time::Duration};

const BLOCK: usize = 1 << 20;

#[test]
fn forgotten_context_keeps_buffers() {
    let content = pattern(4 * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let mut cx = Context::<&'static mut [u8], Rc<()>>::new(4).unwrap();
    let mut batch = Batch::<_, _, _, 4>::new();
    let tag = Rc::new(());
    let mut addresses = Vec::new();
    for number in 0..4 {
        let buf = leaked(BLOCK);
        addresses.push(buf.as_ptr());
        batch
            .push(Request::read(&file, buf, (number * BLOCK) as u64).tag(Rc::clone(&tag)))
            .unwrap();
    }
    cx.submit(&mut batch).unwrap();
    std::mem::forget(cx);
    assert_eq!(Rc::strong_count(&tag), 5, "nothing was dropped");

    // The kernel completes the reads, into memory that is never freed.
    for (address, content) in addresses.into_iter().zip(content.chunks(BLOCK)) {
        for round in 0.. {
            // SAFETY: leaked above; only the kernel accesses it besides. The copy is compared to see
            // when the read has completed.
            let now = unsafe { std::slice::from_raw_parts(address, BLOCK) }.to_vec();
            if now == content {
                break;
            }
            assert!(round < 1000, "the read did not complete within ten seconds");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn forgotten_batch_and_request_drop_nothing() {
    let tag = Rc::new(());
    let file = crate::support::file_with(b"hello");
    let mut batch = Batch::<_, _, _, 2>::new();
    batch.push(Request::read(&file, vec![0; 5], 0).tag(Rc::clone(&tag))).unwrap();
    std::mem::forget(batch);
    std::mem::forget(Request::read(&file, vec![0; 5], 0).tag(Rc::clone(&tag)));
    assert_eq!(Rc::strong_count(&tag), 3);
}
