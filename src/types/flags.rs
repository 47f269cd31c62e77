//! [`Opcode`], [`RwFlags`], [`PollEvents`]: the operation of a request, its flags, and the events
//! of a poll.

use crate::abi;
use bitflags::bitflags;

/// The operation of a request.
///
/// ```
/// use linux_aio::Opcode;
///
/// let reads = Opcode::ALL.into_iter().filter(|opcode| opcode.is_read());
/// assert_eq!(reads.map(Opcode::name).collect::<Vec<_>>(), ["read", "readv"]);
/// assert!(Opcode::Pwritev.is_transfer() && Opcode::Pwritev.is_vectored());
/// assert!(!Opcode::Fsync.is_transfer());
/// assert_eq!(Opcode::Poll.raw(), linux_aio::abi::IOCB_CMD_POLL);
/// ```
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
    /// Every operation that the kernel has. (`IOCB_CMD_NOOP` is in its header, but the kernel
    /// refuses it.)
    pub const ALL: [Self; 7] = [
        Self::Pread,
        Self::Pwrite,
        Self::Preadv,
        Self::Pwritev,
        Self::Fsync,
        Self::Fdsync,
        Self::Poll,
    ];

    /// Returns the kernel's number for the operation.
    #[must_use]
    #[inline]
    #[expect(clippy::as_conversions, reason = "the discriminants are the kernel's numbers")]
    pub const fn raw(self) -> u16 {
        self as u16
    }

    /// Returns the operation with this `aio_lio_opcode`, of an iocb that this crate made.
    #[inline]
    pub(crate) const fn of(number: u16) -> Self {
        match number {
            abi::IOCB_CMD_PWRITE => Self::Pwrite,
            abi::IOCB_CMD_FSYNC => Self::Fsync,
            abi::IOCB_CMD_FDSYNC => Self::Fdsync,
            abi::IOCB_CMD_POLL => Self::Poll,
            abi::IOCB_CMD_PREADV => Self::Preadv,
            abi::IOCB_CMD_PWRITEV => Self::Pwritev,
            // `IOCB_CMD_PREAD`, the only other possibility: the number was made from an `Opcode`.
            _ => Self::Pread,
        }
    }

    /// Returns the name of the operation in this crate: that of the constructor of
    /// [`Request`](crate::Request).
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

    /// Returns whether the operation transfers bytes, so that its `aio_buf` is an address.
    #[must_use]
    #[inline]
    pub const fn is_transfer(self) -> bool {
        matches!(self, Self::Pread | Self::Pwrite | Self::Preadv | Self::Pwritev)
    }

    /// Returns whether the operation transfers several pieces, so that its `aio_buf` is the address
    /// of iovecs.
    #[must_use]
    #[inline]
    pub const fn is_vectored(self) -> bool {
        matches!(self, Self::Preadv | Self::Pwritev)
    }

    /// Returns whether the operation is a read, in which the kernel writes to the buffer.
    #[must_use]
    pub const fn is_read(self) -> bool {
        matches!(self, Self::Pread | Self::Preadv)
    }
}

bitflags! {
    /// Flags of one read or write: the kernel's `RWF_*`.
    ///
    /// If the running kernel or the file system does not support a flag, the request completes with
    /// `EOPNOTSUPP`; the library removes no flags. The kernel accepts some flags where they have no
    /// effect: `HIPRI` everywhere, and on reads the flags for writes (`DSYNC`, `SYNC`, `APPEND`,
    /// `NOAPPEND` and `NOSIGNAL`). [`from_bits_retain`](Self::from_bits_retain) sets bits that have
    /// no name here.
    ///
    /// # Kernel
    ///
    /// `kiocb_set_rw_flags` in `include/linux/fs.h`; `preadv2(2)` describes them.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct RwFlags: u32 {
        /// Requests high priority by polling the device. Reads and writes. Native AIO accepts and
        /// ignores it. Since Linux 4.13.
        const HIPRI = 0x1;
        /// Data is on stable storage when the write completes, as with `O_DSYNC`. Writes (without
        /// effect on reads). Since Linux 4.13.
        const DSYNC = 0x2;
        /// Data and metadata are on stable storage when the write completes, as with `O_SYNC`.
        /// Writes (without effect on reads). Since Linux 4.13.
        const SYNC = 0x4;
        /// The request fails with `EAGAIN` instead of blocking. Reads and writes. Since Linux 4.14.
        /// Some kernels fail every direct write with `EAGAIN`, so do not retry without limit.
        const NOWAIT = 0x8;
        /// Writes at the end of the file, whatever the offset of the request; the result does not
        /// contain the actual offset. Since Linux 4.16.
        const APPEND = 0x10;
        /// Writes at the offset of the request, even if the file is open with `O_APPEND`. Since
        /// Linux 6.9.
        const NOAPPEND = 0x20;
        /// Writes all bytes or none, also if power fails. Direct writes only, of a power of two
        /// bytes; otherwise `EOPNOTSUPP`. Since Linux 6.11.
        const ATOMIC = 0x40;
        /// Removes the data from the page cache after the transfer. Buffered reads and writes.
        /// Since Linux 6.14.
        const DONTCACHE = 0x80;
        /// Sends no `SIGPIPE` if a write fails because the pipe or socket is closed. Since Linux
        /// 6.18.
        const NOSIGNAL = 0x100;
    }
}

bitflags! {
    /// The events that a poll waits for or reports: the kernel's `POLL*`.
    ///
    /// The kernel always adds [`ERR`](Self::ERR) and [`HUP`](Self::HUP) to the requested events,
    /// and may report more events than were requested. Bits that have no name here are kept.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct PollEvents: u16 {
        /// There is something to read.
        const IN = 0x1;
        /// There is something urgent to read.
        const PRI = 0x2;
        /// Writing does not block.
        const OUT = 0x4;
        /// An error is pending. Always reported.
        const ERR = 0x8;
        /// The other end was closed. Always reported.
        const HUP = 0x10;
        /// Not an open file. Native AIO returns `EBADF` instead.
        const NVAL = 0x20;
        /// There is normal data to read.
        const RDNORM = 0x40;
        /// There is priority data to read.
        const RDBAND = 0x80;
        /// Normal data may be written.
        const WRNORM = 0x100;
        /// Priority data may be written.
        const WRBAND = 0x200;
        /// A message is available (unused by the kernel).
        const MSG = 0x400;
        /// The other end has shut down writing.
        const RDHUP = 0x2000;

        const _ = !0;
    }
}

impl Default for PollEvents {
    /// Returns the default events of a poll: [`IN`](Self::IN), [`OUT`](Self::OUT) and
    /// [`PRI`](Self::PRI).
    fn default() -> Self {
        Self::IN | Self::OUT | Self::PRI
    }
}
