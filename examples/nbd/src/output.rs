//! What is to be sent to a client: the answers of the handshake, then replies in order, with their
//! data in blocks.

use crate::{
    blocks::{Block, Blocks, Held},
    wire::REPLY_LEN,
};
use rustix::io::{Errno, writev};
use std::{collections::VecDeque, io::IoSlice, ops::Range, os::fd::OwnedFd};

/// How many pieces one call sends.
const PIECES: usize = 64;

/// Replies that were not sent yet.
#[derive(Debug)]
pub struct Output {
    text: Vec<u8>,
    replies: VecDeque<Reply>,
    /// How many bytes of `text`, or of the first reply, were sent.
    sent: usize,
}

/// A reply, or a piece of one.
#[derive(Debug)]
struct Reply {
    header: Option<[u8; REPLY_LEN]>,
    data: Option<(Block, Range<usize>)>,
}

impl Output {
    /// Makes an empty queue with memory for so many replies.
    #[must_use]
    pub fn new(replies: usize, text: usize) -> Self {
        Self { text: Vec::with_capacity(text), replies: VecDeque::with_capacity(replies), sent: 0 }
    }

    /// Returns where to append an answer of the handshake.
    pub fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Adds a reply without data.
    pub fn push(&mut self, header: [u8; REPLY_LEN]) {
        self.replies.push_back(Reply { header: Some(header), data: None });
    }

    /// Adds a reply with data, or one more piece of the data of the last reply.
    pub fn push_data(
        &mut self,
        header: Option<[u8; REPLY_LEN]>,
        block: Block,
        range: Range<usize>,
    ) {
        self.replies.push_back(Reply { header, data: Some((block, range)) });
    }

    /// Returns how many replies, or pieces of them, are not sent yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.replies.len()
    }

    /// Whether everything was sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.len() == 0
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
        while !self.is_empty() {
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
        let replies = self.replies.iter().map(Reply::parts);
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
            if self.sent < len {
                return;
            }
            self.sent -= len;
            if let Some(Reply { data: Some((block, _)), .. }) = self.replies.pop_front() {
                blocks.give(block, held);
            }
        }
    }

    /// Drops everything and gives back the blocks.
    pub fn clear(&mut self, blocks: &mut Blocks, held: &mut Held) {
        self.text.clear();
        for reply in self.replies.drain(..) {
            if let Some((block, _)) = reply.data {
                blocks.give(block, held);
            }
        }
        self.sent = 0;
    }
}

impl Reply {
    fn parts(&self) -> [&[u8]; 2] {
        let data = self.data.as_ref();
        let data = data.and_then(|(block, range)| block.get(range.clone())).unwrap_or_default();
        [self.header.as_ref().map_or(&[], |header| &header[..]), data]
    }

    fn len(&self) -> usize {
        self.parts().iter().map(|part| part.len()).sum()
    }
}
