//! io_uring, by the crate `io-uring`.

use super::{LARGEST, MOST, Round, Whole, buffers};
use anyhow::{Context as _, Result, ensure};
use io_uring::{IoUring, opcode, types};
use linux_aio::PageBuf;
use std::{io, os::fd::AsRawFd as _};

pub(super) struct Uring {
    ring: IoUring,
    bufs: Vec<PageBuf>,
}

impl Uring {
    pub(super) fn new() -> Result<Self> {
        let ring = IoUring::new(MOST as u32).context("io_uring is not available here")?;
        Ok(Self { ring, bufs: buffers()? })
    }
}

impl Round for Uring {
    fn read(&mut self, files: &[Whole]) -> Result<()> {
        let opened = files.iter().map(Whole::open).collect::<Result<Vec<_>>>()?;
        for (index, (file, buf)) in opened.iter().zip(&mut self.bufs).enumerate() {
            let file = types::Fd(file.as_raw_fd());
            let read = opcode::Read::new(file, buf.as_mut_ptr(), LARGEST as u32 + 1).build();
            // SAFETY: file and buffer stay as they are until the read is over; if one fails, the
            // process ends.
            unsafe { self.ring.submission().push(&read.user_data(index as u64)) }?;
        }
        self.ring.submit_and_wait(files.len())?;
        let mut seen = 0;
        for done in self.ring.completion() {
            let bytes = usize::try_from(done.result());
            let bytes = bytes.map_err(|_| io::Error::from_raw_os_error(-done.result()))?;
            files[done.user_data() as usize].check(bytes)?;
            seen += 1;
        }
        ensure!(seen == files.len(), "io_uring: {seen} completions, not {}", files.len());
        Ok(())
    }
}
