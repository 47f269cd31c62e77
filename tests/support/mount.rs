//! [`Mount`]: a file system that is mounted until this is dropped.

use super::skip;
use std::{io, path::Path, process::Command};
use tempfile::TempDir;

/// A file system, mounted on a temporary directory until this is dropped.
pub struct Mount(TempDir);

impl Mount {
    /// Mounts by `mount` with these arguments. Prints why and returns `None` where it cannot be
    /// mounted.
    pub fn new(args: &[&str]) -> Option<Self> {
        Self::try_new(args).inspect_err(|error| skip(error)).ok()
    }

    /// Mounts by `mount` with these arguments.
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
