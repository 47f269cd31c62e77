//! One client: what it sends becomes requests of the disk.
//!
//! ```text
//! Handshake ──▶ Header ──▶ (READ, FLUSH, ...)                          ──▶ Header
//!                      ──▶ Payload ──▶ a write for each piece          ──▶ Header
//!                      ──▶ Stream  ──▶ a read for each piece of a long READ ──▶ Header
//!                      ──▶ Skip    ──▶ the payload of a refused WRITE  ──▶ Header
//! ```
//!
//! If there is no block for the next step, or there are too many replies to send, the connection is
//! *stalled*: its socket is not read any more, so the client's requests wait there.

mod end;
mod requests;
mod socket;

use crate::{
    blocks::{Block, Blocks, Held},
    handshake::{Handshake, MAX_ANSWER, Next},
    input::Input,
    output::Output,
    queue::Tag,
    work::{JobId, Work},
};
use std::{io, ops::Range, os::fd::OwnedFd, rc::Rc, time::Instant};

/// From so many requests for each client on, they are submitted before others are begun.
///
/// A client sends many requests at once. If they were submitted together, the disk would complete them
/// together, and be idle while the replies are sent and the client sends the next requests.
const BURST: usize = 2;

/// A connection.
#[derive(Debug)]
pub struct Conn {
    /// Its number among the connections, and in the tags of its requests.
    pub(crate) slot: usize,
    serial: u64,
    peer: String,
    socket: Rc<OwnedFd>,
    pub(crate) input: Input,
    pub(crate) output: Output,
    pub(crate) phase: Phase,
    pub(crate) receiving: Option<Receiving>,
    /// Pieces of reads that cannot be sent yet, because others come before them.
    pub(crate) pieces: Vec<Piece>,
    pub(crate) held: Held,
    /// How many requests are in progress.
    pub(crate) jobs: usize,
    state: State,
    /// Whether the socket may have data. Otherwise a poll says when.
    readable: bool,
    /// Whether the socket may have room.
    writable: bool,
    polls_readable: bool,
    polls_writable: bool,
    pub(crate) stalled: bool,
    /// Whether something has happened since the last turn, or that turn has left something to do.
    pub(crate) due: bool,
    /// When the client must have sent the rest of what it has begun.
    deadline: Option<Instant>,
}

/// What comes next from the client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    Handshake(Handshake),
    Header,
    /// The data of a WRITE, from this offset of the export on.
    Payload {
        job: JobId,
        next: u64,
    },
    /// Nothing, before all pieces of a READ are submitted. The next is at this offset.
    Stream {
        job: JobId,
        next: u64,
    },
    /// The data of a WRITE that was refused.
    Skip {
        left: u32,
    },
}

/// A block into which the data of a WRITE is received.
#[derive(Debug)]
pub(crate) struct Receiving {
    pub(crate) block: Block,
    pub(crate) piece: (Range<u64>, Range<usize>),
    /// Where the next byte goes.
    pub(crate) at: usize,
}

/// Data that was read from the disk.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) job: JobId,
    /// Where it is in the export.
    pub(crate) offset: u64,
    pub(crate) block: Block,
    /// Where it is in the block.
    pub(crate) bytes: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Nothing more is read. The connection is closed once everything was sent.
    Ending,
    Closed,
}

impl Conn {
    /// Greets a client.
    #[must_use]
    pub fn new(slot: usize, serial: u64, socket: OwnedFd, peer: String, work: &Work) -> Self {
        let mut output = Output::new(work.limit + 1, 4 * MAX_ANSWER);
        output.text().extend(Handshake::greeting());
        Self {
            slot,
            serial,
            peer,
            socket: Rc::new(socket),
            input: Input::new(),
            output,
            phase: Phase::Handshake(Handshake::default()),
            receiving: None,
            pieces: Vec::with_capacity(work.blocks.count()),
            held: Held::default(),
            jobs: 0,
            state: State::Open,
            readable: true,
            writable: true,
            polls_readable: false,
            polls_writable: false,
            stalled: false,
            due: true,
            deadline: Some(work.now + work.timeout),
        }
    }

    /// Whether a turn would do something.
    #[must_use]
    pub fn wants_turn(&self, work: &Work) -> bool {
        let is_late = self.deadline.is_some_and(|deadline| deadline <= work.now);
        self.due || self.stalled || is_late || work.ending
    }

