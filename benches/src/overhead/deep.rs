//! The loop with many requests in flight, and of many files, on this crate's safe interface.

use anyhow::{Result, ensure};
use linux_aio::{Batch, Context, Fd, Request};
use std::os::fd::BorrowedFd;

/// The largest batch here.
const BATCH: usize = 64;

/// A context, and the buffers that are not in flight.
pub(super) struct Deep {
    cx: Context<&'static mut [u8], usize>,
    free: Vec<&'static mut [u8]>,
}

impl Deep {
    /// For so many requests in flight, each of which reads `size` bytes. All of `memory` is theirs, and
    /// is never freed.
    pub(super) fn new(in_flight: usize, size: usize, memory: Vec<u8>) -> Result<Self> {
        let bufs = memory.leak().chunks_exact_mut(size);
        Ok(Self { cx: Context::new(in_flight)?, free: bufs.take(in_flight).collect() })
    }

    /// Reads so many times, from one file after the other, with as many requests in flight as the context
    /// has room for. `at_once` completions are taken at a time, and as many requests submitted.
    pub(super) fn read(
        &mut self,
        files: &[BorrowedFd<'_>],
        reads: usize,
        at_once: usize,
    ) -> Result<()> {
        let (mut file, mut started) = (0, 0);
        let mut batch = Batch::<_, _, _, BATCH>::new();
        while started < reads || self.cx.outstanding() > 0 {
            if started < reads {
                for _ in 0..at_once {
                    let Some(buf) = self.free.pop() else { break };
                    let request = Request::read(Fd::from(files[file]), buf, 0).tag(started);
                    batch.push(request)?;
                    file = if file + 1 == files.len() { 0 } else { file + 1 };
                }
                started += batch.len();
                self.cx.submit(&mut batch)?;
            }
            if started >= reads || self.cx.outstanding() == self.cx.capacity() {
                for done in self.cx.wait(at_once, None)?.take(at_once) {
                    let right = done.result? == done.buf.len() && done.tag <= started;
                    ensure!(right, "another read completed");
                    self.free.push(done.buf);
                }
            }
        }
        Ok(())
    }
}
