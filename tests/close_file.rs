//! The kernel has its own reference to the file: closing it after submit, or putting another file
//! in its place, changes nothing.

use crate::support::{direct_file_with, file_with, pattern};
use linux_aio::{Batch, Context, PageBuf, Request};
use std::os::fd::AsRawFd as _;

const BLOCK: usize = 1 << 20;

fn submitted(file: &std::fs::File) -> Context<PageBuf, usize, 4> {
    let mut cx = Context::new().unwrap();
    let mut batch = Batch::<_, _, 4>::new();
    for number in 0..4 {
        let buf = PageBuf::new(BLOCK).unwrap();
        batch.push(Request::read(file, buf, (number * BLOCK) as u64).tag(number)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    cx
}

fn check(mut cx: Context<PageBuf, usize, 4>, content: &[u8]) {
    assert_eq!(cx.in_flight(), 4);
    for done in cx.wait(4, None).unwrap() {
        assert_eq!(done.result, Ok(BLOCK));
        assert!(done.buf[..] == content[done.tag * BLOCK..][..BLOCK]);
    }
    assert_eq!(cx.in_flight(), 0);
}

#[test]
fn closed_right_after_submit() {
    let content = pattern(4 * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let cx = submitted(&file);
    drop(file);
    check(cx, &content);
}

#[test]
fn replaced_right_after_submit() {
    let content = pattern(4 * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let other = file_with(&vec![0xee; 4 * BLOCK]);
    let cx = submitted(&file);
    // SAFETY: both are open; `file` keeps its number and owns what is there now.
    assert_eq!(unsafe { libc::dup2(other.as_raw_fd(), file.as_raw_fd()) }, file.as_raw_fd());
    check(cx, &content);
}