    /// Sends, receives and begins requests, as far as that is possible without waiting. Returns
    /// whether there is more to do at once.
    ///
    /// # Errors
    ///
    /// None, unless the numbers of requests were wrong. Errors of the socket close the connection.
    pub fn turn(&mut self, work: &mut Work) -> io::Result<bool> {
        self.due = false;
        self.send(work);
        let mut more = false;
        if self.state == State::Open {
            if self.readable && !self.stalled {
                self.receive(work);
            }
            more = self.advance(work)?;
            self.send(work);
        }
        if work.ending {
            self.end_if_idle(work);
        }
        if self.state == State::Ending && self.output.is_empty() && self.jobs == 0 {
            self.close(work, "");
        }
        self.watch_time(work);
        self.poll(work)?;
        let more = self.state == State::Open && (more || self.readable && !self.stalled);
        self.due |= more;
        Ok(more)
    }

    /// The poll of the socket for reading or writing is over.
    pub fn polled(&mut self, tag: Tag) {
        self.due = true;
        if matches!(tag, Tag::Writable(_)) {
            (self.polls_writable, self.writable) = (false, true);
        } else {
            (self.polls_readable, self.readable) = (false, true);
        }
    }

    /// Whether the slot can be used for another client.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Closed)
            && self.jobs == 0
            && !self.polls_readable
            && !self.polls_writable
    }

    /// Whether replies are pointless.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether the client's requests wait for blocks, or for replies to be sent.
    #[must_use]
    pub const fn is_stalled(&self) -> bool {
        self.stalled && matches!(self.state, State::Open)
    }

    /// Returns the number of the client in the log.
    #[must_use]
    pub const fn serial(&self) -> u64 {
        self.serial
    }

    /// Returns who the client is.
    #[must_use]
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Returns when the client must have sent more.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Takes a block for these sectors.
    pub fn take_block(&mut self, blocks: &mut Blocks, span: &Range<u64>) -> Option<Block> {
        blocks.take(usize::try_from(span.end - span.start).unwrap_or(usize::MAX), &mut self.held)
    }

    /// Stops reading the socket until something happens.
    pub(crate) fn stall(&mut self, work: &mut Work) {
        self.stalled = true;
        work.stats.stalls += 1;
    }

    /// Looks at what was received, and begins requests. Returns whether there is more to begin after
    /// these are submitted.
    fn advance(&mut self, work: &mut Work) -> io::Result<bool> {
        self.stalled = false;
        let before = work.queue.len();
        while self.state == State::Open {
            let queued = work.queue.len();
            if queued >= BURST * work.clients && queued > before && !self.input.bytes().is_empty() {
                return Ok(true);
            }
            let more = match self.phase {
                Phase::Handshake(handshake) => self.handshake(work, handshake),
                Phase::Header if work.ending => false,
                Phase::Header => self.header(work)?,
                Phase::Payload { job, next } => self.payload(work, job, next)?,
                Phase::Stream { job, next } => self.stream(work, job, next)?,
                Phase::Skip { left } => self.skip(left),
            };
            if !more {
                break;
            }
        }
        Ok(false)
    }

    fn handshake(&mut self, work: &mut Work, mut handshake: Handshake) -> bool {
        if self.output.text().len() > 3 * MAX_ANSWER {
            self.stalled = true;
            return false;
        }
        let (consumed, next) = handshake.step(self.input.bytes(), &work.offer, self.output.text());
        self.input.consume(consumed);
        self.phase = Phase::Handshake(handshake);
        match next {
            Next::More => return false,
            Next::Again => {}
            Next::Transmission => {
                self.phase = Phase::Header;
                self.deadline = None;
            }
            Next::Close(why) => {
                work.log.limited(format_args!("client {}: {why}", self.serial));
                self.state = State::Ending;
            }
        }
        true
    }

    fn skip(&mut self, left: u32) -> bool {
        let available = u32::try_from(self.input.bytes().len()).unwrap_or(u32::MAX);
        let skipped = left.min(available);
        self.input.consume(usize::try_from(skipped).unwrap_or(0));
        self.phase = match left - skipped {
            0 => Phase::Header,
            left => Phase::Skip { left },
        };
        left == skipped
    }
}
