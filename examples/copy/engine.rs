//! The copying itself. One context reads and writes, with as many requests in flight as there are
//! buffers:
//!
//! ```text
//!             ┌──────────────── the pool of buffers ◀─────────────────┐
//!             ▼                                                       │
//! Blocks ──▶ Fill ──▶ submit ──▶ wait ──▶ Drain ──▶ submit ──▶ wait ──┘
//!            (read the source)            (write the destination)
//! ```

use crate::{
    args::Options,
    destination::Destination,
    end::{ALIGN, End},
    extents::Blocks,
    failure::Failure,
    progress::Progress,
    signals::Interrupt,
    source::Source,
    step::{Block, Direction, Step},
};
use core::time::Duration;
use linux_aio::{
    Batch, Borrowed, BufPool, BusyPoll, Completion, Context, ContextError, Errno, PageKind,
    PoolBuf, Request, Stats,
};
use std::{io, thread};

/// How many requests are submitted together. The context may have room for many more.
const BATCH: usize = 64;

/// A context and buffers, for one copy after the other. Making it takes less than a millisecond, but the
/// kernel needs 24 to 64 ms to end a context, so one is kept for all copies.
pub(crate) struct Engine {
    cx: Context<PoolBuf, Step>,
    pool: BufPool,
}

impl Engine {
    /// Makes a context and as many buffers as there may be requests in flight.
    pub(crate) fn new(options: &Options) -> Result<Self, Failure> {
        let mut cx = Context::new(options.depth)?;
        // It pays off while few requests are in flight.
        if !options.poll.is_zero() {
            cx.set_busy_poll(BusyPoll::Adaptive(options.poll));
        }
        let pool = BufPool::new(options.depth, options.block)
            .map_err(|errno| Failure::Memory { bytes: options.depth * options.block, errno })?;
        Ok(Self { cx, pool })
    }

    /// Copies the blocks of `source`.
    pub(crate) fn copy(
        &mut self,
        source: &Source,
        destination: &Destination,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> Result<(), Failure> {
        let Self { cx, pool } = self;
        let copied = copy(cx, pool, source, destination, progress, interrupt);
        if copied.is_err() {
            // What is in flight must not be taken for a part of the next copy.
            cx.wait_all(None)?.for_each(drop);
        }
        copied
    }

    /// The counters of all copies.
    pub(crate) fn stats(&self) -> Stats {
        self.cx.stats()
    }

    /// The kind of pages that the buffers are in.
    pub(crate) fn pages(&self) -> PageKind {
        self.pool.pages()
    }
}

/// Copies the blocks of `source`.
fn copy(
    cx: &mut Context<PoolBuf, Step>,
    pool: &BufPool,
    source: &Source,
    destination: &Destination,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let blocks = Blocks::new(source.extents(), pool.len_bytes());
    let mut work = Work { source, destination, progress, blocks, batch: Batch::new(), pool };
    loop {
        work.submit(cx)?;
        if cx.outstanding() == 0 {
            return Ok(());
        }
        // Each completion may lead to another request, for which the batch must have room. Waiting for
        // a quarter of the requests keeps the disk busy, with fewer system calls than waiting for one.
        let room = BATCH - work.batch.len();
        let enough = cx.outstanding().div_ceil(4).min(room);
        for done in cx.wait(enough, None)?.take(room) {
            work.advance(done)?;
        }
        interrupt.check()?;
    }
}

/// What the requests have in common. The buffers are in the pool, in the batch, or in the context.
struct Work<'a> {
    source: &'a Source,
    destination: &'a Destination,
    progress: &'a Progress,
    /// The blocks that have not been started.
    blocks: Blocks<'a>,
    batch: Batch<Borrowed<'a>, PoolBuf, Step, BATCH>,
    pool: &'a BufPool,
}

impl<'a> Work<'a> {
    /// Submits the requests in the batch, and starts as many blocks as there are buffers for.
    ///
    /// If the kernel has no memory for all of them, the rest stays in the batch. At least one request
    /// is in flight then, and its completion makes room.
    fn submit(&mut self, cx: &mut Context<PoolBuf, Step>) -> Result<(), Failure> {
        let mut patience = 100;
        loop {
            self.start_blocks()?;
            if self.batch.is_empty() {
                return Ok(());
            }
            match cx.submit(&mut self.batch).map_err(|error| error.cause) {
                Ok(_) if self.batch.is_empty() => continue,
                Ok(_) => return Ok(()),
                Err(ContextError::Again) if cx.outstanding() > 0 && !self.batch.is_full() => {
                    return Ok(());
                }
                Err(ContextError::Again) if patience > 0 => {
                    thread::sleep(Duration::from_millis(20));
                }
                Err(error) => return Err(error.into()),
            }
            patience -= 1;
        }
    }

