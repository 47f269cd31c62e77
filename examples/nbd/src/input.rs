//! What has come from a client and was not looked at yet: a buffer of fixed size.

use rustix::io::{Errno, readv};
use std::{io::IoSliceMut, os::fd::OwnedFd};

/// The size of the buffer. An option of the handshake fits. When the buffer is full, the rest waits
/// in the socket.
const SIZE: usize = 32 << 10;

/// Bytes that were received.
#[derive(Debug)]
pub struct Input {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

/// How a call of [`Input::receive`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// There was as much as there was room for. There may be more.
    Full,
    /// There is no more at the moment.
    Drained,
    /// The client has closed its side.
    End,
}

impl Input {
    /// Makes an empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: vec![0; SIZE].into(), start: 0, end: 0 }
    }

    /// Returns the bytes that were not consumed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Removes bytes from the front.
    pub fn consume(&mut self, len: usize) {
        self.start = (self.start + len).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Moves as many bytes as possible to the front of `to`. Returns how many.
    pub fn take(&mut self, to: &mut [u8]) -> usize {
        let len = to.len().min(self.end - self.start);
        if let (Some(to), Some(from)) = (to.get_mut(..len), self.bytes().get(..len)) {
            to.copy_from_slice(from);
        }
        self.consume(len);
        len
    }

    /// Receives from the socket by one call: first into `payload`, then into the buffer. Returns how
    /// many bytes of `payload` were filled.
    ///
    /// If `payload` is not empty, the buffer must be empty: its bytes come first.
    ///
    /// # Errors
    ///
    /// The errno of `readv`, unless the socket has no data.
    pub fn receive(
        &mut self,
        socket: &OwnedFd,
        payload: &mut [u8],
    ) -> Result<(usize, Received), Errno> {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let wanted = payload.len();
        let room = self.bytes.get_mut(self.end..).unwrap_or_default();
        let most = wanted + room.len();
        if most == 0 {
            return Ok((0, Received::Full));
        }
        let mut parts = [IoSliceMut::new(payload), IoSliceMut::new(room)];
        let received = match readv(socket, &mut parts) {
            Ok(0) => return Ok((0, Received::End)),
            Ok(received) => received,
            Err(Errno::AGAIN | Errno::INTR) => return Ok((0, Received::Drained)),
            Err(errno) => return Err(errno),
        };
        let filled = received.min(wanted);
        self.end += received - filled;
        Ok((filled, if received == most { Received::Full } else { Received::Drained }))
    }
}

impl Default for Input {
    fn default() -> Self {
        Self::new()
    }
}
