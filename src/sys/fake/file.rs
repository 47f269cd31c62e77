//! [`OpenFile`]: an open file of the fake kernel.

use super::State;
use crate::types::Errno;
use core::cell::{Cell, RefCell};
use std::{collections::VecDeque, rc::Rc, vec::Vec};

/// An open file: the file, and the mode in which it was opened.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pub(crate) node: Node,
    pub(crate) mode: Mode,
}

/// The mode in which a file was opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mode {
    pub(crate) read: bool,
    pub(crate) write: bool,
    /// `O_APPEND`.
    pub(crate) append: bool,
    /// `O_DIRECT`.
    pub(crate) direct: bool,
    /// `O_NONBLOCK`.
    pub(crate) nonblock: bool,
}

impl Mode {
    pub(crate) const READ: Self =
        Self { read: true, write: false, append: false, direct: false, nonblock: false };
    pub(crate) const WRITE: Self = Self { read: false, write: true, ..Self::READ };
    pub(crate) const BOTH: Self = Self { write: true, ..Self::READ };
    /// `O_PATH`.
    pub(crate) const PATH: Self = Self { read: false, ..Self::READ };
}

/// A file.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Regular(Rc<Regular>),
    /// An end of a pipe or of a connected pair of sockets.
    Stream(Stream),
    EventFd(Rc<Cell<u64>>),
    Directory,
    /// A file that does not support asynchronous reads, such as one of /proc.
    Opaque,
}

/// A regular file.
#[derive(Debug, Default)]
pub(crate) struct Regular {
    pub(crate) content: RefCell<Vec<u8>>,
    /// The flags that the file supports for reads and for writes.
    pub(crate) flags: Cell<[u32; 2]>,
}

/// One end of a pipe (one queue) or of a pair of sockets (two).
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) from: Option<Rc<RefCell<Queue>>>,
    pub(crate) to: Option<Rc<RefCell<Queue>>>,
    pub(crate) socket: bool,
}

/// The bytes in a stream.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) bytes: VecDeque<u8>,
    /// Whether the end to write to was closed.
    pub(crate) no_writer: bool,
    /// Whether the end to read from was closed.
    pub(crate) no_reader: bool,
}

impl Queue {
    /// The capacity of a pipe, in bytes.
    pub(crate) const CAPACITY: usize = 65536;
}

/// The bits of a poll, the kernel's `EPOLL*`.
pub(crate) mod bits {
    pub(crate) const IN: u16 = 1;
    pub(crate) const OUT: u16 = 4;
    pub(crate) const ERR: u16 = 8;
    pub(crate) const HUP: u16 = 0x10;
    pub(crate) const RDNORM: u16 = 0x40;
    pub(crate) const WRNORM: u16 = 0x100;
    pub(crate) const WRBAND: u16 = 0x200;
    pub(crate) const RDHUP: u16 = 0x2000;
}

impl OpenFile {
    /// Returns the events for which the file is ready now: `vfs_poll`.
    pub(crate) fn ready(&self) -> u16 {
        use bits::{ERR, HUP, IN, OUT, RDHUP, RDNORM, WRBAND, WRNORM};
        match &self.node {
            Node::Regular(_) | Node::Directory | Node::Opaque => IN | OUT | RDNORM | WRNORM,
            Node::EventFd(count) => {
                let mut ready = if count.get() > 0 { IN } else { 0 };
                if count.get() < u64::MAX - 1 {
                    ready |= OUT;
                }
                ready
            }
            Node::Stream(stream) => {
                let mut ready = 0;
                if let Some(from) = &stream.from {
                    let from = from.borrow();
                    if !from.bytes.is_empty() {
                        ready |= IN | RDNORM;
                    }
                    if from.no_writer {
                        ready |= if stream.socket { HUP | RDHUP | IN | RDNORM } else { HUP };
                    }
                }
                if let Some(to) = &stream.to {
                    let to = to.borrow();
                    if to.bytes.len() < Queue::CAPACITY {
                        ready |= if stream.socket { OUT | WRNORM | WRBAND } else { OUT | WRNORM };
                    }
                    if to.no_reader && !stream.socket {
                        ready |= ERR;
                    }
                }
                ready
            }
        }
    }

    /// Returns whether the file can be synced: whether it has an `fsync` operation.
    pub(crate) const fn can_sync(&self) -> bool {
        matches!(self.node, Node::Regular(_) | Node::Directory)
    }

    /// Returns the counter, if this is an eventfd.
    pub(crate) const fn counter(&self) -> Option<&Rc<Cell<u64>>> {
        match &self.node {
            Node::EventFd(count) => Some(count),
            _ => None,
        }
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        if let Node::Stream(stream) = &self.node {
            if let Some(from) = &stream.from {
                from.borrow_mut().no_reader = true;
            }
            if let Some(to) = &stream.to {
                to.borrow_mut().no_writer = true;
            }
        }
    }
}

/// The descriptor table.
impl State {
    /// Opens a file, and returns its descriptor.
    pub(super) fn open(&mut self, node: Node, mode: Mode) -> i32 {
        self.install(Rc::new(OpenFile { node, mode }))
    }

    fn install(&mut self, file: Rc<OpenFile>) -> i32 {
        let fd = (Self::FIRST_FD..).find(|fd| !self.descriptors.contains_key(fd));
        let fd = fd.expect("there are enough descriptors");
        self.descriptors.insert(fd, file);
        fd
    }

    /// Returns the open file of a descriptor, as `fget` does: not if it was opened by `O_PATH`.
    pub(super) fn file(&self, fd: u32) -> Result<Rc<OpenFile>, Errno> {
        let file = self.descriptors.get(&fd.cast_signed()).ok_or(Errno::EBADF)?;
        let of_path = !file.mode.read && !file.mode.write;
        if of_path { Err(Errno::EBADF) } else { Ok(Rc::clone(file)) }
    }

    /// Does the work of `fcntl(F_DUPFD_CLOEXEC)`.
    pub(super) fn duplicate(&mut self, fd: i32) -> Result<i32, Errno> {
        let file = Rc::clone(self.descriptors.get(&fd).ok_or(Errno::EBADF)?);
        Ok(self.install(file))
    }
}
