//! What a request asks for: the operation and its flags.

use crate::abi;
use bitflags::bitflags;

/// The operation of a request.
#[doc(alias = "aio_lio_opcode")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Opcode {
    /// `IOCB_CMD_PREAD`: reads from a position in the file.
    Pread,
    /// `IOCB_CMD_PWRITE`: writes to a position in the file.
    Pwrite,
}

impl Opcode {
    /// The number that the kernel knows it by.
    #[must_use]
    pub const fn raw(self) -> u16 {
        match self {
            Self::Pread => abi::IOCB_CMD_PREAD,
            Self::Pwrite => abi::IOCB_CMD_PWRITE,
        }
    }
}

bitflags! {
    /// Flags of one read or write: the kernel's `RWF_*`.
    ///
    /// A flag that the running kernel, the file system or the operation does not take makes the
    /// request complete with `EOPNOTSUPP`; none is dropped silently, except that `HIPRI` has no
    /// effect on native AIO. A bit that has no name here can be set by
    /// [`from_bits_retain`](Self::from_bits_retain).
    ///
    /// # Kernel
    ///
    /// `kiocb_set_rw_flags` in `include/linux/fs.h`; `preadv2(2)` describes them.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct RwFlags: u32 {
        /// High priority, by polling where the device can. Accepted and ignored. Since Linux 4.13.
        const HIPRI = 0x1;
        /// Data is on stable storage when the write completes, as with `O_DSYNC`. Since Linux 4.13.
        const DSYNC = 0x2;
        /// Data and metadata are on stable storage when the write completes, as with `O_SYNC`.
        /// Since Linux 4.13.
        const SYNC = 0x4;
        /// Fails with `EAGAIN` instead of blocking. Since Linux 4.14. Some kernels answer `EAGAIN`
        /// to every direct write, so it is no reason to try again for ever.
        const NOWAIT = 0x8;
        /// Writes at the end of the file, whatever the position asked for; the result does not say
        /// where. Since Linux 4.16.
        const APPEND = 0x10;
        /// Writes at the position asked for though the file is open with `O_APPEND`. Since
        /// Linux 6.9.
        const NOAPPEND = 0x20;
        /// Writes all or nothing, also when power fails. Direct writes only. Since Linux 6.11.
        const ATOMIC = 0x40;
        /// Leaves nothing behind in the page cache. Buffered I/O. Since Linux 6.14.
        const DONTCACHE = 0x80;
        /// No `SIGPIPE` when a write finds the pipe or socket closed. Since Linux 6.18.
        const NOSIGNAL = 0x100;
    }
}
