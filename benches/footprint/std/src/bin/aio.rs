//! Reads the block with this crate.

use footprint::{BLOCK, file, say};
use linux_aio::{Context, PageBuf, Request};
use std::{io, mem::ManuallyDrop};

fn main() -> io::Result<()> {
    let file = file()?;
    // The kernel ends it with the process.
    let mut cx = ManuallyDrop::new(Context::<PageBuf, ()>::new(1)?);
    cx.submit_one(Request::read(&file, PageBuf::new(BLOCK)?, 0))?;
    let done = cx.wait_one(None)?.ok_or_else(|| io::Error::other("no completion"))?;
    say(&done.buf[..done.result?])
}
