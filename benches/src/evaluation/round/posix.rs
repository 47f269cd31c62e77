//! POSIX AIO: `aio_read` of the C library, which uses threads of its own.

use super::{LARGEST, Round, Whole, buffers};
use anyhow::{Result, bail, ensure};
use linux_aio::PageBuf;
use std::{io, mem, os::fd::AsRawFd as _, ptr};

pub(super) struct Posix {
    bufs: Vec<PageBuf>,
}

impl Posix {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { bufs: buffers()? })
    }
}

impl Round for Posix {
    fn read(&mut self, files: &[Whole]) -> Result<()> {
        let opened = files.iter().map(Whole::open).collect::<Result<Vec<_>>>()?;
        // SAFETY: an `aiocb` is plain data, and zeros are valid.
        let mut blocks = vec![unsafe { mem::zeroed::<libc::aiocb>() }; files.len()];
        for ((block, file), buf) in blocks.iter_mut().zip(&opened).zip(&mut self.bufs) {
            block.aio_fildes = file.as_raw_fd();
            block.aio_buf = buf.as_mut_ptr().cast();
            block.aio_nbytes = LARGEST + 1;
            block.aio_sigevent.sigev_notify = libc::SIGEV_NONE;
            // SAFETY: block and buffer stay where they are until the request is over; if one fails,
            // the process ends.
            if unsafe { libc::aio_read(block) } != 0 {
                bail!("aio_read: {}", io::Error::last_os_error());
            }
        }
        for (block, file) in blocks.iter_mut().zip(files) {
            // SAFETY: it was submitted above.
            while unsafe { libc::aio_error(block) } == libc::EINPROGRESS {
                let waited_for: *const libc::aiocb = block;
                // SAFETY: a list of one, and no timeout.
                unsafe { libc::aio_suspend(&raw const waited_for, 1, ptr::null()) };
            }
            // SAFETY: it is over, and its result is taken once.
            let bytes = unsafe { libc::aio_return(block) };
            ensure!(bytes >= 0, "aio_read: a read failed");
            file.check(bytes as usize)?;
        }
        Ok(())
    }
}
