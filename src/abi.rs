//! The kernel's data types: those of `include/uapi/linux/aio_abi.h`, and the other types that the
//! six system calls use.
//!
//! Field names are those of the header. The layout of each type is asserted at compile time: its
//! size, its alignment, the offset and type of each field, and that the list of fields is complete.

use core::mem::{align_of, offset_of, size_of};

/// Asserts the layout of a `repr(C)` struct when the crate is compiled: its size, its alignment,
/// and for every field its type and offset. A field that is missing in the list is an error,
/// because the list is the pattern that destructures the struct.
macro_rules! assert_layout {
    ($name:ident: size $size:literal, align $align:literal; $($offset:expr => $field:ident: $type:ty,)+) => {
        const _: () = {
            assert!(size_of::<$name>() == $size);
            assert!(align_of::<$name>() == $align);
            $(assert!(offset_of!($name, $field) == $offset);)+
            const fn every_field_has_its_type(all: $name) {
                let $name { $($field),+ } = all;
                $(let _: $type = $field;)+
            }
            let _ = every_field_has_its_type;
        };
    };
}

pub(crate) use assert_layout;

/// The flag `O_DIRECT` of `open(2)` on the target's processor: `0o40000` on x86_64, `0o200000` on
/// aarch64.
///
/// With `std`, use `direct::OpenDirect` or `custom_flags`:
///
/// ```
/// use linux_aio::direct;
/// use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt as _};
///
/// # fn main() -> std::io::Result<()> {
/// # let path = tempfile::NamedTempFile::new()?.into_temp_path();
/// let file = OpenOptions::new().read(true).custom_flags(direct::O_DIRECT).open(&path)?;
/// # Ok(())
/// # }
/// ```
///
/// Without `std`, pass it to `openat` of any crate that makes this system call, or set it on an open
/// file by `fcntl(F_SETFL)`. `EINVAL` means that the file system has no direct I/O.
///
/// # Kernel
///
/// `open(2)`; since Linux 2.4.10.
pub const O_DIRECT: i32 = if cfg!(target_arch = "x86_64") { 0o40000 } else { 0o200_000 };

/// `aio_context_t`: the kernel's name for a context, which is the address of its completion ring.
#[doc(alias = "aio_context_t")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct AioContext(pub u64);

impl AioContext {
    /// No context: the value that the variable must have when `io_setup` is called.
    pub const NONE: Self = Self(0);
}

const _: () = assert!(size_of::<AioContext>() == 8 && align_of::<AioContext>() == 8);

/// `struct iocb`: one request, as `io_submit` reads it.
///
/// The kernel copies the iocb in `io_submit` and keeps its *address*, which it returns in
/// [`IoEvent::obj`], and by which `io_cancel` finds the request. `io_submit` also **writes**
/// [`aio_key`], so the pointer must be valid for writes.
///
/// [`aio_key`]: Self::aio_key
#[doc(alias = "iocb")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Iocb {
    /// A value that the caller chooses; the event has it as [`IoEvent::data`].
    pub aio_data: u64,
    /// Written by `io_submit` (`KIOCB_KEY`, 0), read by `io_cancel`.
    #[cfg(target_endian = "little")]
    pub aio_key: u32,
    /// `RWF_*` flags, see [`RwFlags`](crate::RwFlags).
    pub aio_rw_flags: i32,
    /// Written by `io_submit` (`KIOCB_KEY`, 0), read by `io_cancel`.
    #[cfg(target_endian = "big")]
    pub aio_key: u32,
    /// The operation: one of the `IOCB_CMD_*`.
    pub aio_lio_opcode: u16,
    /// I/O priority, valid with [`IOCB_FLAG_IOPRIO`].
    pub aio_reqprio: i16,
    /// The file descriptor.
    pub aio_fildes: u32,
    /// The address of the data, or of the array of `iovec`; the event mask for `POLL`.
    pub aio_buf: u64,
    /// The number of bytes at [`aio_buf`](Self::aio_buf), or the number of `iovec`.
    pub aio_nbytes: u64,
    /// The offset in the file, in bytes.
    pub aio_offset: i64,
    /// Must be 0.
    pub aio_reserved2: u64,
    /// `IOCB_FLAG_*`; the kernel ignores other bits.
    pub aio_flags: u32,
    /// The eventfd that is signalled on completion, valid with [`IOCB_FLAG_RESFD`].
    pub aio_resfd: u32,
}

/// The offsets of `aio_key` and `aio_rw_flags`: their order depends on the byte order.
const KEY_AND_FLAGS: (usize, usize) =
    if cfg!(target_endian = "little") { (8, 12) } else { (12, 8) };

assert_layout!(Iocb: size 64, align 8;
    0 => aio_data: u64,
    KEY_AND_FLAGS.0 => aio_key: u32,
    KEY_AND_FLAGS.1 => aio_rw_flags: i32,
    16 => aio_lio_opcode: u16,
    18 => aio_reqprio: i16,
    20 => aio_fildes: u32,
    24 => aio_buf: u64,
    32 => aio_nbytes: u64,
    40 => aio_offset: i64,
    48 => aio_reserved2: u64,
    56 => aio_flags: u32,
    60 => aio_resfd: u32,
);

