//! The loop in C, `c/loop.c`.

use anyhow::{Context as _, Result, ensure};
use std::{
    ffi::{c_int, c_void},
    fs::File,
    io,
    ops::DerefMut,
    os::fd::AsRawFd as _,
    ptr::NonNull,
};

unsafe extern "C" {
    fn loop_new(most: usize, memory: *mut u8, stride: usize, size: usize) -> *mut c_void;
    fn loop_free(made: *mut c_void);
    fn loop_read(made: *mut c_void, file: c_int, reads: usize, at_once: usize) -> c_int;
    fn loop_read_deep(
        made: *mut c_void,
        files: *const c_int,
        file_count: usize,
        reads: usize,
        at_once: usize,
    ) -> c_int;
}

/// A context of libaio with its requests.
pub(super) struct Libaio<M> {
    made: NonNull<c_void>,
    /// The buffers: the loop has pointers to them.
    _memory: M,
}

impl<M: DerefMut<Target = [u8]>> Libaio<M> {
    /// For so many requests in flight, which read so many bytes each. All of `memory` is theirs, an
    /// equal share for each.
    pub(super) fn new(most: usize, size: usize, mut memory: M) -> Result<Self> {
        let stride = memory.len() / most;
        ensure!(stride >= size, "too little memory for {most} buffers");
        // SAFETY: `memory` has room for `most` buffers, lives as long as the loop, and does not move
        // its bytes when it is moved: it is a `Vec` or a `PageBuf`.
        let made = unsafe { loop_new(most, memory.as_mut_ptr(), stride, size) };
        let made = NonNull::new(made).ok_or_else(io::Error::last_os_error).with_context(|| {
            format!("libaio: no context for {most} requests; is the limit fs.aio-max-nr used up?")
        })?;
        Ok(Self { made, _memory: memory })
    }

    /// See [`Safe::read`](super::safe::Safe::read).
    pub(super) fn read(&mut self, file: &File, reads: usize, at_once: usize) -> Result<()> {
        // SAFETY: the loop is ours alone, and the file is open.
        done(unsafe { loop_read(self.made.as_ptr(), file.as_raw_fd(), reads, at_once) })
    }

    /// See [`Deep::read`](super::deep::Deep::read).
    pub(super) fn read_deep(
        &mut self,
        files: &[c_int],
        reads: usize,
        at_once: usize,
    ) -> Result<()> {
        let (made, count) = (self.made.as_ptr(), files.len());
        // SAFETY: the loop is ours alone, and there are so many files.
        done(unsafe { loop_read_deep(made, files.as_ptr(), count, reads, at_once) })
    }
}

fn done(errno: c_int) -> Result<()> {
    ensure!(errno == 0, "libaio: {}", io::Error::from_raw_os_error(errno));
    Ok(())
}

impl<M> Drop for Libaio<M> {
    fn drop(&mut self) {
        // SAFETY: made by `loop_new`, not used afterwards; `io_destroy` waits for what is in flight.
        unsafe { loop_free(self.made.as_ptr()) }
    }
}
