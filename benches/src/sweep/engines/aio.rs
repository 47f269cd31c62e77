//! This crate.

use super::{BLOCK, Engine, Job, MOST, Mode, buffers, now_ns};
use anyhow::{Result, ensure};
use linux_aio::{Batch, BusyPoll, Context, PageBuf, Request};
use std::fs::File;

pub(super) struct Aio {
    file: File,
    mode: Mode,
    cx: Context<PageBuf, u64>,
    /// Those that are not in flight, of as many as there may be requests.
    free: Vec<PageBuf>,
}

impl Aio {
    /// With the completion ring, or by `io_getevents` only.
    pub(super) fn new(job: &Job, ring: bool) -> Result<Self> {
        let mut cx = Context::new(MOST)?;
        cx.use_ring(ring);
        ensure!(cx.reads_ring() == ring, "the completion ring cannot be read here");
        let (file, mode) = (job.mode.open(&job.path)?, job.mode);
        Ok(Self { file, mode, cx, free: buffers(job.depth)? })
    }

    /// With the completion ring, which waits poll before they sleep.
    pub(super) fn polling(job: &Job, busy_poll: BusyPoll) -> Result<Self> {
        let mut aio = Self::new(job, true)?;
        aio.cx.set_busy_poll(busy_poll);
        Ok(aio)
    }
}

impl Engine for Aio {
    fn run(&mut self, offsets: &[u64], took_ns: &mut Vec<u64>) -> Result<()> {
        let Self { file, mode, cx, free } = self;
        let mut offsets = offsets.iter();
        let mut batch = Batch::<_, _, _, MOST>::new();
        loop {
            let start_ns = now_ns();
            while !free.is_empty()
                && let Some(&offset) = offsets.next()
                && let Some(buf) = free.pop()
            {
                let request = match mode {
                    Mode::DirectWrites => Request::write(&*file, buf, offset),
                    Mode::DirectReads | Mode::CachedReads => Request::read(&*file, buf, offset),
                };
                batch.push(request.tag(start_ns))?;
            }
            cx.submit(&mut batch)?;
            if cx.outstanding() == 0 {
                return Ok(());
            }
            let completions = cx.wait(1, None)?;
            let end_ns = now_ns();
            for done in completions {
                ensure!(done.result? == BLOCK, "a transfer was short");
                took_ns.push(end_ns - done.tag);
                free.push(done.buf);
            }
        }
    }
}
