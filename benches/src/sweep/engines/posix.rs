//! POSIX AIO of the C library. It executes the requests for one descriptor one after the other.

use super::{BLOCK, Engine, Job, Mode, buffers, now_ns};
use anyhow::{Result, bail, ensure};
use linux_aio::PageBuf;
use std::{fs::File, io, mem, os::fd::AsRawFd as _, ptr};

pub(super) struct Posix {
    file: File,
    mode: Mode,
    bufs: Vec<PageBuf>,
    blocks: Box<[libc::aiocb]>,
}

impl Posix {
    pub(super) fn new(job: &Job) -> Result<Self> {
        let file = job.mode.open(&job.path)?;
        // SAFETY: an `aiocb` is plain data, and zeros are valid.
        let blocks = vec![unsafe { mem::zeroed::<libc::aiocb>() }; job.depth].into_boxed_slice();
        Ok(Self { file, mode: job.mode, bufs: buffers(job.depth)?, blocks })
    }

    fn start(&mut self, index: usize, offset: u64) -> Result<()> {
        let block = &mut self.blocks[index];
        block.aio_fildes = self.file.as_raw_fd();
        block.aio_buf = self.bufs[index].as_mut_ptr().cast();
        block.aio_nbytes = BLOCK;
        block.aio_offset = offset.cast_signed();
        block.aio_sigevent.sigev_notify = libc::SIGEV_NONE;
        // SAFETY: block and buffer stay where they are until the request is over; if one fails, the
        // process ends.
        let started = unsafe {
            match self.mode {
                Mode::DirectWrites => libc::aio_write(block),
                Mode::DirectReads | Mode::CachedReads => libc::aio_read(block),
            }
        };
        ensure!(started == 0, "POSIX AIO: {}", io::Error::last_os_error());
        Ok(())
    }
}

impl Engine for Posix {
    fn run(&mut self, offsets: &[u64], took_ns: &mut Vec<u64>) -> Result<()> {
        let mut offsets = offsets.iter();
        let mut vacant = (0..self.blocks.len()).collect::<Vec<_>>();
        let mut started_ns = vec![0; self.blocks.len()];
        let mut waited_for = vec![ptr::null::<libc::aiocb>(); self.blocks.len()];
        loop {
            let start_ns = now_ns();
            while !vacant.is_empty()
                && let Some(&offset) = offsets.next()
                && let Some(index) = vacant.pop()
            {
                self.start(index, offset)?;
                started_ns[index] = start_ns;
                waited_for[index] = &raw const self.blocks[index];
            }
            if vacant.len() == self.blocks.len() {
                return Ok(());
            }
            let count = waited_for.len() as i32;
            // SAFETY: so many pointers, null or to requests in flight; no timeout.
            if unsafe { libc::aio_suspend(waited_for.as_ptr(), count, ptr::null()) } != 0 {
                match io::Error::last_os_error() {
                    error if error.kind() == io::ErrorKind::Interrupted => continue,
                    error => bail!("aio_suspend: {error}"),
                }
            }
            let end_ns = now_ns();
            for (index, waited_for) in waited_for.iter_mut().enumerate() {
                let block = &raw mut self.blocks[index];
                // SAFETY: not null, so it is in flight.
                if waited_for.is_null() || unsafe { libc::aio_error(block) } == libc::EINPROGRESS {
                    continue;
                }
                // SAFETY: it is over, and its result is taken once.
                let bytes = unsafe { libc::aio_return(block) };
                ensure!(bytes == BLOCK as isize, "POSIX AIO: a transfer failed or was short");
                took_ns.push(end_ns - started_ns[index]);
                *waited_for = ptr::null();
                vacant.push(index);
            }
        }
    }
}
