//! This crate.

use super::{MOST, Round, Whole, buffers, open};
use anyhow::{Context as _, Result, ensure};
use linux_aio::{Batch, Context, Error, PageBuf, Request};

pub(super) struct Aio {
    cx: Context<PageBuf, usize, MOST>,
    free: Vec<PageBuf>,
}

impl Aio {
    /// With the completion ring, or by `io_getevents` alone.
    pub(super) fn new(ring: bool) -> Result<Self> {
        let mut cx = Context::new()?;
        ensure!(cx.set_ring(ring) == ring, "the completion ring cannot be read here");
        Ok(Self { cx, free: buffers()? })
    }
}

impl Round for Aio {
    fn read(&mut self, files: &[Whole]) -> Result<()> {
        let opened = files.iter().map(|file| open(&file.path)).collect::<Result<Vec<_>>>()?;
        let mut batch = Batch::<_, _, MOST>::new();
        for (index, file) in opened.iter().enumerate() {
            let buf = self.free.pop().context("more files than buffers")?;
            batch.push(Request::read(file, buf, 0).tag(index)).map_err(Error::from)?;
        }
        self.cx.submit(&mut batch)?;
        while self.cx.in_flight() > 0 {
            for done in self.cx.wait(self.cx.in_flight(), None)? {
                files[done.tag].check(done.result?)?;
                self.free.push(done.buf);
            }
        }
        Ok(())
    }
}
