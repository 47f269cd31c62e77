//! A round of a participant: opens all files, reads each whole, and closes them.

mod aio;
mod blocking;
mod libaio;
mod pool;
mod posix;
mod uring;

use anyhow::{Context as _, Result, bail, ensure};
use linux_aio::PageBuf;
use rustix::fs::{Mode, OFlags};
use std::{
    ffi::CString,
    fs,
    io::{self, Read as _, Write as _},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// The size of the largest file, in bytes.
pub(super) const LARGEST: usize = 100 << 10;
/// The largest number of files in a round.
pub(super) const MOST: usize = 64;

/// One file of a round.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub(super) path: PathBuf,
    pub(super) size: usize,
    /// The path as a C string, made once, for the participants in C and in Rust.
    name: CString,
}

impl Whole {
    fn new(path: &Path) -> Result<Self> {
        let no_file = || format!("no file {}", path.display());
        let size = fs::metadata(path).with_context(no_file)?.len() as usize;
        let name = CString::new(path.as_os_str().as_bytes()).with_context(no_file)?;
        Ok(Self { path: path.to_owned(), size, name })
    }

    /// Opens it.
    fn open(&self) -> Result<fs::File> {
        let opened = rustix::fs::open(&self.name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        Ok(opened.with_context(|| format!("cannot open {}", self.path.display()))?.into())
    }

    /// Compares the number of bytes that were read with the size of the file.
    fn check(&self, bytes: usize) -> Result<()> {
        let Self { path, size, .. } = self;
        ensure!(bytes == *size, "{}: {bytes} bytes read, not {size}", path.display());
        Ok(())
    }
}

/// A way to read files.
trait Round {
    fn read(&mut self, files: &[Whole]) -> Result<()>;
}

/// Runs as the participant: so many rounds, with a sleep of a millisecond after each.
///
/// The process that measures this one reads when it is ready and when it is done, and tells it when to
/// start: see [`watch`](crate::process::watch).
pub(super) fn run(participant: &str, rounds: usize, files: &[PathBuf]) -> Result<()> {
    let files = files.iter().map(|path| Whole::new(path)).collect::<Result<Vec<_>>>()?;
    let mut round: Box<dyn Round> = match participant {
        "blocking" => Box::new(blocking::Blocking::new()?),
        "aio" => Box::new(aio::Aio::new(true)?),
        "aio-calls" => Box::new(aio::Aio::new(false)?),
        "libaio" => Box::new(libaio::Libaio::new(&files)?),
        "posix" => Box::new(posix::Posix::new()?),
        "pool" => Box::new(pool::Pool::new()?),
        "io_uring" => Box::new(uring::Uring::new()?),
        other => bail!("there is no participant {other}"),
    };
    round.read(&files)?; // warms up
    say(b"r")?;
    io::stdin().read_exact(&mut [0])?;
    for _ in 0..rounds {
        round.read(&files)?;
        thread::sleep(Duration::from_millis(1));
    }
    say(b"d")?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn say(word: &[u8]) -> Result<()> {
    io::stdout().write_all(word)?;
    Ok(io::stdout().flush()?)
}

/// A buffer for each possible file, one byte longer than the largest file, so that a file that is too
/// long is noticed. Their memory becomes resident when they are read into.
fn buffers() -> Result<Vec<PageBuf>> {
    Ok((0..MOST).map(|_| PageBuf::new(LARGEST + 1)).collect::<Result<_, _>>()?)
}
