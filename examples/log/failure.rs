//! Why the log failed, in one line.

use core::fmt;
use std::{
    io,
    path::{Path, PathBuf},
};

/// Why an operation on a log failed. Paths are quoted and escaped.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// An operation on the file failed.
    Io { doing: &'static str, path: PathBuf, why: String },
    /// The file is not a log.
    NotALog(PathBuf),
    /// Another process has the log open.
    InUse(PathBuf),
    /// A record that was acknowledged cannot be read.
    Damaged { path: PathBuf, offset: u64, seq: u64 },
    /// A record is too long.
    TooLong { bytes: usize, limit: usize },
    /// Standard input or output failed.
    Stream(String),
}

impl Failure {
    pub(crate) fn io(doing: &'static str, path: &Path, error: impl Into<io::Error>) -> Self {
        Self::Io { doing, path: path.into(), why: error.into().to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, why } => write!(f, "cannot {doing} {path:?}: {why}"),
            Self::NotALog(path) => write!(
                f,
                "{path:?} is not a log: it was left unchanged; choose another name for a new log"
            ),
            Self::InUse(path) => write!(f, "{path:?} is in use by another process"),
            Self::Damaged { path, offset, seq } => write!(
                f,
                "{path:?} is damaged at byte {offset}: record {seq} was acknowledged and cannot be read; \
                 the file was left unchanged: restore it from a copy"
            ),
            Self::TooLong { bytes, limit } => {
                write!(f, "a record of {bytes} bytes: the longest has {limit}")
            }
            Self::Stream(why) => write!(f, "standard input or output: {why}"),
        }
    }
}
