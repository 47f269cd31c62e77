//! [`Work`]: the reads of a slice, which the tasks of a participant share.

use anyhow::{Context as _, Result, ensure};
use linux_aio::PageBuf;
use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The size of a read, and of a small file, in bytes.
pub(super) const BLOCK: usize = 4096;

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Blocks of one file, at random positions, by direct reads.
    Blocks,
    /// Small files that are in the page cache.
    CachedFiles,
    /// Small files that are not in the page cache.
    UncachedFiles,
}

/// What a participant is made for.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) kind: Kind,
    /// How many tasks read. Each has one read in flight.
    pub(super) tasks: usize,
    /// The file with the blocks, or the folder of the small files.
    pub(super) path: PathBuf,
}

impl Job {
    /// Opens the file with the blocks. The small files are opened one by one.
    pub(super) fn open(&self) -> Result<Option<File>> {
        match self.kind {
            Kind::Blocks => open(&self.path, true).map(Some),
            Kind::CachedFiles | Kind::UncachedFiles => Ok(None),
        }
    }

    /// A buffer for each task, whose pages are resident. Those for small files are larger than
    /// these: a read that does not fill one has found the end of the file.
    pub(super) fn buffers(&self) -> Result<Vec<PageBuf>> {
        let len = if self.kind == Kind::Blocks { BLOCK } else { 2 * BLOCK };
        let buffer = |_| {
            let mut buffer = PageBuf::new(len)?;
            buffer.fill(7);
            Ok(buffer)
        };
        (0..self.tasks).map(buffer).collect()
    }
}

/// The reads of a slice.
#[derive(Debug)]
pub(super) struct Work {
    kind: Kind,
    offsets: Vec<u64>,
    paths: Vec<PathBuf>,
    next: AtomicUsize,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item<'w> {
    /// A block at this offset.
    Block(u64),
    /// All of this file.
    File(&'w Path),
}

impl Work {
    /// So many blocks at random positions, or the first files of the folder.
    pub(super) fn new(job: &Job, count: usize, seed: u64) -> Result<Arc<Self>> {
        let (mut offsets, mut paths) = (Vec::new(), Vec::new());
        if job.kind == Kind::Blocks {
            let blocks = fs::metadata(&job.path)?.len() / BLOCK as u64;
            ensure!(blocks > 0, "{} has no block of {BLOCK} bytes", job.path.display());
            let mut random = fastrand::Rng::with_seed(seed);
            offsets = (0..count).map(|_| random.u64(..blocks) * BLOCK as u64).collect();
        } else {
            paths = (0..count).map(|number| small_file(&job.path, number)).collect();
        }
        Ok(Arc::new(Self { kind: job.kind, offsets, paths, next: AtomicUsize::new(0) }))
    }

    /// Takes the next one.
    pub(super) fn take(&self) -> Option<Item<'_>> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        match self.kind {
            Kind::Blocks => self.offsets.get(index).copied().map(Item::Block),
            _ => self.paths.get(index).map(|path| Item::File(path)),
        }
    }

    /// Opens a small file: for direct I/O if it is not in the page cache.
    pub(super) fn open(&self, path: &Path) -> Result<File> {
        open(path, self.kind == Kind::UncachedFiles)
    }
}

/// The path of a small file.
pub(super) fn small_file(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("{number:05}"))
}

fn open(path: &Path, direct: bool) -> Result<File> {
    let flags = if direct { libc::O_DIRECT } else { 0 };
    OpenOptions::new().read(true).custom_flags(flags).open(path).with_context(|| {
        format!("cannot open {}: does its file system support direct I/O?", path.display())
    })
}
