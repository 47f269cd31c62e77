//! Reads the records of a log, and finds its end.

use crate::{
    failure::Failure,
    file::LogFile,
    format::{BLOCK, BLOCK_U64, HEAD, Head, identity},
};
use linux_aio::{Batch, Context, Errno, Error, PageBuf, Request};

/// Bytes of one read.
const CHUNK: usize = 64 << 10;
/// Reads in flight.
const DEPTH: usize = 8;

/// What a scan has found.
pub(crate) struct End {
    /// The identity of the log.
    pub(crate) identity: u64,
    /// Where the next group begins, in bytes.
    pub(crate) offset: u64,
    /// The number of the next record.
    pub(crate) seq: u64,
}

/// Calls `each` with the number and the data of each record, in order, and returns where they end.
///
/// # Errors
///
/// The file is not a log, cannot be read, or is damaged; or the error of `each`.
pub(crate) fn scan(
    log: &LogFile,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), Failure>,
) -> Result<End, Failure> {
    let mut window = Window::new(log)?;
    let identity =
        identity(window.bytes(0, BLOCK)?).ok_or_else(|| Failure::NotALog(log.path.clone()))?;
    let mut end = End { identity, offset: BLOCK_U64, seq: 1 };
    loop {
        match window.record(identity, end.offset)? {
            Some((head, data)) if head.seq == end.seq => {
                each(head.seq, data)?;
                end.offset += length(HEAD + data.len());
                end.seq += 1;
            }
            // The rest of the block is padding, or a record that is not complete.
            _ if !end.offset.is_multiple_of(BLOCK_U64) => {
                end.offset = end.offset.next_multiple_of(BLOCK_U64);
            }
            _ => break,
        }
    }
    // A group is written when the group before it is on stable storage. So if there is another group
    // behind the end, the records at the end were there once.
    let mut behind = end.offset;
    while behind < window.len {
        match window.record(identity, behind)? {
            Some((head, _)) if head.group == head.seq && head.seq >= end.seq => {
                let End { offset, seq, .. } = end;
                return Err(Failure::Damaged { path: log.path.clone(), offset, seq });
            }
            _ => behind += BLOCK_U64,
        }
    }
    Ok(end)
}

/// A part of the file, in memory. It moves towards the end of the file.
struct Window<'l> {
    log: &'l LogFile,
    /// The length of the file.
    len: u64,
    /// Where the part begins in the file.
    start: u64,
    bytes: Vec<u8>,
    cx: Context<PageBuf, u64>,
    buffers: Vec<PageBuf>,
}

impl<'l> Window<'l> {
    fn new(log: &'l LogFile) -> Result<Self, Failure> {
        let cx = Context::new(DEPTH).map_err(|error| log.failure("read", error))?;
        let buffers = (0..DEPTH).map(|_| PageBuf::new(CHUNK)).collect::<Result<_, _>>();
        let buffers = buffers.map_err(|errno| log.failure("read", errno))?;
        Ok(Self { log, len: log.len()?, start: 0, bytes: Vec::new(), cx, buffers })
    }

    /// Returns the record at an offset, if there is a valid one.
    fn record(&mut self, identity: u64, offset: u64) -> Result<Option<(Head, &[u8])>, Failure> {
        let Some(head) = Head::parse(self.bytes(offset, HEAD)?) else { return Ok(None) };
        let record = self.bytes(offset, HEAD + head.data_len())?;
        let data = record.get(HEAD..).unwrap_or_default();
        Ok(head.is_valid(identity, data).then_some((head, data)))
    }

    /// Returns bytes of the file: fewer than `len` at its end.
    fn bytes(&mut self, offset: u64, len: usize) -> Result<&[u8], Failure> {
        let end = (offset + length(len)).min(self.len);
        while self.start + length(self.bytes.len()) < end {
            let before = offset.saturating_sub(self.start);
            let before = usize::try_from(before).unwrap_or(usize::MAX).min(self.bytes.len());
            self.bytes.drain(..before);
            self.start += length(before);
            self.read_on()?;
        }
        let from = usize::try_from(offset.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let rest = self.bytes.get(from..).unwrap_or_default();
        Ok(rest.get(..len).unwrap_or(rest))
    }

    /// Reads what follows the window, up to `DEPTH` chunks.
    fn read_on(&mut self) -> Result<(), Failure> {
        let log = self.log;
        let failure = |error: Error| log.failure("read", error);
        let mut batch = Batch::<_, _, _, DEPTH>::new();
        let mut offset = self.start + length(self.bytes.len());
        while offset < self.len
            && let Some(buf) = self.buffers.pop()
        {
            let request = Request::read(&log.file, buf, offset).tag(offset);
            batch.push(request).map_err(|full| failure(full.into()))?;
            offset += length(CHUNK);
        }
        self.cx.submit(&mut batch).map_err(|error| failure(error.into()))?;
        let done = self.cx.wait_all(None).map_err(|error| failure(error.into()))?;
        let mut done = done.collect::<Vec<_>>();
        done.sort_by_key(|done| done.tag);
        for done in done {
            done.outcome().map_err(|error| failure(error.into()))?;
            // A short read is not the end of the log: what follows it would be cut off.
            let expected = self.len.saturating_sub(done.tag).min(length(CHUNK));
            if length(done.transferred().len()) != expected {
                return Err(failure(Errno::EIO.into()));
            }
            self.bytes.extend_from_slice(done.transferred());
            self.buffers.push(done.buf);
        }
        Ok(())
    }
}

/// Converts a length to an offset.
pub(crate) fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
