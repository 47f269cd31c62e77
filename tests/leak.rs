//! Leaking a context with requests in flight is safe: buffers and pages are leaked with it.

use crate::support::{direct_file_with, leaked, pattern};
use linux_aio::{Batch, Context, Request};
use std::{rc::Rc, thread, time::Duration};

const BLOCK: usize = 1 << 20;

#[test]
fn a_forgotten_context() {
    let content = pattern(4 * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let mut cx = Context::<&'static mut [u8], Rc<()>, 4>::new().unwrap();
    let mut batch = Batch::<_, _, 4>::new();
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

    // The kernel goes on writing, to memory that is nobody else's.
    for (address, content) in addresses.into_iter().zip(content.chunks(BLOCK)) {
        for round in 0.. {
            // SAFETY: leaked above; the only other access is the kernel's. The copy is checked only
            // to see when that is over.
            let now = unsafe { std::slice::from_raw_parts(address, BLOCK) }.to_vec();
            if now == content {
                break;
            }
            assert!(round < 1000, "the read was not completed in ten seconds");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_forgotten_batch_and_a_forgotten_request() {
    let tag = Rc::new(());
    let file = crate::support::file_with(b"hello");
    let mut batch = Batch::<_, _, 2>::new();
    batch.push(Request::read(&file, vec![0; 5], 0).tag(Rc::clone(&tag))).unwrap();
    std::mem::forget(batch);
    std::mem::forget(Request::read(&file, vec![0; 5], 0).tag(Rc::clone(&tag)));
    assert_eq!(Rc::strong_count(&tag), 3);
}
