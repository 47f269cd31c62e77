//! Reads and writes of the file, in whole sectors, by AIO.
//!
//! A write that begins or ends within a sector needs the rest of that sector first: it reads the
//! sector, adds the bytes of the client, and writes the sector. In between, no other write may change
//! the sector, or it would be undone. So of two writes that have a sector in common, and of which one
//! is unaligned, the later waits until the earlier is over. All others are carried out at the same
//! time, in any order: the protocol promises nothing about requests that overlap.

mod unaligned;

use crate::{
    blocks::{Block, LARGE},
    export::Export,
    queue::{Queue, Tag},
    slab::Slab,
};
use linux_aio::{BufPool, Completion, Errno, PageKind, Request, RwFlags};
use std::{collections::VecDeque, io, ops::Range, rc::Rc};

/// The name of an operation.
pub type OpId = usize;

/// The operations in progress.
#[derive(Debug)]
pub struct Disk {
    /// The file.
    pub export: Export,
    ops: Slab<Op>,
    /// How many of them are unaligned writes.
    unaligned: usize,
    /// How many there were.
    unaligned_writes: u64,
    /// Writes that wait for others, in order.
    held: VecDeque<OpId>,
    /// The block into which sectors are read. An unaligned write in progress has it.
    scratch: Option<Block>,
}

/// A read or write of sectors, for a part of a client's request.
#[derive(Debug)]
struct Op {
    /// The request.
    job: usize,
    write: Option<RwFlags>,
    /// The sectors.
    span: Range<u64>,
    /// Where the client's bytes are in the block.
    bytes: Range<usize>,
    stage: Stage,
    /// The data, while the kernel does not have it.
    block: Option<Block>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It waits for other writes.
    Held,
    /// The first sector is being read.
    Head,
    /// The last sector is being read.
    Tail,
    /// The block is being read or written.
    Transfer,
}

/// An operation that is over.
#[derive(Debug)]
pub struct Done {
    /// The request.
    pub job: usize,
    /// The block, which belongs to the client's connection.
    pub block: Block,
    /// Where the client's bytes are in the export.
    pub offset: u64,
    /// Where they are in the block.
    pub bytes: Range<usize>,
    /// Whether all bytes were transferred.
    pub result: Result<(), Errno>,
}

impl Disk {
    /// Makes room for so many operations.
    ///
    /// # Errors
    ///
    /// `ENOMEM`
    pub fn new(export: Export, operations: usize) -> Result<Self, Errno> {
        Ok(Self {
            export,
            ops: Slab::new(operations),
            unaligned: 0,
            unaligned_writes: 0,
            held: VecDeque::with_capacity(operations),
            scratch: BufPool::with_pages(1, 4096, PageKind::Base)?.take(),
        })
    }

    /// Returns how a request of `len` bytes at `offset` begins: the sectors of its first piece, and
    /// where the piece is in a block.
    #[must_use]
    pub fn piece(&self, offset: u64, len: u64) -> (Range<u64>, Range<usize>) {
        let align = u64::from(self.export.geometry.align);
        let start = offset - offset % align;
        let most = u64::try_from(LARGE).unwrap_or(u64::MAX);
        let end = offset.saturating_add(len).min(start + most);
        let index = |at: u64| usize::try_from(at - start).unwrap_or(LARGE);
        (start..end.next_multiple_of(align), index(offset)..index(end))
    }

    /// Begins to read.
    ///
    /// # Errors
    ///
    /// None, unless the numbers of requests were wrong.
    pub fn read(
        &mut self,
        queue: &mut Queue,
        job: usize,
        piece: (Range<u64>, Range<usize>),
        block: Block,
    ) -> io::Result<()> {
        let (span, bytes) = piece;
        let op = Op { job, write: None, span, bytes, stage: Stage::Transfer, block: Some(block) };
        let id = self.ops.insert(op);
        self.transfer(queue, id)
    }

    /// Begins to write, or lets the write wait for others.
    ///
    /// # Errors
    ///
    /// None, unless the numbers of requests were wrong.
    pub fn write(
        &mut self,
        queue: &mut Queue,
        job: usize,
        piece: (Range<u64>, Range<usize>),
        block: Block,
        flags: RwFlags,
    ) -> io::Result<()> {
        let (span, bytes) = piece;
        let write = Some(flags);
        let id =
            self.ops.insert(Op { job, write, span, bytes, stage: Stage::Held, block: Some(block) });
        let is_unaligned = self.ops.get(id).is_some_and(Op::is_unaligned);
        self.unaligned += usize::from(is_unaligned);
        self.unaligned_writes += u64::from(is_unaligned);
        if self.unaligned == 0 || self.may_start(id, self.held.len()) {
            self.start(queue, id)?;
        } else {
            self.held.push_back(id);
        }
        Ok(())
    }

