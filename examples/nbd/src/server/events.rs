//! What the event loop does when something has happened.

use super::{PATIENCE, Server};
use crate::{blocks::Block, conn::Conn, geometry::Refusal, queue::Tag, work::Work};
use linux_aio::Completion;
use std::{io, time::Duration};

impl Server {
    pub(super) fn accept(&mut self) -> io::Result<()> {
        self.accept_again = None;
        while let Some(listener) = &self.listener {
            let Some(slot) = self.conns.iter().position(Option::is_none) else { return Ok(()) };
            match listener.accept() {
                Ok((socket, peer)) => {
                    self.serial += 1;
                    self.work.stats.connections += 1;
                    self.work.log.limited(format_args!("client {} connected: {peer}", self.serial));
                    let conn = Conn::new(slot, self.serial, socket, peer, &self.work);
                    if let Some(free) = self.conns.get_mut(slot) {
                        *free = Some(Box::new(conn));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.knocking = false;
                    return self.poll(Tag::Listener);
                }
                // The client is gone already.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    self.work.log.limited(format_args!("cannot accept a client: {error}"));
                    self.accept_again = Some(self.work.now + Duration::from_secs(1));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    pub(super) fn heed_signals(&mut self) -> io::Result<()> {
        self.signalled = false;
        let asked = self.signals.take();
        if asked.report {
            self.report();
        }
        if asked.stop && !self.work.ending {
            self.work.log.say(format_args!("ending: requests that were begun are finished"));
            self.work.ending = true;
            self.give_up = Some(self.work.now + PATIENCE);
            // Nobody can connect any more.
            self.listener = None;
            self.knocking = false;
        }
        self.poll(Tag::Signals)
    }
}

/// A request of the disk has completed.
pub(super) fn disk(
    work: &mut Work,
    conns: &mut [Option<Box<Conn>>],
    done: Completion<Option<Block>, Tag>,
) -> io::Result<()> {
    if let Tag::Disk(op) = done.tag {
        let Some(done) = work.disk.complete(&mut work.queue, op, done)? else { return Ok(()) };
        let slot = work.jobs.get(done.job).map_or(usize::MAX, |job| job.conn);
        if let Some(Some(conn)) = conns.get_mut(slot) {
            conn.done(work, done)?;
        }
        return Ok(());
    }
    if let Err(errno) = done.result {
        work.failures.limited(format_args!("cannot sync: {errno}"));
    }
    while let Some(id) = work.syncs.in_flight.pop() {
        let Some(job) = work.jobs.get_mut(id) else { continue };
        if let Err(errno) = done.result {
            job.result = Err(Refusal::of_errno(errno.raw()));
        }
        if let Some(Some(conn)) = conns.get_mut(job.conn) {
            conn.finish(work, id);
        }
    }
    work.start_sync()
}
