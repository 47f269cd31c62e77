//! libaio, in C: `c/depth.c`.

use super::{BLOCK, Engine, Job, Mode, buffers};
use anyhow::{Context as _, Result, ensure};
use linux_aio::PageBuf;
use std::{
    ffi::{c_int, c_void},
    fs::File,
    io,
    os::fd::AsRawFd as _,
    ptr::NonNull,
};

unsafe extern "C" {
    fn depth_new(depth: usize, bufs: *const *mut u8) -> *mut c_void;
    fn depth_free(made: *mut c_void);
    fn depth_run(
        made: *mut c_void,
        file: c_int,
        write: c_int,
        size: usize,
        offsets: *const u64,
        count: usize,
        took_ns: *mut u64,
    ) -> c_int;
}

pub(super) struct Libaio {
    made: NonNull<c_void>,
    file: File,
    mode: Mode,
    /// `made` has pointers to them.
    _bufs: Vec<PageBuf>,
}

impl Libaio {
    pub(super) fn new(job: &Job) -> Result<Self> {
        let (file, mode) = (job.mode.open(&job.path)?, job.mode);
        let mut bufs = buffers(job.depth)?;
        let pointers = bufs.iter_mut().map(|buf| buf.as_mut_ptr()).collect::<Vec<_>>();
        // SAFETY: there are `depth` pointers, to buffers that live as long.
        let made = unsafe { depth_new(job.depth, pointers.as_ptr()) };
        let made = NonNull::new(made).ok_or_else(io::Error::last_os_error).with_context(|| {
            format!(
                "libaio: no context for {} requests; is the limit fs.aio-max-nr used up?",
                job.depth
            )
        })?;
        Ok(Self { made, file, mode, _bufs: bufs })
    }
}

impl Engine for Libaio {
    fn run(&mut self, offsets: &[u64], took_ns: &mut Vec<u64>) -> Result<()> {
        let write = c_int::from(self.mode == Mode::DirectWrites);
        let before = took_ns.len();
        took_ns.resize(before + offsets.len(), 0);
        let (made, file, count) = (self.made.as_ptr(), self.file.as_raw_fd(), offsets.len());
        let times = took_ns[before..].as_mut_ptr();
        // SAFETY: `made` is ours alone, the file is open, its buffers have BLOCK bytes, and there are
        // `count` offsets and as many places for times.
        let errno = unsafe { depth_run(made, file, write, BLOCK, offsets.as_ptr(), count, times) };
        ensure!(errno == 0, "libaio: {}", io::Error::from_raw_os_error(errno));
        Ok(())
    }
}

impl Drop for Libaio {
    fn drop(&mut self) {
        // SAFETY: made by `depth_new`, not used afterwards; `io_destroy` waits for what is in flight.
        unsafe { depth_free(self.made.as_ptr()) }
    }
}
