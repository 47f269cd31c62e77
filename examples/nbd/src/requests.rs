//! Requests of a client: how each is begun, and how it ends.

use crate::{
    conn::{Conn, Phase, Receiving},
    disk::Done,
    wire::{Command, Header, Refusal, reply},
    work::{JobId, Stream, Work},
};
use linux_aio::RwFlags;
use std::io;

impl Conn {
    /// Begins the next request. Returns `false` if it is not complete, or has to wait.
    pub(crate) fn header(&mut self, work: &mut Work) -> io::Result<bool> {
        let Some(bytes) = self.input.bytes().first_chunk() else { return Ok(false) };
        let Some(header) = Header::parse(bytes) else {
            self.expel(work, "it sent something else than a request");
            return Ok(false);
        };
        if self.jobs + self.output.len() >= work.limit {
            self.stall(work);
            return Ok(false);
        }
        if let Err(refusal) = work.offer.geometry.check(&header) {
            self.input.consume(Header::LEN);
            self.refuse(work, header, refusal);
            return Ok(true);
        }
        match header.command {
            Command::Read if header.len > 0 => return self.begin_read(work, header),
            Command::Disconnect => {
                self.close(work, "");
                return Ok(false);
            }
            _ => self.input.consume(Header::LEN),
        }
        let job = work.begin(self.slot, header);
        self.jobs += 1;
        match header.command {
            Command::Write if header.len > 0 => {
                self.phase = Phase::Payload { job, next: header.offset };
            }
            Command::Trim | Command::WriteZeroes => work.slow.push_back(job),
            Command::Flush => {
                if let Some(job) = work.jobs.get_mut(job) {
                    job.issuing = false;
                }
                work.sync(job)?;
            }
            // A CACHE has nothing to do: there is no cache. Neither have requests of no bytes.
            _ => self.finish(work, job),
        }
        Ok(true)
    }

    fn refuse(&mut self, work: &mut Work, header: Header, refusal: Refusal) {
        let Header { command, offset, len, .. } = header;
        work.log.limited(format_args!(
            "client {}: {command:?} of {len} bytes at {offset} is refused: {refusal:?}",
            self.serial()
        ));
        work.stats.record(command, 0, false, work.now.elapsed());
        self.output.push(reply(header.cookie, Err(refusal)));
        if header.payload() > 0 {
            self.phase = Phase::Skip { left: header.payload() };
        }
    }

    fn begin_read(&mut self, work: &mut Work, header: Header) -> io::Result<bool> {
        let piece = work.disk.piece(header.offset, u64::from(header.len));
        if u32::try_from(piece.1.len()) != Ok(header.len) {
            self.input.consume(Header::LEN);
            let job = work.begin(self.slot, header);
            self.jobs += 1;
            if let Some(job) = work.jobs.get_mut(job) {
                job.stream = Stream::Closed;
            }
            self.phase = Phase::Stream { job, next: header.offset };
            return Ok(true);
        }
        let Some(block) = self.take_block(&mut work.blocks, &piece.0) else {
            self.stall(work);
            return Ok(false);
        };
        self.input.consume(Header::LEN);
        let id = work.begin(self.slot, header);
        self.jobs += 1;
        if let Some(job) = work.jobs.get_mut(id) {
            (job.ops, job.issuing) = (1, false);
        }
        work.disk.read(&mut work.queue, id, piece, block)?;
        Ok(true)
    }

    /// Begins the next piece of a long read.
    pub(crate) fn stream(&mut self, work: &mut Work, id: JobId, next: u64) -> io::Result<bool> {
        let Some(job) = work.jobs.get_mut(id) else { return Ok(false) };
        let end = job.header.range().end;
        // Only one piece is read before it is known whether the reply is an error.
        if job.ops > 0 && job.stream == Stream::Closed {
            self.stalled = true;
            return Ok(false);
        }
        let piece = work.disk.piece(next, end - next);
        let Some(block) = self.take_block(&mut work.blocks, &piece.0) else {
            self.stall(work);
            return Ok(false);
        };
        job.ops += 1;
        let opened = job.stream == Stream::Open;
        let next = piece.0.end.min(end);
        job.issuing = next < end;
        let op = work.disk.read(&mut work.queue, id, piece, block)?;
        if opened {
            self.output.expect(op);
        }
        self.phase = Phase::Stream { job: id, next };
        if next == end {
            self.output.end_stream();
            self.phase = Phase::Header;
        }
        Ok(true)
    }

