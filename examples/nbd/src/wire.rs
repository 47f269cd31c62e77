//! The transmission phase of the protocol: request headers and simple replies, bytes to values and back.
//!
//! Nothing here does I/O or allocates. All numbers are big-endian. The protocol is described in
//! `doc/proto.md` of <https://github.com/NetworkBlockDevice/nbd>.

use core::ops::Range;

/// The most bytes that one request transfers: what clients may assume if they do not ask.
pub const MAX_TRANSFER: u32 = 32 << 20;

const REQUEST_MAGIC: u32 = 0x2560_9513;
const SIMPLE_REPLY_MAGIC: u32 = 0x6744_6698;

/// `NBD_CMD_FLAG_FUA`: the data is on stable storage when the reply is sent.
const FLAG_FUA: u16 = 1 << 0;
/// `NBD_CMD_FLAG_NO_HOLE`: zeros must not become a hole.
const FLAG_NO_HOLE: u16 = 1 << 1;

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
    const fn of(number: u16) -> Self {
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

/// What is exported, as far as requests are checked against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// The size in bytes, a multiple of `align`.
    pub size: u64,
    /// Offsets and lengths of direct I/O are multiples of this: 512 or 4096.
    pub align: u32,
    /// Whether nothing may be written.
    pub read_only: bool,
}

impl Geometry {
    /// Checks whether a request can be carried out.
    ///
    /// # Errors
    ///
    /// What to reply instead.
    pub fn check(&self, header: &Header) -> Result<(), Refusal> {
        let known = FLAG_FUA
            | match header.command {
                Command::WriteZeroes => FLAG_NO_HOLE,
                _ => 0,
            };
        if header.flags & !known != 0 {
            return Err(Refusal::Invalid);
        }
        let beyond = match header.command {
            Command::Disconnect | Command::Flush => return Ok(()),
            Command::Unknown(_) => return Err(Refusal::Invalid),
            Command::Read | Command::Cache => Refusal::Invalid,
            Command::Write | Command::Trim | Command::WriteZeroes if self.read_only => {
                return Err(Refusal::NotPermitted);
            }
            Command::Trim => Refusal::Invalid,
            Command::Write | Command::WriteZeroes => Refusal::NoSpace,
        };
        match header.offset.checked_add(u64::from(header.len)) {
            Some(end) if end <= self.size => {}
            _ => return Err(beyond),
        }
        match header.command {
            Command::Read | Command::Write if header.len > MAX_TRANSFER => Err(Refusal::Invalid),
            _ => Ok(()),
        }
    }
}

/// The errors of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `NBD_EPERM`
    NotPermitted,
    /// `NBD_EIO`
    Io,
    /// `NBD_ENOMEM`
    NoMemory,
    /// `NBD_EINVAL`
    Invalid,
    /// `NBD_ENOSPC`
    NoSpace,
}

impl Refusal {
    /// Returns the error for an errno of the disk, whose number is that of Linux.
    #[must_use]
    pub const fn of_errno(errno: i32) -> Self {
        match errno {
            1 | 13 | 30 => Self::NotPermitted, // EPERM, EACCES, EROFS
            12 => Self::NoMemory,              // ENOMEM
            27 | 28 | 122 => Self::NoSpace,    // EFBIG, ENOSPC, EDQUOT
            _ => Self::Io,
        }
    }

    /// Returns the number in the reply.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::NotPermitted => 1,
            Self::Io => 5,
            Self::NoMemory => 12,
            Self::Invalid => 22,
            Self::NoSpace => 28,
        }
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
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn header(command: u16, flags: u16, offset: u64, len: u32) -> Header {
        let mut bytes = Vec::new();
        bytes.extend(REQUEST_MAGIC.to_be_bytes());
        bytes.extend(flags.to_be_bytes());
        bytes.extend(command.to_be_bytes());
        bytes.extend(7_u64.to_be_bytes());
        bytes.extend(offset.to_be_bytes());
        bytes.extend(len.to_be_bytes());
        Header::parse(&bytes.try_into().unwrap()).unwrap()
    }

    const DISK: Geometry = Geometry { size: 1 << 30, align: 512, read_only: false };

    #[test]
    fn headers_without_the_magic_number_are_refused() {
        assert_eq!(Header::parse(&[0; 28]), None);
    }

    #[test]
    fn requests_beyond_the_end_are_refused() {
        for (command, refusal) in [
            (0, Refusal::Invalid),
            (1, Refusal::NoSpace),
            (4, Refusal::Invalid),
            (5, Refusal::Invalid),
            (6, Refusal::NoSpace),
        ] {
            assert_eq!(DISK.check(&header(command, 0, (1 << 30) - 512, 512)), Ok(()));
            for offset in [(1 << 30) - 511, 1 << 30, u64::MAX - 511, u64::MAX] {
                assert_eq!(DISK.check(&header(command, 0, offset, 512)), Err(refusal));
            }
        }
    }

    #[test]
    fn transfers_of_more_than_32_mib_are_refused() {
        for command in [0, 1] {
            assert_eq!(DISK.check(&header(command, 0, 0, 32 << 20)), Ok(()));
            let refused = DISK.check(&header(command, 0, 0, (32 << 20) + 1));
            assert_eq!(refused, Err(Refusal::Invalid));
        }
        assert_eq!(DISK.check(&header(6, 0, 0, 1 << 30)), Ok(()), "nothing is transferred");
    }

    #[test]
    fn a_read_only_export_refuses_every_kind_of_write() {
        let disk = Geometry { read_only: true, ..DISK };
        for command in [1, 4, 6] {
            assert_eq!(disk.check(&header(command, 0, 0, 512)), Err(Refusal::NotPermitted));
        }
        for command in [0, 2, 3, 5] {
            assert_eq!(disk.check(&header(command, 0, 0, 512)), Ok(()));
        }
    }

    #[test]
    fn unknown_commands_and_flags_are_refused() {
        assert_eq!(DISK.check(&header(7, 0, 0, 0)), Err(Refusal::Invalid));
        assert_eq!(DISK.check(&header(1, 2, 0, 512)), Err(Refusal::Invalid), "NO_HOLE on a write");
        assert_eq!(DISK.check(&header(6, 3, 0, 512)), Ok(()));
        assert_eq!(DISK.check(&header(0, 1 << 4, 0, 512)), Err(Refusal::Invalid));
    }

    #[test]
    fn replies_have_the_cookie_and_the_error() {
        let bytes = reply(0x0102_0304_0506_0708, Err(Refusal::NoSpace));
        assert_eq!(bytes, [0x67, 0x44, 0x66, 0x98, 0, 0, 0, 28, 1, 2, 3, 4, 5, 6, 7, 8]);
    }
}
