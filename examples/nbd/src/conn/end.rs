//! How a connection ends: by the client, by the server, or because time is up.

use super::{Conn, Phase, State};
use crate::{
    wire::Header,
    work::{Job, JobId, Work},
};
use rustix::net::{Shutdown, shutdown};

impl Conn {
    /// Ends the connection if the client has not sent in time what it has begun.
    pub(super) fn watch_time(&mut self, work: &mut Work) {
        let begun = match self.phase {
            Phase::Handshake(_) => true,
            Phase::Header => {
                !self.input.bytes().is_empty() && self.input.bytes().len() < Header::LEN
            }
            Phase::Payload { .. } | Phase::Skip { .. } => true,
            Phase::Stream { .. } => false,
        };
        if self.state != State::Open || self.stalled || !begun {
            self.deadline = None;
        } else if *self.deadline.get_or_insert(work.now + work.timeout) <= work.now {
            self.expel(work, "it did not send in time what it had begun");
        }
    }

    /// The server ends: the connection is ended when its requests are done.
    pub(super) fn end_if_idle(&mut self, work: &mut Work) {
        // A WRITE whose data did not come yet is not waited for.
        let unfinished = usize::from(matches!(self.phase, Phase::Payload { .. }));
        if self.state == State::Open && self.jobs <= unfinished && self.output.is_empty() {
            self.close(work, "the server ends");
        }
    }

    pub(super) fn hung_up(&mut self, work: &mut Work) {
        let clean = matches!(self.phase, Phase::Header) && self.input.bytes().is_empty();
        self.close(work, if clean { "" } else { "it hung up in the middle of a message" });
    }

    /// Ends the connection because of what the client did.
    pub(crate) fn expel(&mut self, work: &mut Work, why: &str) {
        work.stats.expelled += 1;
        self.close(work, why);
    }

    /// Ends the connection. Operations of the disk go on; their results are dropped.
    pub(crate) fn close(&mut self, work: &mut Work, why: &str) {
        if self.state == State::Closed {
            return;
        }
        self.state = State::Closed;
        self.due = true;
        self.deadline = None;
        // The polls of the socket complete now, and the client sees the end at once.
        let _not_connected = shutdown(&*self.socket, Shutdown::Both);
        self.output.clear(&mut work.blocks, &mut self.held);
        let received = self.receiving.take().map(|receiving| receiving.block);
        for block in self.pieces.drain(..).map(|piece| piece.block).chain(received) {
            work.blocks.give(block, &mut self.held);
        }
        if let Phase::Payload { job, .. } | Phase::Stream { job, .. } = self.phase {
            self.abandon(work, job);
        }
        work.progress += 1;
        let (serial, colon) = (self.serial, if why.is_empty() { "" } else { ": " });
        work.log.limited(format_args!("client {serial} disconnected{colon}{why}"));
    }

    /// Gives up a request that is still being received or begun.
    fn abandon(&mut self, work: &mut Work, id: JobId) {
        // If a read has streamed to its end, its number may be that of another request now.
        let mine = |job: &&mut Job| job.conn == self.slot && job.issuing;
        if let Some(job) = work.jobs.get_mut(id).filter(mine) {
            job.issuing = false;
            if job.ops == 0 {
                work.jobs.remove(id);
                self.jobs -= 1;
            }
        }
    }
}
