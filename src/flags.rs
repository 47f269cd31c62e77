//! What a request asks for: the operation, its flags, and the events of a poll.

use crate::abi;
use bitflags::bitflags;

/// The operation of a request.
#[doc(alias = "aio_lio_opcode")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u16)]
pub enum Opcode {
    /// `IOCB_CMD_PREAD`: reads from a position in the file.
    Pread = abi::IOCB_CMD_PREAD,
    /// `IOCB_CMD_PWRITE`: writes to a position in the file.
    Pwrite = abi::IOCB_CMD_PWRITE,
    /// `IOCB_CMD_FSYNC`: syncs data and metadata.
    Fsync = abi::IOCB_CMD_FSYNC,
    /// `IOCB_CMD_FDSYNC`: syncs data.
    Fdsync = abi::IOCB_CMD_FDSYNC,
    /// `IOCB_CMD_POLL`: waits for readiness, once.
    Poll = abi::IOCB_CMD_POLL,
    /// `IOCB_CMD_PREADV`: reads into several pieces of memory.
    Preadv = abi::IOCB_CMD_PREADV,
    /// `IOCB_CMD_PWRITEV`: writes from several pieces of memory.
    Pwritev = abi::IOCB_CMD_PWRITEV,
}

impl Opcode {
    /// Every operation that the kernel has. (`IOCB_CMD_NOOP` is in its header, and refused.)
    pub const ALL: [Self; 7] = [
        Self::Pread,
        Self::Pwrite,
        Self::Preadv,
        Self::Pwritev,
        Self::Fsync,
        Self::Fdsync,
        Self::Poll,
    ];

    /// The number that the kernel knows it by.
    #[must_use]
    #[inline]
    #[expect(clippy::as_conversions, reason = "the discriminants are the kernel's numbers")]
    pub const fn raw(self) -> u16 {
        self as u16
    }

    /// What an iocb of this crate asks for, by its `aio_lio_opcode`.
    #[inline]
    pub(crate) const fn of(number: u16) -> Self {
        match number {
            abi::IOCB_CMD_PWRITE => Self::Pwrite,
            abi::IOCB_CMD_FSYNC => Self::Fsync,
            abi::IOCB_CMD_FDSYNC => Self::Fdsync,
            abi::IOCB_CMD_POLL => Self::Poll,
            abi::IOCB_CMD_PREADV => Self::Preadv,
            abi::IOCB_CMD_PWRITEV => Self::Pwritev,
            // The one that is left: the number was made from an `Opcode`.
            _ => Self::Pread,
        }
    }

    /// Its name in this crate, which is that of the constructor of [`Request`](crate::Request).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pread => "read",
            Self::Pwrite => "write",
            Self::Fsync => "fsync",
            Self::Fdsync => "fdsync",
            Self::Poll => "poll",
            Self::Preadv => "readv",
            Self::Pwritev => "writev",
        }
    }

    /// Whether it transfers bytes, so that its `aio_buf` is an address.
    #[must_use]
    #[inline]
    pub const fn is_transfer(self) -> bool {
        matches!(self, Self::Pread | Self::Pwrite | Self::Preadv | Self::Pwritev)
    }
}

bitflags! {
    /// Flags of one read or write: the kernel's `RWF_*`.
    ///
    /// A flag that the running kernel or the file system does not take makes the request complete
    /// with `EOPNOTSUPP`; the library drops none. The kernel itself accepts some where they mean
    /// nothing: `HIPRI` everywhere, and on reads those that are about writing, `DSYNC`, `SYNC`,
    /// `APPEND`, `NOAPPEND` and `NOSIGNAL`. A bit that has no name here can be set by
    /// [`from_bits_retain`](Self::from_bits_retain).
    ///
    /// # Kernel
    ///
    /// `kiocb_set_rw_flags` in `include/linux/fs.h`; `preadv2(2)` describes them.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct RwFlags: u32 {
        /// High priority, by polling where the device can. Reads and writes. Accepted and ignored.
        /// Since Linux 4.13.
        const HIPRI = 0x1;
        /// Data is on stable storage when the write completes, as with `O_DSYNC`. Writes (reads
        /// take it, without effect). Since Linux 4.13.
        const DSYNC = 0x2;
        /// Data and metadata are on stable storage when the write completes, as with `O_SYNC`.
        /// Writes (reads take it, without effect). Since Linux 4.13.
        const SYNC = 0x4;
        /// Fails with `EAGAIN` instead of blocking. Reads and writes. Since Linux 4.14. Some
        /// kernels answer `EAGAIN` to every direct write, so it is no reason to try again for ever.
        const NOWAIT = 0x8;
        /// Writes at the end of the file, whatever the position asked for; the result does not say
        /// where. Since Linux 4.16.
        const APPEND = 0x10;
        /// Writes at the position asked for though the file is open with `O_APPEND`. Since
        /// Linux 6.9.
        const NOAPPEND = 0x20;
        /// Writes all or nothing, also when power fails. Direct writes only, of a power of two
        /// bytes; elsewhere `EOPNOTSUPP`. Since Linux 6.11.
        const ATOMIC = 0x40;
        /// Leaves nothing behind in the page cache. Buffered reads and writes. Since Linux 6.14.
        const DONTCACHE = 0x80;
        /// No `SIGPIPE` when a write finds the pipe or socket closed. Since Linux 6.18.
        const NOSIGNAL = 0x100;
    }
}

bitflags! {
    /// Readiness: what a poll waits for, and what it found. The kernel's `POLL*`.
    ///
    /// The kernel adds [`ERR`](Self::ERR) and [`HUP`](Self::HUP) to what is asked for, and may
    /// report more than was asked for. Bits that have no name here are kept.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct PollEvents: u16 {
        /// There is something to read.
        const IN = 0x1;
        /// There is something urgent to read.
        const PRI = 0x2;
        /// Writing does not block.
        const OUT = 0x4;
        /// An error is pending. Reported unasked.
        const ERR = 0x8;
        /// The other side has hung up. Reported unasked.
        const HUP = 0x10;
        /// Not an open file. Native AIO says `EBADF` instead.
        const NVAL = 0x20;
        /// There is normal data to read.
        const RDNORM = 0x40;
        /// There is priority data to read.
        const RDBAND = 0x80;
        /// Normal data may be written.
        const WRNORM = 0x100;
        /// Priority data may be written.
        const WRBAND = 0x200;
        /// A message is there (unused by the kernel).
        const MSG = 0x400;
        /// The other side has closed its half of the connection.
        const RDHUP = 0x2000;

        const _ = !0;
    }
}

impl Default for PollEvents {
    /// What a poll waits for unless told otherwise: anything to read, or room to write.
    fn default() -> Self {
        Self::IN | Self::OUT | Self::PRI
    }
}
