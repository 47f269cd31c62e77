//! Requests of a client: how each is begun, and how it ends.

use crate::{
    conn::{Conn, Phase, Piece, Receiving},
    disk::Done,
    geometry::Refusal,
    wire::{Command, Header, reply},
    work::{JobId, Work},
};
use linux_aio::RwFlags;
use std::{io, ops::Range};

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
        work.failures.limited(format_args!(
            "client {}: {command:?} of {len} bytes at {offset} is refused: {refusal:?}",
            self.serial()
        ));
        work.stats.record(command, 0, false, work.now.elapsed());
        self.output.push(reply(header.cookie, Err(refusal)));
        if header.payload() > 0 {
            self.phase = Phase::Skip { left: header.payload() };
        }
    }

    /// Begins a read.
    ///
    /// If there are blocks for all of it, all pieces are read, and the reply is sent when they were.
    /// A longer read waits until the client has no other request, and streams: pieces are sent as
    /// soon as they and those before were read.
    fn begin_read(&mut self, work: &mut Work, header: Header) -> io::Result<bool> {
        let all = self.take_blocks(work, &header);
        if !all && (self.jobs > 0 || !self.output.is_empty()) {
            self.stall(work);
            return Ok(false);
        }
        self.input.consume(Header::LEN);
        let id = work.begin(self.slot, header);
        self.jobs += 1;
        if !all {
            if let Some(job) = work.jobs.get_mut(id) {
                job.streams = true;
            }
            self.phase = Phase::Stream { job: id, next: header.offset };
            return Ok(true);
        }
        let Range { mut start, end } = header.range();
        if let Some(job) = work.jobs.get_mut(id) {
            (job.ops, job.issuing) = (work.taken.len(), false);
        }
        while let Some(block) = work.taken.pop() {
            let piece = work.disk.piece(start, end - start);
            start = piece.0.end.min(end);
            work.disk.read(&mut work.queue, id, piece, block)?;
        }
        Ok(true)
    }

    /// Takes the blocks for all pieces of a read, in reverse order, or none.
    fn take_blocks(&mut self, work: &mut Work, header: &Header) -> bool {
        let Range { mut start, end } = header.range();
        while start < end {
            let piece = work.disk.piece(start, end - start);
            start = piece.0.end.min(end);
            let Some(block) = self.take_block(&mut work.blocks, &piece.0) else {
                for block in work.taken.drain(..) {
                    work.blocks.give(block, &mut self.held);
                }
                return false;
            };
            work.taken.push(block);
        }
        work.taken.reverse();
        true
    }

    /// Begins the next piece of a read that streams.
    pub(crate) fn stream(&mut self, work: &mut Work, id: JobId, next: u64) -> io::Result<bool> {
        // It was the only request. No other begins before all of it is queued for sending.
        if self.jobs == 0 {
            self.phase = Phase::Header;
            return Ok(true);
        }
        let Some(job) = work.jobs.get_mut(id).filter(|job| job.issuing) else {
            self.stalled = true;
            return Ok(false);
        };
        let end = job.header.range().end;
        let piece = work.disk.piece(next, end - next);
        let Some(block) = self.take_block(&mut work.blocks, &piece.0) else {
            self.stall(work);
            return Ok(false);
        };
        let next = piece.0.end.min(end);
        job.ops += 1;
        job.issuing = next < end;
        self.phase = Phase::Stream { job: id, next };
        work.disk.read(&mut work.queue, id, piece, block)?;
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
        self.due = true;
        let Done { job: id, block, offset, bytes, result } = done;
        let Some(job) = work.jobs.get_mut(id) else { return Ok(()) };
        work.progress += 1;
        job.ops -= 1;
        let Header { command, len, .. } = job.header;
        if let Err(errno) = result {
            let start = job.header.offset;
            if job.result.is_ok() {
                work.failures.limited(format_args!(
                    "client {}: {command:?} of {len} bytes at {start} failed at {offset}: {errno}",
                    self.serial()
                ));
            }
            job.result = Err(Refusal::of_errno(errno.raw()));
            if job.streams && !self.is_closed() {
                self.stream_failed(work, id);
            }
        }
        if command == Command::Read && result.is_ok() && !self.is_closed() {
            self.pieces.push(Piece { job: id, offset, block, bytes });
            self.deliver(work, id);
        } else {
            work.blocks.give(block, &mut self.held);
        }
        self.finish_if_over(work, id)
    }

    /// Queues the pieces of a read that can be sent now.
    fn deliver(&mut self, work: &mut Work, id: JobId) {
        let Some(job) = work.jobs.get_mut(id) else { return };
        if job.result.is_err() || !job.streams && job.ops > 0 {
            return;
        }
        while let Some(next) =
            self.pieces.iter().position(|piece| piece.job == id && piece.offset == job.next)
        {
            let Piece { block, bytes, .. } = self.pieces.swap_remove(next);
            let header = (!job.is_half_sent()).then(|| reply(job.header.cookie, Ok(())));
            job.next += u64::try_from(bytes.len()).unwrap_or(0);
            self.output.push_data(header, block, bytes);
        }
    }

    /// A piece of a read that streams was not read: reports that, if it is still possible.
    fn stream_failed(&mut self, work: &mut Work, id: JobId) {
        let Some(job) = work.jobs.get_mut(id) else { return };
        if job.is_half_sent() {
            // The header of the reply has said that there is no error.
            self.close(work, "a read failed after a part of it was sent");
        } else {
            job.issuing = false;
        }
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
        self.due = true;
        let Some(job) = work.jobs.remove(id) else { return };
        // Pieces of a read that has failed.
        while let Some(next) = self.pieces.iter().position(|piece| piece.job == id) {
            work.blocks.give(self.pieces.swap_remove(next).block, &mut self.held);
        }
        self.jobs -= 1;
        work.progress += 1;
        let Header { command, len, cookie, .. } = job.header;
        work.stats.record(command, len, job.result.is_ok(), job.started.elapsed());
        let was_sent = command == Command::Read && job.is_half_sent();
        if !self.is_closed() && !was_sent {
            self.output.push(reply(cookie, job.result));
        }
    }
}
