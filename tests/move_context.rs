//! A context moves in memory and to another thread while direct reads are in flight: they complete
//! with their data.

use crate::support::{direct_file_with, pattern};
use linux_aio::{Batch, Context, PageBuf, Request};
use std::thread;

const BLOCK: usize = 1 << 20;

type Cx = Context<PageBuf, usize>;

fn submitted(file: &std::fs::File) -> Cx {
    let mut cx = Cx::new(4).unwrap();
    let mut batch = Batch::<_, _, _, 4>::new();
    for number in 0..4 {
        let buf = PageBuf::new(BLOCK).unwrap();
        batch.push(Request::read(file, buf, (number * BLOCK) as u64).tag(number)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    cx
}

fn check(mut cx: Cx, content: &[u8]) {
    let mut seen = [false; 4];
    while cx.outstanding() > 0 {
        for done in cx.wait(1, None).unwrap() {
            assert!(done.buf[..] == content[done.tag * BLOCK..][..BLOCK]);
            assert!(!std::mem::replace(&mut seen[done.tag], true));
        }
    }
    assert_eq!(seen, [true; 4]);
}

#[test]
fn context_moves_in_memory_with_reads_in_flight() {
    let content = pattern(4 * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let boxed = Box::new(submitted(&file));
    let mut several = vec![*boxed, submitted(&file)];
    several.reserve(100);
    several.swap(0, 1);
    for cx in several {
        check(cx, &content);
    }
}

#[test]
fn context_moves_to_other_thread_with_reads_in_flight() {
    let content = pattern(4 * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    // The thread that submits ends before the reads complete.
    let cx = thread::scope(|scope| scope.spawn(|| submitted(&file)).join().unwrap());
    thread::scope(|scope| scope.spawn(|| check(cx, &content)).join().unwrap());
}

#[test]
fn context_handle_is_small() {
    let bytes = size_of::<Context<PageBuf, [u64; 100]>>();
    assert!(bytes <= 280, "{bytes} bytes");
}
