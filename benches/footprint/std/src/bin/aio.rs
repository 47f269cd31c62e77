//! By this crate.

use footprint::{BLOCK, file, say};
use linux_aio::{Batch, Context, PageBuf, Request};
use std::{io, mem::ManuallyDrop};

fn main() -> io::Result<()> {
    let file = file()?;
    // The kernel ends it with the process.
    let mut cx = ManuallyDrop::new(Context::<PageBuf, (), 1>::new()?);
    let mut batch = Batch::<_, _, 1>::new();
    batch.push(Request::read(&file, PageBuf::new(BLOCK)?, 0))?;
    cx.submit(&mut batch)?;
    let done = cx.wait(1, None)?.next().ok_or_else(|| io::Error::other("no completion"))?;
    say(&done.buf[..done.result?])
}
