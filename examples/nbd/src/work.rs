//! What the connections share: the disk, the memory, and the requests of clients in progress.

use crate::{
    blocks::{Block, Blocks},
    disk::Disk,
    geometry::Refusal,
    handshake::Offer,
    log::Log,
    queue::{Queue, Tag},
    slab::Slab,
    stats::Stats,
    wire::Header,
};
use linux_aio::Request;
use std::{
    collections::VecDeque,
    io, mem,
    rc::Rc,
    time::{Duration, Instant},
};

/// The name of a request of a client.
pub type JobId = usize;

/// What the connections share.
#[derive(Debug)]
pub struct Work {
    /// What is to be submitted.
    pub queue: Queue,
    /// The file.
    pub disk: Disk,
    /// The memory for data.
    pub blocks: Blocks,
    /// The requests of clients in progress.
    pub jobs: Slab<Job>,
    /// Requests that zero or free a range, step by step: see [`slow`](crate::slow).
    pub slow: VecDeque<JobId>,
    /// Requests that wait for a sync of the file.
    pub syncs: Syncs,
    /// What is exported.
    pub offer: Offer,
    /// Counters.
    pub stats: Stats,
    /// The log of connections.
    pub log: Log,
    /// The log of requests that fail, with a limit of its own.
    pub failures: Log,
    /// How many clients are connected.
    pub clients: usize,
    /// How many requests of a client may be in progress, or have a reply that was not sent yet.
    pub limit: usize,
    /// How long a handshake may take, or a pause in the middle of a request.
    pub timeout: Duration,
    /// Whether the server ends: no request is begun.
    pub ending: bool,
    /// Blocks for a request in several pieces, while they are taken.
    pub taken: Vec<Block>,
    /// Changes if something has happened that a stalled connection may have waited for.
    pub progress: u64,
    /// The time, once for each turn of the event loop.
    pub now: Instant,
}

/// A request of a client that was begun, and whose reply was not made yet.
#[derive(Debug)]
pub struct Job {
    /// The slot of the connection.
    pub conn: usize,
    /// The request.
    pub header: Header,
    /// When it came.
    pub started: Instant,
    /// How many operations of the disk are in progress for it.
    pub ops: usize,
    /// Whether more operations will follow.
    pub issuing: bool,
    /// Whether the data of a read is sent piece by piece, before all of it was read.
    pub streams: bool,
    /// Where the next piece of a read that is sent begins, or the next step of a request in
    /// [`Work::slow`].
    pub next: u64,
    /// What to reply.
    pub result: Result<(), Refusal>,
}

impl Job {
    /// Whether a part of the reply was sent. (This is for reads that are sent in pieces.)
    #[must_use]
    pub const fn is_half_sent(&self) -> bool {
        self.next > self.header.offset
    }

    /// Whether nothing more is to be done.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.ops == 0 && !self.issuing
    }
}

impl Work {
    /// Adds a request that a connection begins.
    pub fn begin(&mut self, conn: usize, header: Header) -> JobId {
        self.jobs.insert(Job {
            conn,
            header,
            started: self.now,
            ops: 0,
            issuing: true,
            streams: false,
            next: header.offset,
            result: Ok(()),
        })
    }

    /// Lets a request wait until everything that was written before is on stable storage.
    ///
    /// One sync is in flight at a time. Requests that come in the meantime share the next one: a
    /// sync covers only what was written before it began.
    ///
    /// # Errors
    ///
    /// None, unless the numbers of requests were wrong.
    pub fn sync(&mut self, job: JobId) -> io::Result<()> {
        self.syncs.waiting.push(job);
        self.start_sync()
    }

    /// Starts a sync, if one is wanted and none is in flight.
    ///
    /// # Errors
    ///
    /// None, unless the numbers of requests were wrong.
    pub fn start_sync(&mut self) -> io::Result<()> {
        let Syncs { in_flight, waiting } = &mut self.syncs;
        if !in_flight.is_empty() || waiting.is_empty() {
            return Ok(());
        }
        mem::swap(in_flight, waiting);
        let request = Request::fdsync(Rc::clone(&self.disk.export.file));
        self.queue.push(request.with_buf(None).tag(Tag::Sync))
    }
}

/// Requests that wait for a sync of the file.
#[derive(Debug, Default)]
pub struct Syncs {
    /// Those that the sync in flight is for.
    pub in_flight: Vec<JobId>,
    /// Those that came since.
    pub waiting: Vec<JobId>,
}
