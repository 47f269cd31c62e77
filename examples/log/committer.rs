//! [`Committer`]: writes groups of records to the file, and makes them durable.

use crate::{
    failure::Failure,
    file::LogFile,
    format::{BLOCK, BLOCK_U64},
    scan::{End, length},
};
use linux_aio::{Batch, Context, Error, PageBuf, Request};
use rustix::fs::{FallocateFlags, fallocate};

/// Bytes of one write, a multiple of a block.
const CHUNK: usize = 64 << 10;
/// Writes of one group: more than the longest group has.
const WRITES: usize = 64;
/// The most bytes of a group.
pub(crate) const MAX_GROUP: usize = CHUNK * WRITES;
/// The file is extended by this many bytes at a time. Writes that extend a file are not asynchronous.
const EXTENSION: u64 = 4 << 20;

/// Appends groups to a log.
pub(crate) struct Committer {
    log: LogFile,
    /// Where the next group begins.
    offset: u64,
    /// The length of the file.
    len: u64,
    cx: Context<PageBuf, ()>,
    buffers: Vec<PageBuf>,
}

impl Committer {
    /// Prepares a log for appending after its end: cuts off what is behind, a group that was not
    /// acknowledged, and makes the rest durable, since the last group may not be.
    pub(crate) fn new(log: LogFile, end: &End) -> Result<Self, Failure> {
        let cut = log.file.set_len(end.offset).and_then(|()| log.file.sync_all());
        cut.map_err(|error| log.failure("cut off the end of", error))?;
        let cx = Context::new(WRITES).map_err(|error| log.failure("write", error))?;
        Ok(Self { log, offset: end.offset, len: end.offset, cx, buffers: Vec::new() })
    }

    /// Appends a group. When this returns `Ok`, it is on stable storage. After an error, nothing can be
    /// appended any more: the end of the file is not known, and the log has to be opened again.
    ///
    /// Blocks of groups before are not written again, so that a crash cannot damage them.
    pub(crate) fn commit(&mut self, group: &[u8]) -> Result<(), Failure> {
        let end = (self.offset + length(group.len())).next_multiple_of(BLOCK_U64);
        self.extend(end)?;
        let Self { log, cx, buffers, .. } = self;
        let failure = |error: Error| log.failure("write", error);
        let mut batch = Batch::<_, _, _, WRITES>::new();
        let mut offset = self.offset;
        for part in group.chunks(CHUNK) {
            let mut buf = match buffers.pop() {
                Some(buf) => buf,
                None => PageBuf::new(CHUNK).map_err(|errno| failure(errno.into()))?,
            };
            let padded = part.len().next_multiple_of(BLOCK);
            let (data, rest) = buf.split_at_mut(part.len());
            data.copy_from_slice(part);
            rest.fill(0);
            let request = Request::write(&log.file, buf, offset).range(..padded);
            let request = request.map_err(|error| failure(error.into()))?;
            batch.push(request).map_err(|full| failure(full.into()))?;
            offset += length(padded);
        }
        let written = cx.write_and_sync(&mut batch, &log.file, |done| buffers.push(done.buf));
        written.map_err(|error| failure(error.into()))?;
        self.offset = end;
        Ok(())
    }

    /// Extends the file to this length at least, with allocated space where that is possible.
    fn extend(&mut self, end: u64) -> Result<(), Failure> {
        if end <= self.len {
            return Ok(());
        }
        let file = &self.log.file;
        let to = |len: u64| fallocate(file, FallocateFlags::empty(), self.len, len - self.len);
        // A disk that is almost full may have room for this group.
        let extended = match to(end + EXTENSION) {
            Ok(()) => Ok(end + EXTENSION),
            Err(rustix::io::Errno::OPNOTSUPP) => {
                return file
                    .set_len(end)
                    .map(|()| self.len = end)
                    .map_err(|error| self.log.failure("extend", error));
            }
            Err(_) => to(end).map(|()| end),
        };
        self.len = extended.map_err(|errno| self.log.failure("extend", errno))?;
        Ok(())
    }

    /// Gives back the space behind the last group.
    pub(crate) fn close(self) -> Result<(), Failure> {
        let trimmed = self.log.file.set_len(self.offset);
        trimmed.map_err(|error| self.log.failure("trim", error))
    }
}
