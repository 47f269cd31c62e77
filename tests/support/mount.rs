//! A file system that is mounted for a while.

use super::skip;
use std::{io, path::Path, process::Command};
use tempfile::TempDir;

/// A file system that is there until this is dropped.
pub struct Mount(TempDir);

impl Mount {
    /// `None`, and loud, where nothing can be mounted.
    pub fn new(args: &[&str]) -> Option<Self> {
        Self::try_new(args).inspect_err(|error| skip(error)).ok()
    }

    /// Mounts what `mount` is told by these arguments, in a directory of its own.
    pub fn try_new(args: &[&str]) -> io::Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Err(io::Error::other("only root can mount"));
        }
        let dir = TempDir::new()?;
        let output = Command::new("mount").args(args).arg(dir.path()).output()?;
        if output.status.success() {
            Ok(Self(dir))
        } else {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(io::Error::other(format!("mount {args:?}: {}", said.trim_end())))
        }
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let ended = Command::new("umount").arg("-l").arg(self.0.path()).status();
        assert!(ended.is_ok_and(|status| status.success()), "umount {:?}", self.0.path());
    }
}
