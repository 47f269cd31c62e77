//! A context, without futures.

use super::Participant;
use crate::futures::work::{BLOCK, Item, Job, Work};
use anyhow::{Context as _, Result, bail, ensure};
use linux_aio::{Batch, Context, PageBuf, Request};
use std::{fs::File, sync::Arc, time::Instant};

/// The most requests in flight.
const MOST: usize = 1024;

/// A loop that submits and waits.
pub(super) struct Loop {
    file: File,
    cx: Context<PageBuf, Instant>,
    free: Vec<PageBuf>,
    /// How often it has submitted.
    submits: u64,
}

impl Loop {
    pub(super) fn new(job: &Job) -> Result<Self> {
        ensure!(job.tasks <= MOST, "at most {MOST} requests in flight");
        let file = job.open()?.context("the loop reads blocks only")?;
        Ok(Self { file, cx: Context::new(job.tasks)?, free: job.buffers()?, submits: 0 })
    }
}

impl Participant for Loop {
    fn run(&mut self, work: &Arc<Work>) -> Result<Vec<u64>> {
        let Self { file, cx, free, submits } = self;
        let mut took_ns = Vec::new();
        let mut batch = Batch::<_, _, _, MOST>::new();
        loop {
            while !free.is_empty()
                && let Some(item) = work.take()
                && let Some(buf) = free.pop()
            {
                let Item::Block(offset) = item else { bail!("the loop reads blocks only") };
                batch.push(Request::read(&*file, buf, offset).tag(Instant::now()))?;
            }
            *submits += u64::from(!batch.is_empty());
            cx.submit(&mut batch)?;
            if cx.outstanding() == 0 {
                return Ok(took_ns);
            }
            for done in cx.wait(1, None)? {
                ensure!(done.result? == BLOCK, "a read was short");
                took_ns.push(done.tag.elapsed().as_nanos() as u64);
                free.push(done.buf);
            }
        }
    }

    fn submitted(&self) -> Option<[u64; 2]> {
        Some([self.cx.stats().accepted, self.submits])
    }
}
