//! io_uring, by the crate `io-uring`: plain, and with registered buffers.

use super::{BLOCK, Engine, Job, Mode, buffers, now_ns};
use anyhow::{Context as _, Result, ensure};
use io_uring::{IoUring, opcode, squeue::Entry, types::Fd};
use linux_aio::PageBuf;
use std::{
    fs::File,
    hint, io,
    os::fd::AsRawFd as _,
    time::{Duration, Instant},
};

pub(super) struct Uring {
    // The first field, so that it is dropped first: then the kernel no longer uses the buffers.
    ring: IoUring,
    file: File,
    mode: Mode,
    bufs: Vec<PageBuf>,
    registered: bool,
    /// How long it polls the completion queue before it waits in the kernel.
    poll: Option<Duration>,
}

impl Uring {
    /// With registered buffers, or plain.
    pub(super) fn new(job: &Job, registered: bool) -> Result<Self> {
        let ring = IoUring::new(job.depth as u32).context("io_uring is not available here")?;
        let mut bufs = buffers(job.depth)?;
        if registered {
            let vectors = bufs
                .iter_mut()
                .map(|buf| libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: BLOCK });
            let vectors = vectors.collect::<Vec<_>>();
            // SAFETY: the buffers live as long as the ring.
            unsafe { ring.submitter().register_buffers(&vectors) }
                .context("io_uring: the buffers cannot be registered")?;
        }
        let file = job.mode.open(&job.path)?;
        Ok(Self { ring, file, mode: job.mode, bufs, registered, poll: None })
    }

    /// Polls the completion queue for up to this long before it waits in the kernel.
    pub(super) fn polling(job: &Job, limit: Duration) -> Result<Self> {
        Ok(Self { poll: Some(limit), ..Self::new(job, false)? })
    }

    /// Submits what is in the queue, and waits for a completion.
    fn submit_and_wait(&mut self) -> io::Result<usize> {
        let Some(limit) = self.poll else {
            return self.ring.submit_and_wait(1);
        };
        let submitted = self.ring.submit()?;
        let end = Instant::now() + limit;
        while self.ring.completion().is_empty() {
            if Instant::now() >= end {
                return self.ring.submit_and_wait(1);
            }
            hint::spin_loop();
        }
        Ok(submitted)
    }

    fn entry(&mut self, index: usize, offset: u64) -> Entry {
        let (file, buf) = (Fd(self.file.as_raw_fd()), self.bufs[index].as_mut_ptr());
        let (size, number) = (BLOCK as u32, index as u16);
        let entry = match (self.mode, self.registered) {
            (Mode::DirectWrites, false) => {
                opcode::Write::new(file, buf, size).offset(offset).build()
            }
            (Mode::DirectWrites, true) => {
                opcode::WriteFixed::new(file, buf, size, number).offset(offset).build()
            }
            (_, false) => opcode::Read::new(file, buf, size).offset(offset).build(),
            (_, true) => opcode::ReadFixed::new(file, buf, size, number).offset(offset).build(),
        };
        entry.user_data(index as u64)
    }
}

impl Engine for Uring {
    fn run(&mut self, offsets: &[u64], took_ns: &mut Vec<u64>) -> Result<()> {
        let mut offsets = offsets.iter();
        let mut vacant = (0..self.bufs.len()).collect::<Vec<_>>();
        let mut started_ns = vec![0; self.bufs.len()];
        loop {
            let start_ns = now_ns();
            while !vacant.is_empty()
                && let Some(&offset) = offsets.next()
                && let Some(index) = vacant.pop()
            {
                let entry = self.entry(index, offset);
                // SAFETY: file and buffer stay as they are until the completion; if a request fails,
                // the process ends.
                unsafe { self.ring.submission().push(&entry) }?;
                started_ns[index] = start_ns;
            }
            if vacant.len() == self.bufs.len() {
                return Ok(());
            }
            match self.submit_and_wait() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                submitted => submitted?,
            };
            let end_ns = now_ns();
            for done in self.ring.completion() {
                let index = done.user_data() as usize;
                ensure!(
                    done.result() == BLOCK as i32,
                    "io_uring: a transfer ended with {}",
                    done.result()
                );
                took_ns.push(end_ns - started_ns[index]);
                vacant.push(index);
            }
        }
    }
}
