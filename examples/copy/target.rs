//! The file that the destination's path refers to, and whether it may be replaced.

use crate::{
    failure::Failure,
    source::{Source, kind},
};
use rustix::fs::Access;
use std::{
    fs::{self, Metadata},
    io::ErrorKind,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
};

/// A path that is or can be a regular file.
pub(crate) struct Target {
    /// The file itself, not a symbolic link.
    pub(crate) path: PathBuf,
    /// The directory that it is in.
    pub(crate) directory: PathBuf,
}

impl Target {
    /// Resolves `path`, and checks that it is neither the source nor something that must not be replaced
    /// by a file. A symbolic link is followed to a file, which must exist.
    pub(crate) fn resolve(path: &Path, source: &Source) -> Result<Self, Failure> {
        let path = follow(path)?;
        match fs::metadata(&path) {
            Ok(meta) => check_existing(&path, &meta, source)?,
            Err(error) if error.kind() == ErrorKind::NotFound => check_new(&path)?,
            Err(error) => return Err(Failure::io("look at", &path, error)),
        }
        let directory = match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
            Some(parent) => parent.into(),
            None => return Err(Failure::unfit(&path, "is not the name of a file")),
        };
        check_directory(&directory)?;
        Ok(Self { path, directory })
    }
}

/// The end of a chain of symbolic links, so that the final rename does not replace a link.
fn follow(path: &Path) -> Result<PathBuf, Failure> {
    let is_link = match fs::symlink_metadata(path) {
        Ok(meta) => meta.is_symlink(),
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(Failure::io("look at", path, error)),
    };
    if !is_link {
        return Ok(path.into());
    }
    fs::canonicalize(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::unfit(
            path,
            "is a symbolic link to a file that does not exist: remove the link, or create the file",
        ),
        _ => Failure::io("follow the symbolic link", path, error),
    })
}

fn check_existing(path: &Path, meta: &Metadata, source: &Source) -> Result<(), Failure> {
    let identity = |meta: &Metadata| (meta.dev(), meta.ino());
    if identity(meta) == identity(source.meta()) {
        let source = source.path();
        return Err(Failure::unfit(
            path,
            format!("and {source:?} are the same file: nothing to copy"),
        ));
    }
    if meta.is_dir() {
        return Err(Failure::unfit(path, "is a directory: give the name of a file in it"));
    }
    if !meta.is_file() {
        let kind = kind(meta);
        return Err(Failure::unfit(
            path,
            format!("is {kind}, and only a regular file is replaced"),
        ));
    }
    // A rename would replace it even without write permission.
    rustix::fs::access(path, Access::WRITE_OK).map_err(|errno| Failure::io("replace", path, errno))
}

fn check_new(path: &Path) -> Result<(), Failure> {
    if path.as_os_str().is_empty() {
        return Err(Failure::unfit(path, "is not the name of a file"));
    }
    if path.as_os_str().as_bytes().ends_with(b"/") {
        return Err(Failure::unfit(
            path,
            "names a directory, which does not exist: leave out the last /, or create it",
        ));
    }
    Ok(())
}

fn check_directory(directory: &Path) -> Result<(), Failure> {
    let meta = fs::metadata(directory).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            Failure::unfit(directory, "does not exist: create the directory, then copy into it")
        }
        _ => Failure::io("look at", directory, error),
    })?;
    if !meta.is_dir() {
        return Err(Failure::unfit(directory, "is not a directory: nothing can be put into it"));
    }
    rustix::fs::access(directory, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|errno| Failure::io("create a file in", directory, errno))
}
