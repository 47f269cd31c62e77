//! Threads with a context each: each gets all of its own completions and no others, also while the
//! other thread makes and closes contexts.

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

/// A file in which each block has the mark and the number of the block.
fn marked(mark: u8, make: impl Fn(&[u8]) -> Option<File>) -> Option<File> {
    let content = (0..BLOCKS).flat_map(|block| [[mark, block as u8]; BLOCK / 2]).flatten();
    make(&content.collect::<Vec<_>>())
}

/// Reads through a new context, and checks that each block has the mark.
fn read(mark: u8, file: &File, rounds: usize) {
    let mut cx = Context::<PageBuf, usize>::new(BLOCKS).unwrap();
    let mut batch = Batch::<_, _, _, BLOCKS>::new();
    let mut ledger = Ledger::default();
    for round in 0..rounds {
        for block in 0..BLOCKS {
            let buf = PageBuf::new(BLOCK).unwrap();
            let tag = round * BLOCKS + block;
            ledger.add(tag, &buf);
            batch.push(Request::read(file, buf, (block * BLOCK) as u64).tag(tag)).unwrap();
        }
        cx.submit(&mut batch).unwrap();
        while cx.outstanding() > 0 {
            for done in cx.wait(1, None).unwrap() {
                ledger.complete(done.tag, &done.buf);
                assert_eq!(done.result, Ok(BLOCK));
                let block = (done.tag % BLOCKS) as u8;
                assert!(done.buf.chunks(2).all(|bytes| bytes == [mark, block]));
            }
        }
    }
    assert_eq!(ledger.finish(), rounds * BLOCKS);
    assert_eq!(cx.stats().spurious, 0);
    cx.close().unwrap();
}

#[test]
fn two_threads_get_their_own_completions() {
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
fn contexts_end_while_other_thread_reads() {
    let file = marked(b'a', |content| Some(file_with(content))).unwrap();
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // The ring of the next one is mapped at the same address.
            for _ in 0..10 {
                read(b'a', &file, 1);
            }
            ended.store(true, Ordering::Relaxed);
        });
        let mut rounds = 0;
        while !ended.load(Ordering::Relaxed) {
            read(b'a', &file, 10);
            rounds += 1;
        }
        assert!(rounds > 0);
    });
}
