//! `block FILE`: reads the first 4096 bytes of a file with the safe interface, and writes them to standard
//! output. (The `block` in examples/nolibc uses the raw layer.)

#![no_std]
#![no_main]

use core::mem::ManuallyDrop;
use linux_aio::{Context, Error, PageBuf, Request};
use nolibc::{Args, Line, exit, fd, set_direct, stderr, stdout};
use rustix::{
    fd::OwnedFd,
    fs::{Mode, OFlags, open},
};

const BLOCK: usize = 4096;

nolibc::entry!(main);

fn main(mut args: Args) -> ! {
    let Some(path) = args.nth(1) else { fail(b"usage: block FILE", 2) };
    let Ok(file) = open(path, OFlags::RDONLY, Mode::empty()) else {
        fail(b"block: cannot open the file", 1)
    };
    set_direct(&file, true);
    match block(&ManuallyDrop::new(file)) {
        Ok(()) => exit(0),
        Err(_) => fail(b"block: cannot read the block", 1),
    }
}

fn block(file: &OwnedFd) -> Result<(), Error> {
    // The kernel ends it with the process.
    let mut cx = ManuallyDrop::new(Context::<PageBuf, ()>::new(1)?);
    cx.submit_one(Request::read(fd(file), PageBuf::new(BLOCK)?, 0))?;
    if let Some(done) = cx.wait_one(None)? {
        let _bytes = done.result?;
        if nolibc::write(stdout(), done.transferred()).is_err() {
            fail(b"block: cannot write the block", 1);
        }
    }
    Ok(())
}

fn fail(what: &[u8], status: u8) -> ! {
    Line::new(stderr()).text(what).end();
    exit(status)
}
