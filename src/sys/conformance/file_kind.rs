//! [`FileKind`]: the files on which requests are made.

/// The files on which requests are made. The first four are one file, opened in different modes.
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
    /// An eventfd that counts completions of transfers only, so that a read of it has one possible
    /// result.
    Counter,
    Directory,
    Opaque,
    Path,
    /// A pipe whose end to write to is closed.
    HungUp,
    /// A pipe whose end to read from is closed.
    Broken,
    /// A descriptor that is not open.
    Nothing,
    /// An eventfd that counts completions, and that no request reads.
    Notify,
}

use FileKind::*;

impl FileKind {
    /// Returns whether the file is a pipe or a socket.
    pub(super) const fn is_stream(self) -> bool {
        matches!(self, PipeOut | PipeIn | Socket | Peer | HungUp | Broken)
    }
}

pub(super) const FILES: [FileKind; 16] = [
    ReadWrite, ReadOnly, WriteOnly, Append, PipeOut, PipeIn, Socket, Peer, Counter, Directory,
    Opaque, Path, HungUp, Broken, Nothing, Notify,
];
