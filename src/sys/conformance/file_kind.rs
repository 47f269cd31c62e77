//! [`FileKind`]: the files that requests are made on, by what they are good for.

/// Files by what they are good for. The first four are one file, opened in several ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    ReadWrite,
    ReadOnly,
    WriteOnly,
    Append,
    PipeOut,
    PipeIn,
    Socket,
    Peer,
    /// Counts completions of transfers only, so that reading it has one outcome.
    Counter,
    Directory,
    Opaque,
    Path,
    /// A pipe that nobody writes to any more.
    HungUp,
    /// A pipe that nobody reads from any more.
    Broken,
    /// Not open.
    Nothing,
    /// Counts completions, and nobody reads it.
    Notify,
}

use FileKind::*;

impl FileKind {
    /// Whether bytes go through it in order, without offsets.
    pub(super) const fn is_stream(self) -> bool {
        matches!(self, PipeOut | PipeIn | Socket | Peer | HungUp | Broken)
    }
}

pub(super) const FILES: [FileKind; 16] = [
    ReadWrite, ReadOnly, WriteOnly, Append, PipeOut, PipeIn, Socket, Peer, Counter, Directory,
    Opaque, Path, HungUp, Broken, Nothing, Notify,
];
