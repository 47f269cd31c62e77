//! The copying itself. One context reads and writes, as many blocks at a time as there are buffers:
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
    end::ALIGN,
    extents::Blocks,
    failure::Failure,
    progress::Progress,
    signals::Interrupt,
    source::Source,
    step::{Block, Step},
};
use core::time::Duration;
use linux_aio::{Batch, Completion, Context, ContextError, Errno, PageBuf, Request, Stats};
use std::{io, thread};

/// Copies the blocks of `source`, with up to `N` requests in flight.
pub(crate) fn copy<const N: usize>(
    source: &Source,
    destination: &Destination,
    options: &Options,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<Stats, Failure> {
    let mut cx = Context::<PageBuf, Step, N>::new()?;
    let mut work = Work {
        source,
        destination,
        progress,
        blocks: Blocks::new(source.extents(), options.block),
        batch: Batch::<_, _, N>::new(),
        idle: Vec::new(),
        to_make: options.depth.min(N),
        block_len: options.block,
    };
    loop {
        work.fill_idle()?;
        submit(&mut cx, &mut work.batch)?;
        if cx.in_flight() == 0 {
            break;
        }
        // A quarter at a time keeps the disk busy, with a fraction of the system calls that one at a
        // time takes.
        for done in cx.wait(cx.in_flight().div_ceil(4), None)? {
            work.advance(done)?;
        }
        interrupt.check()?;
    }
    let stats = cx.stats();
    cx.close()?;
    Ok(stats)
}

/// Submits the batch, as much of it as the kernel has memory for. The rest stays in the batch; then
/// at least one request is in flight, whose completion makes room.
fn submit<const N: usize>(
    cx: &mut Context<PageBuf, Step, N>,
    batch: &mut Batch<'_, PageBuf, Step, N>,
) -> Result<(), Failure> {
    let mut patience = 100;
    while let Err(error) = cx.submit(batch) {
        match error.cause {
            ContextError::Again if cx.in_flight() > 0 => break,
            ContextError::Again if patience > 0 => thread::sleep(Duration::from_millis(20)),
            _ => return Err(error.into()),
        }
        patience -= 1;
    }
    Ok(())
}

/// What the requests have in common. The buffers are in `idle`, in the batch, or in the context.
struct Work<'a, const N: usize> {
    source: &'a Source,
    destination: &'a Destination,
    progress: &'a Progress,
    /// What is still to be begun.
    blocks: Blocks<'a>,
    batch: Batch<'a, PageBuf, Step, N>,
    idle: Vec<PageBuf>,
    /// How many buffers may still be made. With those that exist they are `depth`, at most `N`, so
    /// the batch is never too small.
    to_make: usize,
    block_len: usize,
}

impl<const N: usize> Work<'_, N> {
    /// Begins as many blocks as there are buffers for.
    fn fill_idle(&mut self) -> Result<(), Failure> {
        while self.to_make > 0 || !self.idle.is_empty() {
            let Some(block) = self.blocks.next() else {
                break;
            };
            let block =
                block.map_err(|e| Failure::io("find the holes of", self.source.path(), e))?;
            let buf = match self.idle.pop() {
                Some(buf) => buf,
                None => self.make_buffer()?,
            };
            self.fill(buf, block)?;
        }
        Ok(())
    }

    /// Decides what comes after a request.
    fn advance(&mut self, done: Completion<PageBuf, Step>) -> Result<(), Failure> {
        let Completion { buf, tag, result, .. } = done;
        match (tag, result) {
            (Step::Fill(block), Ok(bytes)) => self.filled(buf, block, bytes),
            (Step::Drain(block), Ok(bytes)) => self.drained(buf, block, bytes),
            // A signal came in between.
            (Step::Fill(block), Err(Errno::EINTR)) => self.fill(buf, block),
            (Step::Drain(block), Err(Errno::EINTR)) => self.drain(buf, block),
            // Some file systems accept `O_DIRECT` and refuse the requests.
            (Step::Fill(block), Err(Errno::EINVAL)) if block.direct => {
                self.source.end().give_up_direct()?;
                self.fill(buf, block)
            }
            (Step::Drain(block), Err(Errno::EINVAL)) if block.direct => {
                self.destination.end().give_up_direct()?;
                self.drain(buf, block)
            }
            (Step::Fill(block), Err(errno)) => Err(self.cannot_read(&block, errno)),
            (Step::Drain(block), Err(errno)) => Err(self.cannot_write(&block, errno)),
        }
    }

    /// Reads the rest of the block.
    fn fill(&mut self, buf: PageBuf, mut block: Block) -> Result<(), Failure> {
        let end = self.source.end();
        block.direct = end.is_direct();
        let read = Request::read(end.file(), buf, block.position());
        let read = read.tag(Step::Fill(block)).range(block.range())?;
        Ok(self.batch.push(read)?)
    }

    /// Writes the rest of the block.
    fn drain(&mut self, buf: PageBuf, mut block: Block) -> Result<(), Failure> {
        let end = self.destination.end();
        block.direct = end.is_direct();
        let write = Request::write(end.file(), buf, block.position());
        let write = write.tag(Step::Drain(block)).range(block.range())?;
        Ok(self.batch.push(write)?)
    }

    fn filled(&mut self, mut buf: PageBuf, block: Block, bytes: usize) -> Result<(), Failure> {
        let filled = block.done + bytes;
        if filled >= block.len {
            // A direct write takes some of what comes after the end of the file in the buffer.
            let padding = block.len..block.len.next_multiple_of(ALIGN);
            buf.get_mut(padding).unwrap_or_default().fill(0);
            return self.drain(buf, block.from(0));
        }
        if bytes == 0 {
            return Err(self.source.ended_at(block.position()));
        }
        // Short, which is what the end of the file looks like.
        self.source.check_unchanged()?;
        let done = self.source.end().resume(&block, filled)?;
        self.fill(buf, block.from(done))
    }

    fn drained(&mut self, buf: PageBuf, block: Block, bytes: usize) -> Result<(), Failure> {
        let drained = block.done + bytes;
        if drained >= block.len {
            self.progress.advance(block.len);
            self.idle.push(buf);
            return Ok(());
        }
        if bytes == 0 {
            let why = io::Error::other("nothing was written, and no reason given");
            return Err(self.cannot_write(&block, why));
        }
        let done = self.destination.end().resume(&block, drained)?;
        self.drain(buf, block.from(done))
    }

    fn make_buffer(&mut self) -> Result<PageBuf, Failure> {
        self.to_make -= 1;
        PageBuf::new(self.block_len)
            .map_err(|errno| Failure::Memory { bytes: self.block_len, errno })
    }

    fn cannot_read(&self, block: &Block, error: impl Into<io::Error>) -> Failure {
        Failure::at("read", self.source.path(), block.position(), error)
    }

    fn cannot_write(&self, block: &Block, error: impl Into<io::Error>) -> Failure {
        Failure::at("write", self.destination.path(), block.position(), error)
    }
}
