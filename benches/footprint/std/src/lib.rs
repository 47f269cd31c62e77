//! What the programs have in common: they read the first block of a file, in their own ways, and write
//! it to standard output.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

/// How much is read, in bytes.
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

/// Says what was read.
pub fn say(block: &[u8]) -> io::Result<()> {
    io::stdout().write_all(block)?;
    io::stdout().flush()
}