    /// Starts as many blocks as there are buffers for and the batch has room for.
    fn start_blocks(&mut self) -> Result<(), Failure> {
        while !self.batch.is_full()
            && let Some(buf) = self.pool.take()
        {
            let Some(block) = self.blocks.next() else {
                break;
            };
            let block =
                block.map_err(|e| Failure::io("find the holes of", self.source.path(), e))?;
            self.push(Direction::Fill, block, buf, 0)?;
        }
        Ok(())
    }

    /// Adds a request for a block, from this byte of it on.
    fn push(
        &mut self,
        direction: Direction,
        block: Block,
        buf: PoolBuf,
        start: usize,
    ) -> Result<(), Failure> {
        let end = self.end(direction);
        let step = Step { direction, block, direct: end.is_direct() };
        let request = match direction {
            Direction::Fill => Request::read(end.file(), buf, block.position(start)),
            Direction::Drain => Request::write(end.file(), buf, block.position(start)),
        };
        Ok(self.batch.push(request.tag(step).range(start..step.len())?)?)
    }

    /// Decides what follows a request.
    fn advance(&mut self, done: Completion<PoolBuf, Step>) -> Result<(), Failure> {
        let Step { direction, block, direct } = done.tag;
        let start = done.info().range().start;
        match done.result {
            Ok(bytes) if start + bytes >= block.len => match direction {
                Direction::Fill => self.filled(block, done.buf),
                Direction::Drain => {
                    self.progress.advance(block.len);
                    Ok(())
                }
            },
            Ok(bytes) => self.came_out_short(done, bytes),
            // A signal came before the transfer.
            Err(Errno::EINTR) => self.push(direction, block, done.buf, start),
            // Some file systems accept `O_DIRECT` and refuse the requests.
            Err(Errno::EINVAL) if direct => {
                self.end(direction).give_up_direct()?;
                self.push(direction, block, done.buf, start)
            }
            Err(errno) => Err(self.failure(direction, block.position(start), errno)),
        }
    }

    /// The block has been read: writes it, unless it may be a hole.
    fn filled(&mut self, block: Block, mut buf: PoolBuf) -> Result<(), Failure> {
        let mut bytes = buf.iter().take(block.len);
        if self.source.may_have_hidden_holes() && bytes.all(|&byte| byte == 0) {
            // The destination has a hole there.
            self.progress.advance(block.len);
            return Ok(());
        }
        // The last direct write includes bytes of the buffer that are after the end of the file.
        let padding = block.len..block.len.next_multiple_of(ALIGN);
        buf.get_mut(padding).unwrap_or_default().fill(0);
        self.push(Direction::Drain, block, buf, 0)
    }

    /// Transfers the rest of a block, after so many bytes.
    fn came_out_short(
        &mut self,
        done: Completion<PoolBuf, Step>,
        bytes: usize,
    ) -> Result<(), Failure> {
        let Step { direction, block, direct } = done.tag;
        let reached = done.info().range().start + bytes;
        match direction {
            Direction::Fill if bytes == 0 => {
                return Err(self.source.ended_at(block.position(reached)));
            }
            // A file that has become shorter is the usual cause.
            Direction::Fill => self.source.check_unchanged()?,
            Direction::Drain if bytes == 0 => {
                let why = io::Error::other("nothing was written, and no reason given");
                return Err(self.failure(direction, block.position(reached), why));
            }
            Direction::Drain => {}
        }
        let end = self.end(direction);
        match done.into_rest_aligned(end.file(), if direct { ALIGN } else { 1 }) {
            Ok(rest) => Ok(self.batch.push(rest)?),
            // Direct I/O cannot start within a unit. Buffered I/O can.
            Err(done) => {
                end.give_up_direct()?;
                self.push(direction, block, done.buf, reached)
            }
        }
    }

    /// The file that requests of this direction access.
    fn end(&self, direction: Direction) -> &'a End {
        match direction {
            Direction::Fill => self.source.end(),
            Direction::Drain => self.destination.end(),
        }
    }

    fn failure(&self, direction: Direction, at: u64, error: impl Into<io::Error>) -> Failure {
        let doing = match direction {
            Direction::Fill => "read",
            Direction::Drain => "write",
        };
        Failure::at(doing, self.end(direction).path(), at, error)
    }
}
