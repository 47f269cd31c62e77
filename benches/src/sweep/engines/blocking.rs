//! `pread` and `pwrite`: one at a time, whatever the depth.

use super::{BLOCK, Engine, Job, Mode, buffers, now_ns};
use anyhow::{Context as _, Result, ensure};
use linux_aio::PageBuf;
use std::{fs::File, os::unix::fs::FileExt as _};

pub(super) struct Blocking {
    file: File,
    mode: Mode,
    buf: PageBuf,
}

impl Blocking {
    pub(super) fn new(job: &Job) -> Result<Self> {
        let buf = buffers(1)?.pop().context("no buffer")?;
        Ok(Self { file: job.mode.open(&job.path)?, mode: job.mode, buf })
    }
}

impl Engine for Blocking {
    fn run(&mut self, offsets: &[u64], took_ns: &mut Vec<u64>) -> Result<()> {
        for &offset in offsets {
            let start_ns = now_ns();
            let bytes = match self.mode {
                Mode::DirectWrites => self.file.write_at(&self.buf, offset)?,
                Mode::DirectReads | Mode::CachedReads => {
                    self.file.read_at(&mut self.buf, offset)?
                }
            };
            ensure!(bytes == BLOCK, "a transfer was short");
            took_ns.push(now_ns() - start_ns);
        }
        Ok(())
    }
}
