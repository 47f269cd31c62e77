//! Blocking `open` and `read`, one file after the other.

use super::{Round, Whole, buffers};
use anyhow::Result;
use linux_aio::PageBuf;
use std::io::Read as _;

pub(super) struct Blocking {
    bufs: Vec<PageBuf>,
}

impl Blocking {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { bufs: buffers()? })
    }
}

impl Round for Blocking {
    fn read(&mut self, files: &[Whole]) -> Result<()> {
        // All are open at the same time, as for the other participants.
        let opened = files.iter().map(Whole::open).collect::<Result<Vec<_>>>()?;
        for ((mut opened, file), buf) in opened.into_iter().zip(files).zip(&mut self.bufs) {
            file.check(opened.read(buf)?)?;
        }
        Ok(())
    }
}
