//! libaio, in C: `c/whole_files.c`.

use super::{LARGEST, Round, Whole, buffers};
use anyhow::{Result, ensure};
use linux_aio::PageBuf;
use std::{
    ffi::{CString, c_char, c_int},
    io,
};

unsafe extern "C" {
    fn whole_files_round(
        paths: *const *const c_char,
        bufs: *const *mut u8,
        sizes: *const usize,
        room: usize,
        count: usize,
    ) -> c_int;
}

pub(super) struct Libaio {
    paths: Vec<*const c_char>,
    sizes: Vec<usize>,
    bufs: Vec<*mut u8>,
    // The pointers above point into these.
    _strings: Vec<CString>,
    _memory: Vec<PageBuf>,
}

impl Libaio {
    pub(super) fn new(files: &[Whole]) -> Result<Self> {
        let strings = files.iter().map(|file| file.name.clone()).collect::<Vec<_>>();
        let mut memory = buffers()?;
        Ok(Self {
            paths: strings.iter().map(|string| string.as_ptr()).collect(),
            sizes: files.iter().map(|file| file.size).collect(),
            bufs: memory.iter_mut().map(|buf| buf.as_mut_ptr()).collect(),
            _strings: strings,
            _memory: memory,
        })
    }
}

impl Round for Libaio {
    fn read(&mut self, files: &[Whole]) -> Result<()> {
        let Self { paths, sizes, bufs, .. } = self;
        ensure!(files.len() == paths.len(), "the files have changed");
        let count = paths.len();
        let (paths, bufs, sizes) = (paths.as_ptr(), bufs.as_ptr(), sizes.as_ptr());
        // SAFETY: `count` paths and sizes, and more buffers, each with that much room. If it fails,
        // the process ends.
        let errno = unsafe { whole_files_round(paths, bufs, sizes, LARGEST + 1, count) };
        ensure!(errno == 0, "libaio: {}", io::Error::from_raw_os_error(errno));
        Ok(())
    }
}