    /// Moves data of a WRITE to a block, and writes the block when it is full.
    pub(crate) fn payload(&mut self, work: &mut Work, id: JobId, next: u64) -> io::Result<bool> {
        let Some(job) = work.jobs.get_mut(id) else { return Ok(false) };
        let end = job.header.range().end;
        let mut receiving = match self.receiving.take() {
            Some(receiving) => receiving,
            None => {
                let piece = work.disk.piece(next, end - next);
                let Some(block) = self.take_block(&mut work.blocks, &piece.0) else {
                    self.stall(work);
                    return Ok(false);
                };
                let at = piece.1.start;
                Receiving { block, piece, at }
            }
        };
        let Receiving { block, piece, at } = &mut receiving;
        *at += self.input.take(block.get_mut(*at..piece.1.end).unwrap_or_default());
        if *at < piece.1.end {
            self.receiving = Some(receiving);
            return Ok(false);
        }
        let Receiving { block, piece, .. } = receiving;
        let next = piece.0.end.min(end);
        job.ops += 1;
        job.issuing = next < end;
        self.phase = if job.issuing { Phase::Payload { job: id, next } } else { Phase::Header };
        let flags = if job.header.fua() { RwFlags::DSYNC } else { RwFlags::empty() };
        work.disk.write(&mut work.queue, id, piece, block, flags)?;
        Ok(true)
    }

    /// An operation of the disk is over.
    pub(crate) fn done(&mut self, work: &mut Work, done: Done) -> io::Result<()> {
        let Done { op, job: id, block, bytes, result } = done;
        let Some(job) = work.jobs.get_mut(id) else { return Ok(()) };
        job.ops -= 1;
        let Header { command, cookie, offset, len, .. } = job.header;
        if let Err(errno) = result {
            job.result = Err(Refusal::of_errno(errno.raw()));
            work.log.limited(format_args!(
                "client {}: {command:?} of {len} bytes at {offset} failed: {errno}",
                self.serial()
            ));
        }
        let is_read = command == Command::Read;
        match job.stream {
            _ if self.is_closed() => work.blocks.give(block, &mut self.held),
            Stream::No if is_read && result.is_ok() => {
                self.output.push_data(reply(cookie, Ok(())), block, bytes);
                job.stream = Stream::Open;
            }
            Stream::Closed if result.is_ok() => {
                self.output.begin_stream(reply(cookie, Ok(())), block, bytes);
                job.stream = Stream::Open;
            }
            Stream::Closed => {
                work.blocks.give(block, &mut self.held);
                job.issuing = false;
                self.phase = Phase::Header;
            }
            Stream::Open if result.is_ok() => {
                if let Err(block) = self.output.fill(op, block, bytes) {
                    work.blocks.give(block, &mut self.held);
                }
            }
            Stream::Open => {
                work.blocks.give(block, &mut self.held);
                // The header of the reply said that there is no error.
                self.close(work, "a read failed after a part of it was sent");
            }
            Stream::No => work.blocks.give(block, &mut self.held),
        }
        work.progress += 1;
        self.finish_if_over(work, id)
    }

    /// Ends a request if nothing more is to be done for it, except a sync.
    pub(crate) fn finish_if_over(&mut self, work: &mut Work, id: JobId) -> io::Result<()> {
        let Some(job) = work.jobs.get(id).filter(|job| job.is_over()) else { return Ok(()) };
        // (Writes with data are on stable storage already.)
        let by_sync = matches!(job.header.command, Command::Trim | Command::WriteZeroes);
        if by_sync && job.header.fua() && job.result.is_ok() && !self.is_closed() {
            return work.sync(id);
        }
        self.finish(work, id);
        Ok(())
    }

    /// Replies to a request, unless its reply was sent with its data.
    pub(crate) fn finish(&mut self, work: &mut Work, id: JobId) {
        let Some(job) = work.jobs.remove(id) else { return };
        self.jobs -= 1;
        work.progress += 1;
        let Header { command, len, cookie, .. } = job.header;
        work.stats.record(command, len, job.result.is_ok(), job.started.elapsed());
        if !self.is_closed() && job.stream != Stream::Open {
            self.output.push(reply(cookie, job.result));
        }
    }

    /// Gives up a request that is still being received or begun.
    pub(crate) fn abandon(&mut self, work: &mut Work, id: JobId) {
        if let Some(job) = work.jobs.get_mut(id) {
            job.issuing = false;
            if job.ops == 0 {
                work.jobs.remove(id);
                self.jobs -= 1;
            }
        }
    }
}