    /// Returns how many writes were unaligned.
    #[must_use]
    pub const fn unaligned_writes(&self) -> u64 {
        self.unaligned_writes
    }

    /// Whether no unaligned write concerns this range.
    #[must_use]
    pub fn may_zero(&self, range: &Range<u64>) -> bool {
        self.unaligned == 0
            || !self.ops.iter().any(|(_, op)| op.is_unaligned() && overlap(&op.span, range))
    }

    /// Goes on with an operation whose request has completed. Returns it if it is over.
    ///
    /// # Errors
    ///
    /// None, unless the numbers of requests were wrong.
    pub fn complete(
        &mut self,
        queue: &mut Queue,
        id: OpId,
        done: Completion<Option<Block>, Tag>,
    ) -> io::Result<Option<Done>> {
        let Some(op) = self.ops.get_mut(id) else { return Ok(None) };
        if done.result == Err(Errno::EINTR) {
            let again = done.into_request(Rc::clone(&self.export.file));
            queue.push(again.map_err(|_| lost())?)?;
            return Ok(None);
        }
        let result = done.result;
        if op.stage != Stage::Transfer {
            return self.edge_was_read(queue, id, done.buf, result);
        }
        let all = usize::try_from(op.span.end - op.span.start).unwrap_or(usize::MAX);
        let start = done.info().range().start;
        let align = usize::try_from(self.export.geometry.align).unwrap_or(4096);
        match result {
            Ok(bytes) if start + bytes >= all => self.end(queue, id, done.buf, Ok(())),
            Ok(_) => match done.into_rest_aligned(Rc::clone(&self.export.file), align) {
                Ok(rest) => {
                    queue.push(rest)?;
                    Ok(None)
                }
                // The file has become shorter, or the device has.
                Err(done) => self.end(queue, id, done.buf, Err(Errno::EIO)),
            },
            Err(errno) => self.end(queue, id, done.buf, Err(errno)),
        }
    }

    /// Submits the read or write of the whole block.
    fn transfer(&mut self, queue: &mut Queue, id: OpId) -> io::Result<()> {
        let Some(op) = self.ops.get_mut(id) else { return Ok(()) };
        op.stage = Stage::Transfer;
        let block = op.block.take();
        let file = Rc::clone(&self.export.file);
        let len = usize::try_from(op.span.end - op.span.start).unwrap_or(0);
        let request = match op.write {
            None => Request::read(file, block, op.span.start),
            Some(flags) => Request::write(file, block, op.span.start).flags(flags),
        };
        queue.push(request.tag(Tag::Disk(id)).range(..len)?)?;
        Ok(())
    }

    /// Ends an operation, and starts the writes that have waited for it.
    fn end(
        &mut self,
        queue: &mut Queue,
        id: OpId,
        block: Option<Block>,
        result: Result<(), Errno>,
    ) -> io::Result<Option<Done>> {
        let Some(op) = self.ops.remove(id) else { return Ok(None) };
        self.unaligned -= usize::from(op.is_unaligned());
        if op.write.is_some() && !self.held.is_empty() {
            let mut kept = 0;
            for _ in 0..self.held.len() {
                let Some(next) = self.held.pop_front() else { break };
                if self.may_start(next, kept) {
                    self.start(queue, next)?;
                } else {
                    self.held.push_back(next);
                    kept += 1;
                }
            }
        }
        let block = block.ok_or_else(lost)?;
        let offset = op.span.start + u64::try_from(op.bytes.start).unwrap_or(0);
        Ok(Some(Done { job: op.job, block, offset, bytes: op.bytes, result }))
    }
}

impl Op {
    /// Whether this is a write of a part of a sector.
    fn is_unaligned(&self) -> bool {
        let len = usize::try_from(self.span.end - self.span.start).unwrap_or(0);
        self.write.is_some() && self.bytes != (0..len)
    }
}

fn overlap(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start < other.end && other.start < one.end
}

/// A request came back without its block. Nothing in this program does that.
fn lost() -> io::Error {
    io::Error::other("internal error: a block was lost")
}
