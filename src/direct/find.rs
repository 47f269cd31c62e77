//! [`Alignment::of`]: finds out the alignment of a file.

use super::Alignment;
use crate::{
    abi::O_DIRECT,
    buf::PageBuf,
    error::DirectError,
    sys::{self, file_kind::FileKind, statx::Statx},
    types::{Errno, Fd, cast},
};

/// The smallest sector of a device.
const SMALLEST: u64 = 512;
/// The largest alignment that is tried, and the largest block size of a file system that is taken
/// for an alignment. (Network file systems report the size of a good transfer, such as 1 MiB.)
const LARGEST: u64 = 64 << 10;
/// The block size of most file systems.
const USUAL: u64 = 4096;

impl Alignment {
    /// Finds out what the memory, the offset and the length of direct transfers of a file must be
    /// multiples of.
    ///
    /// The kernel is asked by `statx`, and by `fstatfs` for the type and block size of the file
    /// system. If `statx` does not report the alignment:
    ///
    /// * for a block device, the result is the logical sector size of the device;
    /// * for a regular file, it is the block size of the file system. If the file is open for
    ///   reading and with `O_DIRECT`, one block is read; while the kernel refuses the read as
    ///   misaligned, the next power of two is tried, up to 64 KiB.
    ///
    /// In these cases the result is sufficient, but may be larger than necessary: a smaller
    /// alignment cannot be found by trying, because a read of a hole, beyond the end of the file or
    /// through the page cache succeeds with any alignment. Nothing is written. A read waits for the
    /// device, and may update the access time.
    ///
    /// The file need not be open with `O_DIRECT`, except for that read. `Ok` does not mean that it
    /// is.
    ///
    /// ```
    /// use linux_aio::direct::{Alignment, OpenDirect};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = tempfile::NamedTempFile::new()?.into_temp_path();
    /// let file = std::fs::File::options().read(true).open_direct(&path)?;
    /// let alignment = Alignment::of(&file)?;
    /// println!("memory: {}, offset and length: {}", alignment.memory(), alignment.offset());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// * [`DirectError::NotStorage`]: a pipe, a directory, a file of /proc, for example.
    /// * [`DirectError::Unsupported`]: the file system has no direct I/O for this file.
    /// * [`DirectError::Os`]: a call failed; `EBADF` if the descriptor is not open.
    ///
    /// # Kernel
    ///
    /// `statx(2)` with `STATX_DIOALIGN`: since Linux 6.1 on block devices, ext4, f2fs and xfs, on
    /// others later or not at all (not on btrfs and tmpfs in Linux 6.18). `BLKSSZGET`, `fstatfs(2)`,
    /// `pread64(2)`.
    #[doc(alias = "STATX_DIOALIGN")]
    #[doc(alias = "BLKSSZGET")]
    pub fn of<'fd>(file: impl Into<Fd<'fd>>) -> Result<Self, DirectError> {
        let fd = file.into().as_raw();
        let mask = Statx::TYPE | Statx::DIOALIGN | Statx::DIO_READ_ALIGN;
        let statx = sys::statx(fd, mask).map_err(failed("statx"))?;
        let statfs = sys::statfs(fd).map_err(failed("fstatfs"))?;
        let kind = FileKind::of(statx.mode, statfs.magic);
        if kind == FileKind::Other {
            return Err(DirectError::NotStorage);
        }
        if statx.mask & Statx::DIOALIGN != 0 {
            return reported(&statx);
        }
        if kind == FileKind::BlockDevice {
            // SAFETY: the file is a block device.
            let sector = unsafe { sys::sector_size(fd) }.map_err(failed("ioctl(BLKSSZGET)"))?;
            return Self::new(sector, sector).ok_or(DirectError::Unsupported);
        }
        let mut block = match statfs.block_size {
            size @ SMALLEST..=LARGEST if size.is_power_of_two() => size,
            _ => USUAL,
        };
        if is_direct(fd) {
            block = refused_below(fd, block)?;
        }
        let block = u32::try_from(block).unwrap_or(u32::MAX);
        Self::new(block, block).ok_or(DirectError::Unsupported)
    }
}

/// Returns the alignment that `statx` has reported.
fn reported(statx: &Statx) -> Result<Alignment, DirectError> {
    // Zeros: no direct I/O for this file.
    let alignment = Alignment::new(statx.dio_mem_align, statx.dio_offset_align)
        .ok_or(DirectError::Unsupported)?;
    let for_reads =
        if statx.mask & Statx::DIO_READ_ALIGN != 0 { statx.dio_read_offset_align } else { 0 };
    Ok(alignment.with_read_offset(for_reads))
}

/// Returns whether the file is open with `O_DIRECT`; `false` if that is unknown.
fn is_direct(fd: i32) -> bool {
    const DIRECT: usize = cast::from_i32(O_DIRECT);
    sys::file_flags(fd).is_ok_and(|flags| flags & DIRECT != 0)
}

/// Returns `block`, or the smallest power of two above it at which the kernel does not refuse a
/// read as misaligned. If the file cannot be read for another reason, returns `block`.
fn refused_below(fd: i32, block: u64) -> Result<u64, DirectError> {
    let mut pages = PageBuf::new(cast::from_u64(LARGEST)).map_err(failed("mmap"))?;
    let mut tried = block;
    while tried <= LARGEST {
        let Some(into) = pages.get_mut(..cast::from_u64(tried)) else { break };
        match sys::pread(fd, into, tried) {
            // A signal, before anything was read.
            Err(Errno::EINTR) => {}
            Err(Errno::EINVAL) => tried *= 2,
            Ok(_) => return Ok(tried),
            Err(_) => return Ok(block),
        }
    }
    Err(DirectError::Unsupported)
}

/// Returns a function that makes the error of a call.
fn failed(call: &'static str) -> impl Fn(Errno) -> DirectError {
    move |errno| DirectError::Os { call, errno }
}
