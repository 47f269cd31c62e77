//! Direct reads that are in flight while the process forks. Before pages were pinned (Linux 6.5; on some
//! file systems later), such a read loses its bytes if it covers only a part of a page and the rest of
//! the page is written to after the fork. Reads into whole pages that hold nothing else lose nothing, on
//! any kernel.

use crate::support::{Child, direct_file_with, pattern};
use linux_aio::{Batch, Context, PageBuf, Request};
use std::{thread, time::Duration};

const BLOCK: usize = 16 << 10;
const BLOCKS: usize = 64;

#[test]
fn reads_into_whole_pages_survive_fork() {
    let content = pattern(BLOCK * BLOCKS);
    let Some(file) = direct_file_with(&content) else { return };
    let mut cx = Context::<PageBuf, usize>::new(BLOCKS).unwrap();
    let mut batch = Batch::<_, _, _, BLOCKS>::new();
    let mut in_flight = 0;
    for round in 0..20 {
        let mut bufs = (0..BLOCKS).map(|_| PageBuf::new(BLOCK).unwrap()).collect::<Vec<_>>();
        // The pages exist before the fork, so that parent and child share them after it.
        bufs.iter_mut().for_each(|buf| buf.fill(0xee));
        for (tag, buf) in bufs.into_iter().enumerate() {
            batch.push(Request::read(&file, buf, (tag * BLOCK) as u64).tag(tag)).unwrap();
        }
        assert_eq!(cx.submit(&mut batch).unwrap().accepted, BLOCKS);
        // It keeps its copy of the pages until all has been checked.
        let child = Child::new(|| thread::sleep(Duration::from_secs(60)));
        let completed = cx.reap().unwrap().len();
        in_flight += BLOCKS - completed;
        for done in cx.wait_all(None).unwrap() {
            assert_eq!(done.result, Ok(BLOCK));
            assert!(done.buf[..] == content[done.tag * BLOCK..][..BLOCK], "round {round}: lost");
        }
        child.kill();
    }
    println!("{in_flight} of {} reads were in flight after the fork", 20 * BLOCKS);
}
