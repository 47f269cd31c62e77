//! [`Statx`]: the attributes of a file, as `statx(2)` returns them.

use core::mem::offset_of;

/// `struct statx` of linux/stat.h. Fields that the crate does not use are in `unused*`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Statx {
    /// Which attributes the kernel has set.
    pub(crate) mask: u32,
    unused_blksize_to_gid: [u32; 6],
    /// The type and the permissions.
    pub(crate) mode: u16,
    unused_after_mode: u16,
    unused_ino_to_mnt_id: [u64; 15],
    /// The address of a direct transfer is a multiple of this; 0 without direct I/O.
    pub(crate) dio_mem_align: u32,
    /// Offset and length of a direct transfer are multiples of this; 0 without direct I/O.
    pub(crate) dio_offset_align: u32,
    unused_subvol_to_segments: [u32; 5],
    /// Offset and length of a direct read are multiples of this; 0 if it does not differ.
    pub(crate) dio_read_offset_align: u32,
    unused_rest: [u64; 9],
}

const _: () = assert!(
    size_of::<Statx>() == 256
        && align_of::<Statx>() == 8
        && offset_of!(Statx, mask) == 0
        && offset_of!(Statx, mode) == 28
        && offset_of!(Statx, dio_mem_align) == 152
        && offset_of!(Statx, dio_offset_align) == 156
        && offset_of!(Statx, dio_read_offset_align) == 180
);

impl Statx {
    /// `STATX_TYPE`.
    pub(crate) const TYPE: u32 = 0x1;
    /// `STATX_DIOALIGN`, since Linux 6.1.
    pub(crate) const DIOALIGN: u32 = 0x2000;
    /// `STATX_DIO_READ_ALIGN`, since Linux 6.14.
    pub(crate) const DIO_READ_ALIGN: u32 = 0x2_0000;

    /// No attribute is set.
    pub(crate) const EMPTY: Self = Self {
        mask: 0,
        unused_blksize_to_gid: [0; 6],
        mode: 0,
        unused_after_mode: 0,
        unused_ino_to_mnt_id: [0; 15],
        dio_mem_align: 0,
        dio_offset_align: 0,
        unused_subvol_to_segments: [0; 5],
        dio_read_offset_align: 0,
        unused_rest: [0; 9],
    };
}

/// What `fstatfs(2)` returns of a file system, as far as the crate uses it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statfs {
    /// `f_type`: the magic number of the file system.
    pub(crate) magic: u64,
    /// `f_bsize`: the block size, in bytes.
    pub(crate) block_size: u64,
}
