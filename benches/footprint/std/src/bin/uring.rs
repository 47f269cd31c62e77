//! Reads the block by io_uring, with the crate `io-uring`.

use footprint::{BLOCK, file, say};
use io_uring::{IoUring, opcode::Read, types::Fd};
use std::{io, os::fd::AsRawFd as _};

#[repr(align(4096))]
struct Block([u8; BLOCK]);

fn main() -> io::Result<()> {
    let (file, mut block) = (file()?, Block([0; BLOCK]));
    let mut ring = IoUring::new(1)?;
    let read = Read::new(Fd(file.as_raw_fd()), block.0.as_mut_ptr(), BLOCK as u32).build();
    // SAFETY: file and block live until the wait below is over; if that fails, the process ends.
    unsafe { ring.submission().push(&read) }.map_err(io::Error::other)?;
    ring.submit_and_wait(1)?;
    let done = ring.completion().next().ok_or_else(|| io::Error::other("no completion"))?;
    let bytes = usize::try_from(done.result());
    let bytes = bytes.map_err(|_| io::Error::from_raw_os_error(-done.result()))?;
    say(&block.0[..bytes])
}
