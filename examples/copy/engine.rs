//! The copying itself. One context reads and writes, with as many requests in flight as there are
//! buffers:
//!
//! ```text
//!             ┌───────────────── the buffer is idle ◀─────────────────┐
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
    Batch, Borrowed, Completion, Context, ContextError, Errno, PageBuf, Request, Stats,
};
use std::{io, thread};

/// How many requests are submitted together. The context may have room for many more.
const BATCH: usize = 64;

/// Copies the blocks of `source`.
pub(crate) fn copy(
    source: &Source,
    destination: &Destination,
    options: &Options,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<Stats, Failure> {
    let mut cx = Context::<PageBuf, Step>::new(options.depth)?;
    let mut work = Work {
        source,
        destination,
        progress,
        blocks: Blocks::new(source.extents(), options.block),
        batch: Batch::new(),
        idle: Vec::new(),
        to_make: options.depth,
        block_len: options.block,
    };
    loop {
        work.submit(&mut cx)?;
        if cx.outstanding() == 0 {
            break;
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
    let stats = cx.stats();
    cx.close()?;
    Ok(stats)
}

/// What the requests have in common. The buffers are in `idle`, in the batch, or in the context.
struct Work<'a> {
    source: &'a Source,
    destination: &'a Destination,
    progress: &'a Progress,
    /// The blocks that have not been started.
    blocks: Blocks<'a>,
    batch: Batch<Borrowed<'a>, PageBuf, Step, BATCH>,
    idle: Vec<PageBuf>,
    /// How many buffers may still be made.
    to_make: usize,
    block_len: usize,
}

impl<'a> Work<'a> {
    /// Submits the requests in the batch, and starts as many blocks as there are buffers for.
    ///
    /// If the kernel has no memory for all of them, the rest stays in the batch. At least one request
    /// is in flight then, and its completion makes room.
    fn submit(&mut self, cx: &mut Context<PageBuf, Step>) -> Result<(), Failure> {
        let mut patience = 100;
        loop {
            self.fill_idle()?;
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
    fn fill_idle(&mut self) -> Result<(), Failure> {
        while !self.batch.is_full() && (self.to_make > 0 || !self.idle.is_empty()) {
            let Some(block) = self.blocks.next() else {
                break;
            };
            let block =
                block.map_err(|e| Failure::io("find the holes of", self.source.path(), e))?;
            let buf = match self.idle.pop() {
                Some(buf) => buf,
                None => self.make_buffer()?,
            };
            self.push(Direction::Fill, block, buf, 0)?;
        }
        Ok(())
    }

    /// Adds a request for a block, from this byte of it on.
    fn push(
        &mut self,
        direction: Direction,
        block: Block,
        buf: PageBuf,
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
    fn advance(&mut self, done: Completion<PageBuf, Step>) -> Result<(), Failure> {
        let Step { direction, block, direct } = done.tag;
        let start = done.info().range().start;
        match done.result {
            Ok(bytes) if start + bytes >= block.len => match direction {
                Direction::Fill => self.filled(block, done.buf),
                Direction::Drain => {
                    self.progress.advance(block.len);
                    self.idle.push(done.buf);
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
    fn filled(&mut self, block: Block, mut buf: PageBuf) -> Result<(), Failure> {
        let mut bytes = buf.iter().take(block.len);
        if self.source.may_have_hidden_holes() && bytes.all(|&byte| byte == 0) {
            // The destination has a hole there.
            self.progress.advance(block.len);
            self.idle.push(buf);
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
        done: Completion<PageBuf, Step>,
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

    fn make_buffer(&mut self) -> Result<PageBuf, Failure> {
        self.to_make -= 1;
        PageBuf::new(self.block_len)
            .map_err(|errno| Failure::Memory { bytes: self.block_len, errno })
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
