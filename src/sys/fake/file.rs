//! [`OpenFile`]: what a descriptor of the fake kernel leads to.

use super::State;
use crate::types::Errno;
use core::cell::{Cell, RefCell};
use std::{collections::VecDeque, rc::Rc, vec::Vec};

/// An open file: what it is, and how it was opened.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pub(crate) node: Node,
    pub(crate) mode: Mode,
}

/// How a file was opened.
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

/// What there is to open.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Regular(Rc<Regular>),
    /// An end of a pipe or of a connected pair of sockets.
    Stream(Stream),
    EventFd(Rc<Cell<u64>>),
    Directory,
    /// A file of /proc, say: it can be read, but not asynchronously.
    Opaque,
}

/// A regular file.
#[derive(Debug, Default)]
pub(crate) struct Regular {
    pub(crate) content: RefCell<Vec<u8>>,
    /// Flags that `io_submit` takes for reads and writes of it.
    pub(crate) flags: Cell<[u32; 2]>,
}

/// One end of a pipe (one queue) or of a pair of sockets (two).
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) from: Option<Rc<RefCell<Queue>>>,
    pub(crate) to: Option<Rc<RefCell<Queue>>>,
    pub(crate) socket: bool,
}

/// Bytes on their way through a stream.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) bytes: VecDeque<u8>,
    /// Whether the end at which bytes come in has been closed.
    pub(crate) no_writer: bool,
    /// Whether the end at which bytes come out has been closed.
    pub(crate) no_reader: bool,
}

impl Queue {
    /// How many bytes a pipe holds.
    pub(crate) const CAPACITY: usize = 65536;
}

/// Poll bits, as the kernel's `EPOLL*`.
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
    /// What the file is ready for now: `vfs_poll`.
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

    /// Whether the file can be synced: whether it has an `fsync` operation.
    pub(crate) const fn can_sync(&self) -> bool {
        matches!(self.node, Node::Regular(_) | Node::Directory)
    }

    /// The counter, if this is an eventfd.
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
    /// A descriptor for a file.
    pub(super) fn open(&mut self, node: Node, mode: Mode) -> i32 {
        self.install(Rc::new(OpenFile { node, mode }))
    }

    fn install(&mut self, file: Rc<OpenFile>) -> i32 {
        let fd = (Self::FIRST_FD..).find(|fd| !self.descriptors.contains_key(fd));
        let fd = fd.expect("there are enough descriptors");
        self.descriptors.insert(fd, file);
        fd
    }

    /// What a descriptor leads to; `fget`, so nothing if it was opened by `O_PATH`.
    pub(super) fn file(&self, fd: u32) -> Result<Rc<OpenFile>, Errno> {
        let file = self.descriptors.get(&fd.cast_signed()).ok_or(Errno::EBADF)?;
        let of_path = !file.mode.read && !file.mode.write;
        if of_path { Err(Errno::EBADF) } else { Ok(Rc::clone(file)) }
    }

    /// `fcntl(F_DUPFD_CLOEXEC)`.
    pub(super) fn duplicate(&mut self, fd: i32) -> Result<i32, Errno> {
        let file = Rc::clone(self.descriptors.get(&fd).ok_or(Errno::EBADF)?);
        Ok(self.install(file))
    }
}
