//! Threads with a context each know nothing of each other: each gets its own completions, all of
//! them, also when the other's context ends meanwhile.

use crate::support::{Ledger, direct_file_with, file_with};
use linux_aio::{Batch, Context, PageBuf, Request};
use std::{
    fs::File,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

const BLOCK: usize = 4096;
const BLOCKS: usize = 16;

/// A file where each block says whose it is and which.
fn marked(mark: u8, make: impl Fn(&[u8]) -> Option<File>) -> Option<File> {
    let content = (0..BLOCKS).flat_map(|block| [[mark, block as u8]; BLOCK / 2]).flatten();
    make(&content.collect::<Vec<_>>())
}

/// Reads through a context of its own, and checks that what comes is its own.
fn read(mark: u8, file: &File, rounds: usize) {
    let mut cx = Context::<PageBuf, usize, BLOCKS>::new().unwrap();
    let mut batch = Batch::<_, _, BLOCKS>::new();
    let mut ledger = Ledger::default();
    for round in 0..rounds {
        for block in 0..BLOCKS {
            let buf = PageBuf::new(BLOCK).unwrap();
            let tag = round * BLOCKS + block;
            ledger.lend(tag, &buf);
            batch.push(Request::read(file, buf, (block * BLOCK) as u64).tag(tag)).unwrap();
        }
        cx.submit(&mut batch).unwrap();
        while cx.in_flight() > 0 {
            for done in cx.wait(1, None).unwrap() {
                ledger.take_back(done.tag, &done.buf);
                assert_eq!(done.result, Ok(BLOCK));
                let block = (done.tag % BLOCKS) as u8;
                assert!(done.buf.chunks(2).all(|bytes| bytes == [mark, block]));
            }
        }
    }
    assert_eq!(ledger.settle(), rounds * BLOCKS);
    assert_eq!(cx.stats().strays, 0);
    cx.close().unwrap();
}

#[test]
fn two_with_a_context_each() {
    for direct in [false, true] {
        let make = |content: &[u8]| {
            if direct { direct_file_with(content) } else { Some(file_with(content)) }
        };
        let files = [b'a', b'b'].map(|mark| marked(mark, make));
        let [Some(a), Some(b)] = &files else { return };
        let start = Barrier::new(2);
        thread::scope(|scope| {
            for (mark, file) in [(b'a', a), (b'b', b)] {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    read(mark, file, 100);
                });
            }
        });
    }
}

#[test]
fn one_makes_and_ends_contexts_while_the_other_reads() {
    let file = marked(b'a', |content| Some(file_with(content))).unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Where one of these was mapped, the next one is.
            for _ in 0..10 {
                read(b'a', &file, 1);
            }
            over.store(true, Ordering::Relaxed);
        });
        let mut rounds = 0;
        while !over.load(Ordering::Relaxed) {
            read(b'a', &file, 10);
            rounds += 1;
        }
        assert!(rounds > 0);
    });
}
