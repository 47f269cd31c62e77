//! The kernel's data types, byte for byte: `include/uapi/linux/aio_abi.h` and what the six calls
//! take besides.
//!
//! Field names are those of the header. Every layout is asserted at compile time, beside its type:
//! size, alignment, the offset and type of each field, and that no field was left out.

use core::mem::{align_of, offset_of, size_of};

/// Asserts the layout of a `repr(C)` struct when the crate is compiled: its size, its alignment,
/// and for every field its type and offset. A field that is missing in the list is an error, since
/// the list is used to take the struct apart.
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

/// `aio_context_t`: the kernel's name for a context, which is the address of its completion ring.
#[doc(alias = "aio_context_t")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct AioContext(pub u64);

impl AioContext {
    /// No context: what `io_setup` must find in the variable that it fills.
    pub const NONE: Self = Self(0);
}

const _: () = assert!(size_of::<AioContext>() == 8 && align_of::<AioContext>() == 8);

/// `struct iocb`: one request, as `io_submit` reads it.
///
/// The kernel copies it inside `io_submit` and keeps its *address* (it comes back as
/// [`IoEvent::obj`], and names the request to `io_cancel`). It **writes** [`aio_key`] there, so
/// the pointer handed over must allow writing.
///
/// [`aio_key`]: Self::aio_key
#[doc(alias = "iocb")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Iocb {
    /// The caller's value, given back as [`IoEvent::data`].
    pub aio_data: u64,
    /// Written by `io_submit` (`KIOCB_KEY`, 0), read by `io_cancel`.
    #[cfg(target_endian = "little")]
    pub aio_key: u32,
    /// `RWF_*` flags, see [`RwFlags`](crate::RwFlags).
    pub aio_rw_flags: i32,
    /// Written by `io_submit` (`KIOCB_KEY`, 0), read by `io_cancel`.
    #[cfg(target_endian = "big")]
    pub aio_key: u32,
    /// What to do: one of the `IOCB_CMD_*`.
    pub aio_lio_opcode: u16,
    /// I/O priority, valid with [`IOCB_FLAG_IOPRIO`].
    pub aio_reqprio: i16,
    /// The file descriptor.
    pub aio_fildes: u32,
    /// Address of the data, or of the array of `iovec`; the event mask for `POLL`.
    pub aio_buf: u64,
    /// Bytes at [`aio_buf`](Self::aio_buf), or number of `iovec`.
    pub aio_nbytes: u64,
    /// Position in the file, in bytes.
    pub aio_offset: i64,
    /// Must be 0.
    pub aio_reserved2: u64,
    /// `IOCB_FLAG_*`; bits that the kernel does not know are ignored.
    pub aio_flags: u32,
    /// The eventfd to count completions on, valid with [`IOCB_FLAG_RESFD`].
    pub aio_resfd: u32,
}

/// Where the header puts `aio_key` and `aio_rw_flags`: the two change places with the byte order.
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
    /// The result: a count (or event mask), or a negated errno.
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

/// `struct aio_ring`: the start of the completion ring, which the kernel maps into the process. The
/// context's name ([`AioContext`]) is its address. [`nr`](Self::nr) times [`IoEvent`] follow.
///
/// Kernel and process change it while others read it: never make a reference to one that is mapped.
///
/// # Kernel
///
/// `fs/aio.c`; no header has it, but programs have relied on it since Linux 2.6.
#[doc(alias = "aio_ring")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct AioRing {
    /// The kernel's number for the context.
    pub id: u32,
    /// How many events there is room for, one of which is never used. Not a power of two.
    pub nr: u32,
    /// The event to be taken next. The process's to change.
    pub head: u32,
    /// Where the kernel will put the next event.
    pub tail: u32,
    /// [`MAGIC`](Self::MAGIC).
    pub magic: u32,
    /// What a program may know of the ring; 1 on every kernel so far.
    pub compat_features: u32,
    /// What a program must know of the ring to read it.
    pub incompat_features: u32,
    /// Where the events begin, in bytes.
    pub header_length: u32,
}

impl AioRing {
    /// What [`magic`](Self::magic) is.
    #[doc(alias = "AIO_RING_MAGIC")]
    pub const MAGIC: u32 = 0xa10a_10a1;
    /// What [`incompat_features`](Self::incompat_features) is, in a ring as described here.
    #[doc(alias = "AIO_RING_INCOMPAT_FEATURES")]
    pub const INCOMPAT_FEATURES: u32 = 0;
    /// What [`header_length`](Self::header_length) is, in a ring as described here.
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
/// The kernel does not validate it: a negative span waits for ever.
#[doc(alias = "timespec")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Timespec {
    /// Whole seconds.
    pub tv_sec: i64,
    /// Nanoseconds on top, below 1,000,000,000.
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
    /// The signals to block while waiting, one bit each, bit 0 for signal 1.
    pub sigmask: *const u64,
    /// Bytes at [`sigmask`](Self::sigmask): must be 8 (the kernel's set, not the C library's).
    pub sigsetsize: usize,
}

assert_layout!(AioSigset: size 16, align 8;
    0 => sigmask: *const u64,
    8 => sigsetsize: usize,
);

/// `struct iovec`: one piece of a vectored transfer. Copied inside `io_submit`.
#[doc(alias = "iovec")]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Iovec {
    /// The first byte.
    pub iov_base: *mut u8,
    /// How many bytes.
    pub iov_len: usize,
}

assert_layout!(Iovec: size 16, align 8;
    0 => iov_base: *mut u8,
    8 => iov_len: usize,
);

/// The most pieces that a vectored transfer may have: `UIO_MAXIOV`.
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
/// In the header; the kernel refuses it.
pub const IOCB_CMD_NOOP: u16 = 6;
/// Reads into an array of `iovec`. Since Linux 2.6.19.
pub const IOCB_CMD_PREADV: u16 = 7;
/// Writes from an array of `iovec`. Since Linux 2.6.19.
pub const IOCB_CMD_PWRITEV: u16 = 8;

/// [`Iocb::aio_resfd`] is valid.
pub const IOCB_FLAG_RESFD: u32 = 1 << 0;
/// [`Iocb::aio_reqprio`] is valid. Since Linux 4.18.
pub const IOCB_FLAG_IOPRIO: u32 = 1 << 1;
