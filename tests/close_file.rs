//! The kernel keeps its own reference to the file: direct reads in flight complete with its data,
//! though the descriptor is closed or replaced right after submit.

use crate::support::{direct_file_with, file_with, pattern};
use linux_aio::{Batch, Context, PageBuf, Request};
use std::os::fd::AsRawFd as _;

const BLOCK: usize = 1 << 20;

fn submitted(file: &std::fs::File) -> Context<PageBuf, usize> {
    let mut cx = Context::new(4).unwrap();
    let mut batch = Batch::<_, _, _, 4>::new();
    for number in 0..4 {
        let buf = PageBuf::new(BLOCK).unwrap();
        batch.push(Request::read(file, buf, (number * BLOCK) as u64).tag(number)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    cx
}

fn check(mut cx: Context<PageBuf, usize>, content: &[u8]) {
    assert_eq!(cx.outstanding(), 4);
    for done in cx.wait(4, None).unwrap() {
        assert_eq!(done.result, Ok(BLOCK));
        assert!(done.buf[..] == content[done.tag * BLOCK..][..BLOCK]);
    }
    assert_eq!(cx.outstanding(), 0);
}

#[test]
fn reads_complete_after_file_is_closed() {
    let content = pattern(4 * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let cx = submitted(&file);
    drop(file);
    check(cx, &content);
}

#[test]
fn reads_complete_after_descriptor_is_replaced() {
    let content = pattern(4 * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let other = file_with(&vec![0xee; 4 * BLOCK]);
    let cx = submitted(&file);
    // SAFETY: both are open; `file` owns the same number afterwards.
    assert_eq!(unsafe { libc::dup2(other.as_raw_fd(), file.as_raw_fd()) }, file.as_raw_fd());
    check(cx, &content);
}
