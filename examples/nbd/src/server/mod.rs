//! The event loop: one thread, one context.
//!
//! ```text
//! ┌▶ every connection: send replies, receive, begin requests ─▶ queue
//! │  one step of a TRIM or WRITE_ZEROES
//! │  submit the queue: polls of sockets, reads, writes, syncs
//! │  wait for a completion, or for the time of a connection to be up
//! └─ a few completions: a socket is ready, or an operation of the disk is over
//! ```
//!
//! Nothing else waits, except `fallocate`, see [`slow`].

mod events;
mod new;

use crate::{
    blocks::Block, conn::Conn, listener::Listener, queue::Tag, signals::Signals, slow, work::Work,
};
use linux_aio::{Context, ContextError, PollEvents, Request};
use std::{
    io,
    os::fd::OwnedFd,
    rc::Rc,
    thread,
    time::{Duration, Instant},
};

/// How many completions are processed in a turn, if there is one client. The others follow in the next:
/// the client receives the first replies, and the disk the next requests, while more replies are made.
/// With more clients it is the square of their number times more: each is to get several replies, as it
/// costs more to wake it than to send them.
const BURST: usize = 4;

/// How long clients have to take their last replies when the server ends.
const PATIENCE: Duration = Duration::from_secs(10);

/// A submission that takes longer has probably blocked.
const LONG: Duration = Duration::from_millis(1);

/// A server.
#[derive(Debug)]
pub struct Server {
    cx: Context<Option<Block>, Tag>,
    work: Work,
    conns: Vec<Option<Box<Conn>>>,
    /// How many clients there were.
    serial: u64,
    /// `None` when the server ends.
    listener: Option<Listener>,
    listener_fd: Rc<OwnedFd>,
    signals: Signals,
    signals_fd: Rc<OwnedFd>,
    signalled: bool,
    /// Whether a client may be waiting to be accepted.
    knocking: bool,
    /// Accepting has failed, and is tried again at this time.
    accept_again: Option<Instant>,
    /// When the server ends, whatever clients do.
    give_up: Option<Instant>,
    print_stats: bool,
    /// The connection whose turn came first.
    first: usize,
}

impl Server {
    /// Serves clients until a signal asks for the end.
    ///
    /// # Errors
    ///
    /// The context cannot be used, or the last sync has failed.
    pub fn run(mut self) -> io::Result<()> {
        self.poll(Tag::Listener)?;
        self.poll(Tag::Signals)?;
        while !self.is_over() {
            let busy = self.turn()?;
            self.submit()?;
            let timeout = if busy { Some(Duration::ZERO) } else { self.patience() };
            let burst = BURST * self.work.clients.max(1).pow(2);
            for done in self.cx.wait(usize::from(!busy), timeout)?.take(burst) {
                match done.tag {
                    Tag::Disk(_) | Tag::Sync => {
                        events::disk(&mut self.work, &mut self.conns, done)?
                    }
                    Tag::Readable(slot) | Tag::Writable(slot) => {
                        if let Some(Some(conn)) = self.conns.get_mut(slot) {
                            conn.polled(done.tag);
                        }
                    }
                    Tag::Listener => self.knocking = true,
                    Tag::Signals => self.signalled = true,
                }
            }
            self.work.now = Instant::now();
            if self.signalled {
                self.heed_signals()?;
            }
        }
        self.end()
    }

    /// Gives every connection a turn. Returns whether there is more to do at once.
    fn turn(&mut self) -> io::Result<bool> {
        if self.knocking && self.accept_again.is_none_or(|at| at <= self.work.now) {
            self.accept()?;
        }
        let before = self.work.progress;
        let (mut busy, mut stalled) = (false, false);
        // Each turn begins with another connection: the first has the choice of the blocks.
        let count = self.conns.len();
        self.work.clients = self.conns.iter().flatten().count();
        self.first = (self.first + 1) % count.max(1);
        for index in (self.first..count).chain(0..self.first) {
            let Some(slot) = self.conns.get_mut(index) else { continue };
            let Some(conn) = slot else { continue };
            if !conn.wants_turn(&self.work) {
                continue;
            }
            busy |= conn.turn(&mut self.work)?;
            stalled |= conn.is_stalled();
            if conn.is_over() {
                *slot = None;
                // Another client may be waiting for the slot, or the server for its last client.
                busy |= self.knocking || self.work.ending;
            }
        }
        stalled |= !self.work.slow.is_empty();
        busy |= slow::turn(&mut self.work, &mut self.conns)?;
        // What a connection waits for may have happened after its turn.
        Ok(busy || stalled && self.work.progress != before)
    }

    /// Submits what is in the queue. If the kernel has no memory, the rest is submitted in the next
    /// turn.
    fn submit(&mut self) -> io::Result<()> {
        if self.work.queue.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        let result = self.work.queue.submit(&mut self.cx);
        self.work.stats.long_submissions += u64::from(started.elapsed() >= LONG);
        match result {
            Ok(_) => Ok(()),
            Err(ContextError::Again) => {
                self.work.log.limited(format_args!("{}", ContextError::Again));
                if self.cx.outstanding() == 0 {
                    thread::sleep(Duration::from_millis(10));
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn poll(&mut self, tag: Tag) -> io::Result<()> {
        let file = if tag == Tag::Listener { &self.listener_fd } else { &self.signals_fd };
        let request = Request::poll(Rc::clone(file)).events(PollEvents::IN);
        self.work.queue.push(request.with_buf(None).tag(tag))
    }

    /// Returns how long nothing has to be done, unless a request completes.
    fn patience(&self) -> Option<Duration> {
        let deadlines = self.conns.iter().flatten().filter_map(|conn| conn.deadline());
        let others = self.accept_again.into_iter().chain(self.give_up);
        let next = deadlines.chain(others).min()?;
        Some(next.saturating_duration_since(Instant::now()) + Duration::from_millis(1))
    }

    fn is_over(&mut self) -> bool {
        if self.give_up.is_some_and(|at| at <= self.work.now) {
            for conn in self.conns.iter_mut().flatten() {
                conn.close(&mut self.work, "it does not take its replies, and the server ends");
            }
        }
        self.work.ending && self.conns.iter().all(Option::is_none)
    }

    fn report(&self) {
        let (work, aio) = (&self.work, self.cx.stats());
        work.log.say(format_args!(
            "{}",
            work.stats.report(&aio, work.disk.unaligned_writes(), work.blocks.in_use())
        ));
    }

    fn end(self) -> io::Result<()> {
        if self.print_stats {
            self.report();
        }
        if !self.work.offer.geometry.read_only {
            self.work.disk.export.sync()?;
        }
        self.work.log.say(format_args!("ended; everything that was written is on stable storage"));
        self.cx.close()?;
        Ok(())
    }
}
