//! The socket of a client: receiving, sending, and polls for both.

use super::{Conn, Phase, Receiving, State};
use crate::{input::Received, queue::Tag, work::Work};
use linux_aio::{PollEvents, Request};
use std::{io, rc::Rc};

impl Conn {
    pub(super) fn receive(&mut self, work: &mut Work) {
        let payload = match &mut self.receiving {
            Some(Receiving { block, piece, at }) => {
                block.get_mut(*at..piece.1.end).unwrap_or_default()
            }
            None => &mut [],
        };
        match self.input.receive(&self.socket, payload) {
            Ok((_, Received::End)) => self.hung_up(work),
            Ok((filled, received)) => {
                if let Some(receiving) = &mut self.receiving {
                    receiving.at += filled;
                }
                self.readable = received == Received::Full;
                if !matches!(self.phase, Phase::Handshake(_)) {
                    self.deadline = None;
                }
            }
            Err(errno) => self.close(work, &errno.to_string()),
        }
    }

    pub(super) fn send(&mut self, work: &mut Work) {
        if self.state == State::Closed || !self.writable || self.output.is_empty() {
            return;
        }
        work.progress += 1;
        match self.output.send(&self.socket, &mut work.blocks, &mut self.held) {
            Ok(writable) => self.writable = writable,
            Err(errno) => self.close(work, &errno.to_string()),
        }
    }

    /// Submits polls for what the connection waits for.
    pub(super) fn poll(&mut self, work: &mut Work) -> io::Result<()> {
        if self.state == State::Closed {
            return Ok(());
        }
        let mut submit = |tag, events| {
            let request = Request::poll(Rc::clone(&self.socket)).events(events);
            work.queue.push(request.with_buf(None).tag(tag))
        };
        let reads = self.state == State::Open && !self.stalled;
        if reads && !self.readable && !self.polls_readable {
            submit(Tag::Readable(self.slot), PollEvents::IN)?;
            self.polls_readable = true;
        }
        if !self.output.is_empty() && !self.writable && !self.polls_writable {
            submit(Tag::Writable(self.slot), PollEvents::OUT)?;
            self.polls_writable = true;
        }
        Ok(())
    }
}
