//! [`Files`]: many small files in a folder.

use super::work::{BLOCK, small_file};
use anyhow::{Context as _, Result};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

/// A folder that is removed at the end.
pub(super) struct Files {
    folder: tempfile::TempDir,
    count: usize,
}

impl Files {
    /// Makes them, and writes them to the disk.
    pub(super) fn make(dir: &Path, count: usize) -> Result<Self> {
        let at = || format!("cannot make {count} files in {}", dir.display());
        let folder = tempfile::tempdir_in(dir).with_context(at)?;
        let mut random = fastrand::Rng::with_seed(5);
        let mut bytes = vec![0; BLOCK];
        for number in 0..count {
            random.fill(&mut bytes);
            fs::write(small_file(folder.path(), number), &bytes).with_context(at)?;
        }
        rustix::fs::syncfs(File::open(folder.path())?).with_context(at)?;
        Ok(Self { folder, count })
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Drops them from the page cache.
    pub(super) fn forget(&self) -> Result<()> {
        for number in 0..self.count {
            let file = File::open(small_file(self.folder.path(), number))?;
            rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?;
        }
        Ok(())
    }

    /// Reads them, so that they are in the page cache.
    pub(super) fn fill_cache(&self) -> Result<()> {
        for number in 0..self.count {
            fs::read(small_file(self.folder.path(), number))?;
        }
        Ok(())
    }
}
