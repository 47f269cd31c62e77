//! The loop on this crate's safe interface.

use super::MOST;
use anyhow::{Result, ensure};
use linux_aio::{Batch, Context, PageBuf, Request};
use std::fs::File;

/// A context and the buffers that are not in flight. A request owns its buffer and its tag, and both
/// come back.
pub(super) struct Safe {
    cx: Context<PageBuf, usize>,
    free: Vec<PageBuf>,
    size: usize,
}

impl Safe {
    /// With the completion ring, or by `io_getevents`, for reads of so many bytes.
    pub(super) fn new(ring: bool, size: usize) -> Result<Self> {
        let mut cx = Context::new(MOST)?;
        cx.use_ring(ring);
        ensure!(cx.reads_ring() == ring, "the completion ring cannot be read here");
        let free = (0..MOST).map(|_| PageBuf::new(size)).collect::<Result<_, _>>()?;
        Ok(Self { cx, free, size })
    }

    /// Reads the first block of the file so many times, `at_once` in a batch.
    #[inline(never)]
    pub(super) fn read(&mut self, file: &File, reads: usize, at_once: usize) -> Result<()> {
        let mut batch = Batch::<_, _, _, MOST>::new();
        for round in 0..reads / at_once {
            for _ in 0..at_once {
                let Some(buf) = self.free.pop() else { break };
                batch.push(Request::read(file, buf, 0).tag(round))?;
            }
            self.cx.submit(&mut batch)?;
            for done in self.cx.wait(at_once, None)? {
                ensure!(done.result? == self.size && done.tag == round, "another read completed");
                self.free.push(done.buf);
            }
        }
        Ok(())
    }

    /// How many system calls have been made.
    pub(super) fn system_calls(&self) -> u64 {
        self.cx.stats().system_calls
    }
}