/// `struct io_event`: one completion, as the kernel reports it.
#[doc(alias = "io_event")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct IoEvent {
    /// [`Iocb::aio_data`] of the request.
    pub data: u64,
    /// The address of the request's iocb.
    pub obj: u64,
    /// The result: a count (for a poll, an event mask), or a negated errno.
    pub res: i64,
    /// A second result; 0 on every kernel so far.
    pub res2: i64,
}

assert_layout!(IoEvent: size 32, align 8;
    0 => data: u64,
    8 => obj: u64,
    16 => res: i64,
    24 => res2: i64,
);

/// `struct aio_ring`: the header of the completion ring, which the kernel maps into the process.
/// Its address is the context's name ([`AioContext`]). After it come [`nr`](Self::nr) values of
/// [`IoEvent`].
///
/// The kernel and the process change it while it is mapped: never make a reference to a mapped one.
///
/// # Kernel
///
/// `fs/aio.c`. It is not in a header of the kernel, but programs have relied on it since Linux 2.6.
#[doc(alias = "aio_ring")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct AioRing {
    /// The kernel's number for the context.
    pub id: u32,
    /// The number of entries, one of which is always unused. Not necessarily a power of two.
    pub nr: u32,
    /// The index of the event that is taken next. A process that takes events changes it.
    pub head: u32,
    /// The index at which the kernel writes the next event.
    pub tail: u32,
    /// [`MAGIC`](Self::MAGIC).
    pub magic: u32,
    /// Features that a program may ignore; 1 on every kernel so far.
    pub compat_features: u32,
    /// Features that a program must know to read the ring.
    pub incompat_features: u32,
    /// The offset of the first event, in bytes.
    pub header_length: u32,
}

impl AioRing {
    /// The value of [`magic`](Self::magic).
    #[doc(alias = "AIO_RING_MAGIC")]
    pub const MAGIC: u32 = 0xa10a_10a1;
    /// The value of [`incompat_features`](Self::incompat_features) in a ring as described here.
    #[doc(alias = "AIO_RING_INCOMPAT_FEATURES")]
    pub const INCOMPAT_FEATURES: u32 = 0;
    /// The value of [`header_length`](Self::header_length) in a ring as described here.
    pub const HEADER_LENGTH: u32 = 32;
}

assert_layout!(AioRing: size 32, align 4;
    0 => id: u32,
    4 => nr: u32,
    8 => head: u32,
    12 => tail: u32,
    16 => magic: u32,
    20 => compat_features: u32,
    24 => incompat_features: u32,
    28 => header_length: u32,
);

/// `struct __kernel_timespec`: a time span for `io_getevents`.
///
/// The kernel does not validate it: with a negative time span, `io_getevents` waits for ever.
#[doc(alias = "timespec")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Timespec {
    /// Whole seconds.
    pub tv_sec: i64,
    /// Additional nanoseconds, below 1,000,000,000.
    pub tv_nsec: i64,
}

assert_layout!(Timespec: size 16, align 8;
    0 => tv_sec: i64,
    8 => tv_nsec: i64,
);

/// `struct __aio_sigset`: the last argument of `io_pgetevents`.
#[doc(alias = "__aio_sigset")]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct AioSigset {
    /// The signals to block during the wait, one bit each, bit 0 for signal 1.
    pub sigmask: *const u64,
    /// The size of the set at [`sigmask`](Self::sigmask) in bytes. Must be 8, the size of the
    /// kernel's set; the C library's is larger.
    pub sigsetsize: usize,
}

assert_layout!(AioSigset: size 16, align 8;
    0 => sigmask: *const u64,
    8 => sigsetsize: usize,
);

/// `struct iovec`: one piece of a vectored transfer. The kernel copies it in `io_submit`.
#[doc(alias = "iovec")]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Iovec {
    /// The address of the first byte.
    pub iov_base: *mut u8,
    /// The number of bytes.
    pub iov_len: usize,
}

assert_layout!(Iovec: size 16, align 8;
    0 => iov_base: *mut u8,
    8 => iov_len: usize,
);

/// The largest number of pieces of a vectored transfer: `UIO_MAXIOV`.
pub const UIO_MAXIOV: usize = 1024;

/// Reads into a buffer. Since Linux 2.6.
pub const IOCB_CMD_PREAD: u16 = 0;
/// Writes from a buffer. Since Linux 2.6.
pub const IOCB_CMD_PWRITE: u16 = 1;
/// Syncs data and metadata. Since Linux 4.18.
pub const IOCB_CMD_FSYNC: u16 = 2;
/// Syncs data. Since Linux 4.18.
pub const IOCB_CMD_FDSYNC: u16 = 3;
/// Waits for readiness, once. Since Linux 4.19.
pub const IOCB_CMD_POLL: u16 = 5;
/// Defined in the kernel's header, but the kernel refuses it.
pub const IOCB_CMD_NOOP: u16 = 6;
/// Reads into an array of `iovec`. Since Linux 2.6.19.
pub const IOCB_CMD_PREADV: u16 = 7;
/// Writes from an array of `iovec`. Since Linux 2.6.19.
pub const IOCB_CMD_PWRITEV: u16 = 8;

/// [`Iocb::aio_resfd`] is valid.
pub const IOCB_FLAG_RESFD: u32 = 1 << 0;
/// [`Iocb::aio_reqprio`] is valid. Since Linux 4.18.
pub const IOCB_FLAG_IOPRIO: u32 = 1 << 1;
