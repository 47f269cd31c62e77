//! The transmission phase of the protocol: request headers and simple replies, bytes to values and back.
//!
//! Nothing here does I/O or allocates. All numbers are big-endian. The protocol is described in
//! `doc/proto.md` of <https://github.com/NetworkBlockDevice/nbd>.

use crate::geometry::Refusal;
use core::ops::Range;

/// The most bytes that one request transfers: what clients may assume if they do not ask.
pub const MAX_TRANSFER: u32 = 32 << 20;

const REQUEST_MAGIC: u32 = 0x2560_9513;
const SIMPLE_REPLY_MAGIC: u32 = 0x6744_6698;

/// `NBD_CMD_FLAG_FUA`: the data is on stable storage when the reply is sent.
pub(crate) const FLAG_FUA: u16 = 1 << 0;
/// `NBD_CMD_FLAG_NO_HOLE`: zeros must not become a hole.
pub(crate) const FLAG_NO_HOLE: u16 = 1 << 1;

/// What a client can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// `NBD_CMD_READ`
    Read,
    /// `NBD_CMD_WRITE`
    Write,
    /// `NBD_CMD_DISC`: the client ends the connection. There is no reply.
    Disconnect,
    /// `NBD_CMD_FLUSH`
    Flush,
    /// `NBD_CMD_TRIM`: the data is not needed any more.
    Trim,
    /// `NBD_CMD_CACHE`: the data will be read soon.
    Cache,
    /// `NBD_CMD_WRITE_ZEROES`
    WriteZeroes,
    /// A command that this server does not know.
    Unknown(u16),
}

impl Command {
    pub(crate) const fn of(number: u16) -> Self {
        match number {
            0 => Self::Read,
            1 => Self::Write,
            2 => Self::Disconnect,
            3 => Self::Flush,
            4 => Self::Trim,
            5 => Self::Cache,
            6 => Self::WriteZeroes,
            other => Self::Unknown(other),
        }
    }
}

/// A request, as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The `NBD_CMD_FLAG_*`.
    pub flags: u16,
    /// The operation.
    pub command: Command,
    /// The client's name for the request, which the reply repeats.
    pub cookie: u64,
    /// The first byte of the export that is concerned.
    pub offset: u64,
    /// The number of bytes.
    pub len: u32,
}

impl Header {
    /// The length in bytes.
    pub const LEN: usize = 28;

    /// Reads a header. Returns `None` if the magic number is wrong: the client and the server then
    /// disagree where requests begin, and the connection must end.
    #[must_use]
    pub fn parse(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let mut at = Reader(bytes);
        (at.u32()? == REQUEST_MAGIC).then_some(())?;
        Some(Self {
            flags: at.u16()?,
            command: Command::of(at.u16()?),
            cookie: at.u64()?,
            offset: at.u64()?,
            len: at.u32()?,
        })
    }

    /// Returns the number of bytes that follow the header.
    #[must_use]
    pub fn payload(&self) -> u32 {
        if self.command == Command::Write { self.len } else { 0 }
    }

    /// Whether the client asked for stable storage.
    #[must_use]
    pub const fn fua(&self) -> bool {
        self.flags & FLAG_FUA != 0
    }

    /// Whether the client forbids a hole.
    #[must_use]
    pub const fn no_hole(&self) -> bool {
        self.flags & FLAG_NO_HOLE != 0
    }

    /// Returns the bytes of the export that are concerned.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(u64::from(self.len))
    }
}

/// The length of the header of a simple reply.
pub const REPLY_LEN: usize = 16;

/// Returns the header of a simple reply.
#[must_use]
pub fn reply(cookie: u64, result: Result<(), Refusal>) -> [u8; REPLY_LEN] {
    let error = result.err().map_or(0, Refusal::number);
    let mut bytes = [0; REPLY_LEN];
    let (magic, rest) = bytes.split_at_mut(4);
    magic.copy_from_slice(&SIMPLE_REPLY_MAGIC.to_be_bytes());
    let (number, name) = rest.split_at_mut(4);
    number.copy_from_slice(&error.to_be_bytes());
    name.copy_from_slice(&cookie.to_be_bytes());
    bytes
}

/// Takes big-endian numbers from the front of a slice. `None` means that it is too short.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_without_the_magic_number_are_refused() {
        assert_eq!(Header::parse(&[0; 28]), None);
    }

    #[test]
    fn replies_have_the_cookie_and_the_error() {
        let bytes = reply(0x0102_0304_0506_0708, Err(Refusal::NoSpace));
        assert_eq!(bytes, [0x67, 0x44, 0x66, 0x98, 0, 0, 0, 28, 1, 2, 3, 4, 5, 6, 7, 8]);
    }
}
