//! The requests of one turn of the event loop, which are submitted together.

use crate::{blocks::Block, disk::OpId};
use linux_aio::{Batch, Context, ContextError, Request, Submitted};
use std::{io, os::fd::OwnedFd, rc::Rc};

/// How many requests a server has at most. The queue has room for all of them, so it is never full.
pub const ROOM: usize = 4096;

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// A poll: a client connects.
    Listener,
    /// A poll: a signal came.
    Signals,
    /// A poll: the client in this slot has sent something.
    Readable(usize),
    /// A poll: the client in this slot has taken something.
    Writable(usize),
    /// A read or write of the disk.
    Disk(OpId),
    /// A sync of the disk.
    Sync,
}

/// Requests that were not submitted yet. They own their files.
#[derive(Debug, Default)]
pub struct Queue(Box<Batch<Rc<OwnedFd>, Option<Block>, Tag, ROOM>>);

impl Queue {
    /// Adds a request.
    ///
    /// # Errors
    ///
    /// The queue is full: there are more requests than the server counts with.
    pub fn push<O>(
        &mut self,
        request: Request<Rc<OwnedFd>, Option<Block>, Tag, O>,
    ) -> io::Result<()> {
        self.0.push(request).map_err(|_| io::Error::other("internal error: too many requests"))
    }

    /// Returns how many requests are to be submitted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing to submit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Submits the requests, by one system call.
    ///
    /// # Errors
    ///
    /// Those of [`Context::submit`]. What was not submitted is still in the queue.
    pub fn submit(
        &mut self,
        cx: &mut Context<Option<Block>, Tag>,
    ) -> Result<Submitted, ContextError> {
        cx.submit(&mut self.0).map_err(|error| error.cause)
    }
}
