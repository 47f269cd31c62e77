//! The common parts of the programs. Each reads the first block of a file, in its own way, and writes it
//! to standard output.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

/// The size of the block, in bytes.
pub const BLOCK: usize = 4096;

/// The path on the command line.
pub fn path() -> io::Result<PathBuf> {
    let path = env::args_os().nth(1).ok_or_else(|| io::Error::other("usage: block FILE"))?;
    Ok(path.into())
}

/// The file on the command line, for direct I/O.
pub fn file() -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(path()?)
}

/// Writes the block to standard output.
pub fn say(block: &[u8]) -> io::Result<()> {
    io::stdout().write_all(block)?;
    io::stdout().flush()
}
