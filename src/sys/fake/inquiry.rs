//! The calls that ask about a file: `statx`, `fstatfs`, `fcntl(F_GETFL)`, `ioctl(BLKSSZGET)`; and
//! the blocking `pread64` and `fdatasync`.

use super::{Kernel, State, file::Node};
use crate::{
    abi::O_DIRECT,
    sys::{
        file_kind::{S_IFBLK, S_IFREG},
        statx::{Statfs, Statx},
    },
    types::Errno,
};

/// What the kernel and its device say about the alignment of direct I/O, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReportedAlignment {
    /// The memory, the offset, and the offset of reads, as `statx` reports them; `None` on a kernel
    /// that does not.
    pub(crate) statx: Option<[u32; 3]>,
    /// The block size of the file system.
    pub(crate) block_size: u64,
    /// The sector size of the device: `pread64` refuses direct reads that are not aligned to it.
    pub(crate) sector: u32,
    /// Whether regular files are reported as block devices.
    pub(crate) is_device: bool,
}

impl ReportedAlignment {
    pub(crate) const OF_LINUX_6_18: Self =
        Self { statx: Some([512, 512, 0]), block_size: 4096, sector: 512, is_device: false };
}

/// The system calls. An unsafe one has the duties of the function with the same name in
/// `sys::linux`.
#[allow(clippy::missing_safety_doc, reason = "they are those in `sys::linux`")]
impl Kernel {
    pub(crate) fn statx(&self, fd: i32, _mask: u32) -> Result<Statx, Errno> {
        const S_IFDIR: u16 = 0o040_000;
        const S_IFIFO: u16 = 0o010_000;
        let state = self.state();
        state.allow("statx")?;
        let mut statx = Statx::EMPTY;
        statx.mask = Statx::TYPE;
        statx.mode = match state.node(fd)? {
            Node::Regular(_) if state.alignment.is_device => S_IFBLK,
            Node::Regular(_) | Node::Opaque => S_IFREG,
            Node::Directory => S_IFDIR,
            Node::Stream(_) | Node::EventFd(_) => S_IFIFO,
        };
        if let Some([memory, offset, read]) = state.alignment.statx {
            statx.mask |= Statx::DIOALIGN;
            (statx.dio_mem_align, statx.dio_offset_align) = (memory, offset);
            if read > 0 {
                statx.mask |= Statx::DIO_READ_ALIGN;
                statx.dio_read_offset_align = read;
            }
        }
        Ok(statx)
    }

    pub(crate) fn statfs(&self, fd: i32) -> Result<Statfs, Errno> {
        const EXT4: u64 = 0xef53;
        const PROC: u64 = 0x9fa0;
        let state = self.state();
        state.allow("fstatfs")?;
        let magic = if matches!(state.node(fd)?, Node::Opaque) { PROC } else { EXT4 };
        Ok(Statfs { magic, block_size: state.alignment.block_size })
    }

    pub(crate) fn file_flags(&self, fd: i32) -> Result<usize, Errno> {
        let state = self.state();
        state.allow("fcntl")?;
        let direct = state.descriptors.get(&fd).ok_or(Errno::EBADF)?.mode.direct;
        Ok(if direct { O_DIRECT as usize } else { 0 })
    }

    pub(crate) unsafe fn sector_size(&self, fd: i32) -> Result<u32, Errno> {
        let state = self.state();
        state.allow("ioctl")?;
        match state.node(fd)? {
            Node::Regular(_) if state.alignment.is_device => Ok(state.alignment.sector),
            _ => Err(Errno::ENOTTY),
        }
    }

    pub(crate) fn pread(&self, fd: i32, into: &mut [u8], offset: u64) -> Result<usize, Errno> {
        let state = self.state();
        state.allow("pread64")?;
        let file = state.descriptors.get(&fd).ok_or(Errno::EBADF)?;
        let Node::Regular(regular) = &file.node else { return Err(Errno::EINVAL) };
        let sector = state.alignment.sector as usize;
        // Memory need not be aligned to more than a page.
        let well_placed = into.as_ptr().addr().is_multiple_of(sector.min(4096));
        let aligned = [into.len(), offset as usize].iter().all(|n| n.is_multiple_of(sector));
        if file.mode.direct && !(well_placed && aligned) {
            return Err(Errno::EINVAL);
        }
        let content = regular.content.borrow();
        let rest = content.get(offset as usize..).unwrap_or_default();
        let len = rest.len().min(into.len());
        into[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    pub(crate) fn fdatasync(&self, fd: i32) -> Result<(), Errno> {
        let in_flight = self.in_flight();
        let mut state = self.state();
        state.syncs.push(in_flight);
        state.allow("fdatasync")?;
        let file = state.descriptors.get(&fd).ok_or(Errno::EBADF)?;
        if file.can_sync() { Ok(()) } else { Err(Errno::EINVAL) }
    }
}

impl State {
    fn node(&self, fd: i32) -> Result<&Node, Errno> {
        Ok(&self.descriptors.get(&fd).ok_or(Errno::EBADF)?.node)
    }
}
