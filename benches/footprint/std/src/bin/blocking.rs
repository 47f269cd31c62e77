//! Reads the block by `pread`.

use footprint::{BLOCK, file, say};
use std::{io, os::unix::fs::FileExt as _};

#[repr(align(4096))]
struct Block([u8; BLOCK]);

fn main() -> io::Result<()> {
    let mut block = Block([0; BLOCK]);
    let bytes = file()?.read_at(&mut block.0, 0)?;
    say(&block.0[..bytes])
}
