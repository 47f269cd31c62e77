//! What is to be sent to a client: the answers of the handshake, then replies in order, with their
//! data in blocks.

use crate::{
    blocks::{Block, Blocks, Held},
    disk::OpId,
    wire::REPLY_LEN,
};
use rustix::io::{Errno, writev};
use std::{collections::VecDeque, io::IoSlice, ops::Range, os::fd::OwnedFd};

/// How many pieces one call sends.
const PIECES: usize = 64;

/// Replies that were not sent yet.
///
/// The reply to a long read is sent in pieces, of which the first contains the header. The later
/// pieces have a place in the queue before they were read from the disk. Until the last of them has
/// its place, other replies wait in a queue of their own.
#[derive(Debug)]
pub struct Output {
    text: Vec<u8>,
    replies: VecDeque<Reply>,
    /// How many bytes of `text`, or of the first reply, were sent.
    sent: usize,
    streaming: bool,
    later: VecDeque<Reply>,
}

/// A reply, or a piece of one.
#[derive(Debug)]
struct Reply {
    header: Option<[u8; REPLY_LEN]>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Nothing,
    /// The data is still to be read, by this operation.
    Expected(OpId),
    Data(Block, Range<usize>),
}

impl Output {
    /// Makes an empty queue with memory for so many replies.
    #[must_use]
    pub fn new(replies: usize, text: usize) -> Self {
        Self {
            text: Vec::with_capacity(text),
            replies: VecDeque::with_capacity(replies),
            sent: 0,
            streaming: false,
            later: VecDeque::with_capacity(replies),
        }
    }

    /// Returns where to append an answer of the handshake.
    pub fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Adds a reply without data.
    pub fn push(&mut self, header: [u8; REPLY_LEN]) {
        self.add(Reply { header: Some(header), body: Body::Nothing });
    }

    /// Adds a reply with data.
    pub fn push_data(&mut self, header: [u8; REPLY_LEN], block: Block, range: Range<usize>) {
        self.add(Reply { header: Some(header), body: Body::Data(block, range) });
    }

    fn add(&mut self, reply: Reply) {
        if self.streaming { &mut self.later } else { &mut self.replies }.push_back(reply);
    }

    /// Begins a reply in pieces with the first of them.
    pub fn begin_stream(&mut self, header: [u8; REPLY_LEN], block: Block, range: Range<usize>) {
        self.push_data(header, block, range);
        self.streaming = true;
    }

    /// Reserves the place of the next piece.
    pub fn expect(&mut self, op: OpId) {
        self.replies.push_back(Reply { header: None, body: Body::Expected(op) });
    }

    /// Says that no more pieces will be expected.
    pub fn end_stream(&mut self) {
        self.streaming = false;
        self.replies.append(&mut self.later);
    }

    /// Fills the place of a piece. Returns the block if there is no such place.
    ///
    /// # Errors
    ///
    /// The block.
    pub fn fill(&mut self, op: OpId, block: Block, range: Range<usize>) -> Result<(), Block> {
        let expected = |reply: &&mut Reply| matches!(reply.body, Body::Expected(at) if at == op);
        match self.replies.iter_mut().find(expected) {
            Some(reply) => {
                reply.body = Body::Data(block, range);
                Ok(())
            }
            None => Err(block),
        }
    }

    /// Returns how many replies are not sent yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.replies.len() + self.later.len()
    }

    /// Whether everything was sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.len() == 0
    }

    /// Whether there is something that can be sent now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.text.is_empty()
            || self.replies.front().is_some_and(|reply| {
                reply.header.is_some() || !matches!(reply.body, Body::Expected(_))
            })
    }

    /// Sends as much as the socket takes, and gives back the blocks that were sent. Returns `false`
    /// if the socket is full.
    ///
    /// # Errors
    ///
    /// The errno of `writev`.
    pub fn send(
        &mut self,
        socket: &OwnedFd,
        blocks: &mut Blocks,
        held: &mut Held,
    ) -> Result<bool, Errno> {
        while self.is_ready() {
            let mut slices = [IoSlice::new(&[]); PIECES];
            let parts = self.parts();
            let (count, len) =
                parts.zip(&mut slices).fold((0, 0), |(count, len), (part, slice)| {
                    *slice = IoSlice::new(part);
                    (count + 1, len + part.len())
                });
            let sent = match writev(socket, slices.get(..count).unwrap_or_default()) {
                Ok(sent) => sent,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Ok(false),
                Err(errno) => return Err(errno),
            };
            self.advance(sent, blocks, held);
            if sent < len {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns what can be sent, in order.
    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let mut skip = self.sent;
        let replies = self.replies.iter().scan(true, |ready, reply| {
            let expected = matches!(reply.body, Body::Expected(_));
            (core::mem::replace(ready, !expected) && !expected).then(|| reply.parts())
        });
        core::iter::once(self.text.as_slice()).chain(replies.flatten()).filter_map(move |part| {
            let skipped = skip.min(part.len());
            skip -= skipped;
            part.get(skipped..).filter(|rest| !rest.is_empty())
        })
    }

    /// Removes what was sent.
    fn advance(&mut self, sent: usize, blocks: &mut Blocks, held: &mut Held) {
        self.sent += sent;
        if !self.text.is_empty() {
            if self.sent < self.text.len() {
                return;
            }
            self.sent -= self.text.len();
            self.text.clear();
        }
        while let Some(front) = self.replies.front() {
            let len = front.len();
            if self.sent < len || matches!(front.body, Body::Expected(_)) {
                return;
            }
            self.sent -= len;
            if let Some(Reply { body: Body::Data(block, _), .. }) = self.replies.pop_front() {
                blocks.give(block, held);
            }
        }
    }

    /// Drops everything and gives back the blocks.
    pub fn clear(&mut self, blocks: &mut Blocks, held: &mut Held) {
        self.text.clear();
        for reply in self.replies.drain(..).chain(self.later.drain(..)) {
            if let Body::Data(block, _) = reply.body {
                blocks.give(block, held);
            }
        }
        self.sent = 0;
        self.streaming = false;
    }
}

impl Reply {
    fn parts(&self) -> [&[u8]; 2] {
        let data = match &self.body {
            Body::Data(block, range) => block.get(range.clone()).unwrap_or_default(),
            Body::Nothing | Body::Expected(_) => &[],
        };
        [self.header.as_ref().map_or(&[], |header| &header[..]), data]
    }

    fn len(&self) -> usize {
        self.parts().iter().map(|part| part.len()).sum()
    }
}
