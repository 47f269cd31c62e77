//! What is exported, as far as requests are checked against it, and the errors of the protocol.

use crate::wire::{Command, FLAG_FUA, FLAG_NO_HOLE, Header, MAX_TRANSFER};

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

#[cfg(test)]
mod tests {
    use super::*;

    fn header(command: u16, flags: u16, offset: u64, len: u32) -> Header {
        Header { flags, command: Command::of(command), cookie: 7, offset, len }
    }

    const DISK: Geometry = Geometry { size: 1 << 30, align: 512, read_only: false };

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
}
