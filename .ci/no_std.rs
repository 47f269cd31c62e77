//! A program without std and libc that uses all of the crate. It is compiled to an object file, whose
//! undefined symbols are then checked.

#![no_std]

use linux_aio::{Batch, Context, Error, Fd, PageBuf, Request};

/// Reads the first blocks of an open file, and returns the number of bytes.
#[unsafe(no_mangle)]
pub extern "C" fn read_some(fd: i32) -> usize {
    bytes(fd).unwrap_or(0)
}

fn bytes(fd: i32) -> Result<usize, Error> {
    // SAFETY: the caller passes an open descriptor, and every request is submitted before it returns.
    let file = unsafe { Fd::from_raw(fd) };
    let mut cx = Context::<PageBuf, u64>::new(4)?;
    let mut batch = Batch::<_, _, _, 4>::new();
    for block in 0..4 {
        batch.push(Request::read(file, PageBuf::new(4096)?, block * 4096).tag(block))?;
    }
    cx.submit(&mut batch)?;
    let mut bytes = 0;
    for done in cx.wait(4, None)? {
        bytes += done.result?;
    }
    let mut borrowed = [0; 16];
    let more = cx.scope(|cx| -> Result<usize, Error> {
        let mut batch = Batch::<_, _, _, 1>::new();
        batch.push(Request::read(file, &mut borrowed[..], 0).tag(()).range(..8)?)?;
        cx.submit(&mut batch)?;
        Ok(cx.reap()?.map(|done| done.result.unwrap_or(0)).sum())
    })?;
    cx.close()?;
    Ok(bytes + more)
}
