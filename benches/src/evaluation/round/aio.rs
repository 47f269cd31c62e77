//! This crate.

use super::{MOST, Round, Whole, buffers};
use anyhow::{Result, ensure};
use linux_aio::{Batch, Context, PageBuf, Request};
use std::mem;

pub(super) struct Aio {
    cx: Context<PageBuf, usize>,
    /// One for each file. While a buffer is in flight, there is an empty one in its place.
    bufs: Vec<PageBuf>,
}

impl Aio {
    /// With the completion ring, or by `io_getevents` only.
    pub(super) fn new(ring: bool) -> Result<Self> {
        let mut cx = Context::new(MOST)?;
        cx.use_ring(ring);
        ensure!(cx.reads_ring() == ring, "the completion ring cannot be read here");
        Ok(Self { cx, bufs: buffers()? })
    }
}

impl Round for Aio {
    fn read(&mut self, files: &[Whole]) -> Result<()> {
        let opened = files.iter().map(Whole::open).collect::<Result<Vec<_>>>()?;
        let mut batch = Batch::<_, _, _, MOST>::new();
        for (index, (file, buf)) in opened.iter().zip(&mut self.bufs).enumerate() {
            let buf = mem::take(buf);
            batch.push(Request::read(file, buf, 0).tag(index))?;
        }
        self.cx.submit(&mut batch)?;
        while self.cx.outstanding() > 0 {
            for done in self.cx.wait_all(None)? {
                files[done.tag].check(done.result?)?;
                self.bufs[done.tag] = done.buf;
            }
        }
        Ok(())
    }
}
