//! The other system calls that the crate makes, by the inline assembly of `sc`.

use super::{
    mm::{HUGE_PAGE, page_size},
    statx::{Statfs, Statx},
};
use crate::{
    abi::Timespec,
    types::{Errno, cast, errno::decode},
};
use core::{ffi::CStr, ptr::NonNull, time::Duration};
use sc::nr;

/// Maps private pages of zeros: `len` bytes, rounded up to whole pages.
///
/// # Errors
///
/// `EINVAL` if `len` is 0; `ENOMEM`.
pub(crate) fn mmap(len: usize) -> Result<NonNull<u8>, Errno> {
    map(len, 0)
}

/// Maps private pages of zeros from the kernel's reserve of huge pages (`MAP_HUGETLB`) of
/// [`HUGE_PAGE`] bytes.
///
/// # Errors
///
/// `ENOMEM`: the reserve does not suffice. `EINVAL`: `len` is 0, or the kernel has no huge pages of
/// this size.
pub(crate) fn mmap_hugetlb(len: usize) -> Result<NonNull<u8>, Errno> {
    const MAP_HUGETLB: usize = 0x40000;
    const MAP_HUGE_SHIFT: u32 = 26;
    const SIZE: usize = cast::from_u32(HUGE_PAGE.trailing_zeros()) << MAP_HUGE_SHIFT;
    map(len, MAP_HUGETLB | SIZE)
}

/// Maps private pages of zeros at an address that is a multiple of [`HUGE_PAGE`]: `len` bytes,
/// rounded up to whole pages. (If a sandbox forbids `munmap`, the address may be another.)
///
/// # Errors
///
/// Those of [`mmap`].
pub(crate) fn mmap_aligned(len: usize) -> Result<NonNull<u8>, Errno> {
    // Since Linux 6.7, the kernel aligns such mappings itself.
    let pages = map(len, 0)?;
    let before = pages.as_ptr().addr().wrapping_neg() % HUGE_PAGE;
    if before == 0 {
        return Ok(pages);
    }
    // SAFETY: the pages were just mapped, and are not used if the call succeeds.
    if unsafe { munmap(pages, len) }.is_err() {
        // A sandbox forbids the call.
        return Ok(pages);
    }
    // A longer mapping contains an aligned part of `len` bytes. Its two ends are unmapped.
    let len = len.checked_next_multiple_of(page_size()).ok_or(Errno::ENOMEM)?;
    let whole_len = len.checked_add(HUGE_PAGE).ok_or(Errno::ENOMEM)?;
    let whole = map(whole_len, 0)?;
    let before = whole.as_ptr().addr().wrapping_neg() % HUGE_PAGE;
    // SAFETY: `before` is less than `HUGE_PAGE`, and so less than `whole_len`.
    let aligned = unsafe { whole.add(before) };
    // SAFETY: `before + len` is at most `whole_len`.
    let after = unsafe { aligned.add(len) };
    for (end, end_len) in [(whole, before), (after, HUGE_PAGE - before)] {
        if end_len > 0 {
            // SAFETY: the end was just mapped, is not used, and is not returned. If the call fails,
            // the address range stays in use; its pages were never touched.
            let _unmapped = unsafe { munmap(end, end_len) };
        }
    }
    Ok(aligned)
}

/// Maps private, anonymous pages, with further `MAP_` flags other than `MAP_FIXED`.
fn map(len: usize, flags: usize) -> Result<NonNull<u8>, Errno> {
    const READ_WRITE: usize = 0x1 | 0x2; // PROT_READ | PROT_WRITE
    const PRIVATE_ANONYMOUS: usize = 0x2 | 0x20; // MAP_PRIVATE | MAP_ANONYMOUS
    const NO_FILE: usize = usize::MAX;
    let flags = PRIVATE_ANONYMOUS | flags;
    // SAFETY: without MAP_FIXED the kernel selects addresses at which nothing is mapped.
    let returned = unsafe { sc::syscall6(nr::MMAP, 0, len, READ_WRITE, flags, NO_FILE, 0) };
    let address = decode(returned)?;
    NonNull::new(core::ptr::with_exposed_provenance_mut(address)).ok_or(Errno::ENOMEM)
}

/// Unmaps pages.
///
/// # Errors
///
/// `EINVAL`, `ENOMEM` (splitting a mapping would exceed `vm.max_map_count`).
///
/// # Safety
///
/// The pages were mapped by [`mmap`], [`mmap_aligned`] or [`mmap_hugetlb`] with the same `len`, or are
/// a part of such pages, and no code uses them afterwards.
pub(crate) unsafe fn munmap(pages: NonNull<u8>, len: usize) -> Result<(), Errno> {
    // SAFETY: the range is a mapping of `mmap` that is not used afterwards (duty of the caller).
    let returned = unsafe { sc::syscall2(nr::MUNMAP, pages.as_ptr().expose_provenance(), len) };
    decode(returned).map(drop)
}

/// Makes the kernel clear pages in every child that is forked from now on (`MADV_WIPEONFORK`).
///
/// # Errors
///
/// `EINVAL`: the kernel is older than Linux 4.14.
///
/// # Safety
///
/// The pages were mapped by [`mmap`] with the same `len`, and hold nothing that a child needs.
pub(crate) unsafe fn madvise_wipe_on_fork(pages: NonNull<u8>, len: usize) -> Result<(), Errno> {
    const MADV_WIPEONFORK: usize = 18;
    // SAFETY: in this process nothing changes; a child does not need the content (duty of the
    // caller).
    let returned = unsafe {
        sc::syscall3(nr::MADVISE, pages.as_ptr().expose_provenance(), len, MADV_WIPEONFORK)
    };
    decode(returned).map(drop)
}

/// Advises the kernel to use huge pages for this memory (`MADV_HUGEPAGE`).
///
/// # Errors
///
/// `EINVAL`: the kernel has no transparent huge pages.
pub(crate) fn madvise_hugepage(pages: NonNull<u8>, len: usize) -> Result<(), Errno> {
    const MADV_HUGEPAGE: usize = 14;
    // SAFETY: the advice does not change the content of memory, nor what may access it.
    let returned = unsafe {
        sc::syscall3(nr::MADVISE, pages.as_ptr().expose_provenance(), len, MADV_HUGEPAGE)
    };
    decode(returned).map(drop)
}

/// Returns whether a page is mapped, by an advice that changes nothing (`MADV_NORMAL`).
pub(crate) fn is_mapped(page: usize) -> bool {
    const MADV_NORMAL: usize = 0;
    // SAFETY: the advice concerns read-ahead of files. It does not change the content of memory.
    decode(unsafe { sc::syscall3(nr::MADVISE, page, 4096, MADV_NORMAL) }).is_ok()
}

/// Returns the time of the monotonic clock, by which the kernel measures the timeout of
/// `io_getevents`.
///
/// Returns `None` if the call fails. A sandbox may forbid it, because programs that use the vDSO do
/// not make this system call.
pub(crate) fn monotonic() -> Option<Duration> {
    const CLOCK_MONOTONIC: usize = 1;
    let mut now = Timespec::default();
    let address = (&raw mut now).expose_provenance();
    // SAFETY: the kernel writes one timespec, to a local variable of that type.
    decode(unsafe { sc::syscall2(nr::CLOCK_GETTIME, CLOCK_MONOTONIC, address) }).ok()?;
    let seconds = Duration::from_secs(now.tv_sec.cast_unsigned());
    Some(seconds.saturating_add(Duration::from_nanos(now.tv_nsec.cast_unsigned())))
}

/// The lowest descriptor that the library makes. The numbers of the standard streams stay unused, if
/// one of those is closed.
pub(super) const LOWEST: usize = 3;

/// Makes another descriptor for the same open file, closed on exec.
///
/// # Errors
///
/// `EBADF`, also if a sandbox returned a number without making a descriptor; `EMFILE`.
pub(crate) fn duplicate(fd: i32) -> Result<i32, Errno> {
    const F_DUPFD_CLOEXEC: usize = 1030;
    // SAFETY: no memory is passed, and the kernel returns a number that no other code uses.
    let returned = unsafe { sc::syscall3(nr::FCNTL, cast::from_i32(fd), F_DUPFD_CLOEXEC, LOWEST) };
    // A smaller number is not a new descriptor: it would be closed although others use it.
    decode(returned)
        .and_then(|fd| if fd >= LOWEST { Ok(cast::to_i32(fd)) } else { Err(Errno::EBADF) })
}

/// Closes a descriptor.
///
/// # Safety
///
/// The caller owns `fd`, and no code uses it afterwards.
pub(crate) unsafe fn close(fd: i32) {
    // SAFETY: the caller owns `fd` (duty of the caller). It is closed even if the call returns an
    // error.
    let _closed = unsafe { sc::syscall1(nr::CLOSE, cast::from_i32(fd)) };
}

/// Writes bytes to a file, and returns how many were written.
///
/// # Errors
///
/// Those of `write`.
pub(crate) fn write(fd: i32, bytes: &[u8]) -> Result<usize, Errno> {
    let address = bytes.as_ptr().expose_provenance();
    // SAFETY: the kernel reads `bytes`, which is borrowed for the call.
    decode(unsafe { sc::syscall3(nr::WRITE, cast::from_i32(fd), address, bytes.len()) })
}

/// Reads from an offset of a file, and returns how many bytes were read.
///
/// # Errors
///
/// Those of `pread64`.
pub(crate) fn pread(fd: i32, into: &mut [u8], offset: u64) -> Result<usize, Errno> {
    let address = into.as_mut_ptr().expose_provenance();
    let (fd, offset) = (cast::from_i32(fd), cast::from_u64(offset));
    // SAFETY: the kernel writes at most `into.len()` bytes, to `into`.
    decode(unsafe { sc::syscall4(nr::PREAD64, fd, address, into.len(), offset) })
}

/// Transfers the data of a file, and the metadata that is needed to read it, to stable storage.
///
/// # Errors
///
/// Those of `fdatasync`.
pub(crate) fn fdatasync(fd: i32) -> Result<(), Errno> {
    // SAFETY: no memory is passed.
    decode(unsafe { sc::syscall1(nr::FDATASYNC, cast::from_i32(fd)) }).map(drop)
}

/// Returns the flags with which a file is open, `O_DIRECT` for example.
///
/// # Errors
///
/// Those of `fcntl`.
pub(crate) fn file_flags(fd: i32) -> Result<usize, Errno> {
    const F_GETFL: usize = 3;
    // SAFETY: no memory is passed.
    decode(unsafe { sc::syscall3(nr::FCNTL, cast::from_i32(fd), F_GETFL, 0) })
}

/// Returns the attributes of an open file that are in `mask`, and perhaps others. The kernel
/// ignores bits of the mask that it does not know.
///
/// # Errors
///
/// Those of `statx`.
pub(crate) fn statx(fd: i32, mask: u32) -> Result<Statx, Errno> {
    const AT_EMPTY_PATH: usize = 0x1000;
    let mut statx = Statx::EMPTY;
    let path = c"".as_ptr().expose_provenance();
    let (fd, mask) = (cast::from_i32(fd), cast::from_u32(mask));
    let into = (&raw mut statx).expose_provenance();
    // SAFETY: the path ends in a zero byte; the kernel writes one `struct statx`, to a local
    // variable of that type.
    decode(unsafe { sc::syscall5(nr::STATX, fd, path, AT_EMPTY_PATH, mask, into) })?;
    Ok(statx)
}

/// Returns the type and the block size of the file system of an open file.
///
/// # Errors
///
/// Those of `fstatfs`.
pub(crate) fn statfs(fd: i32) -> Result<Statfs, Errno> {
    // `struct statfs` begins with `f_type` and `f_bsize`, and has 120 bytes.
    let mut statfs = [0_u64; 15];
    let into = statfs.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes one `struct statfs`, to a local variable of its size.
    decode(unsafe { sc::syscall2(nr::FSTATFS, cast::from_i32(fd), into) })?;
    let [magic, block_size, ..] = statfs;
    Ok(Statfs { magic, block_size })
}

/// Returns the logical sector size of an open block device, in bytes.
///
/// # Errors
///
/// Those of the driver.
///
/// # Safety
///
/// If `fd` is open, it is a block device. (Other drivers may use the number of this ioctl for
/// something else.)
pub(crate) unsafe fn sector_size(fd: i32) -> Result<u32, Errno> {
    const BLKSSZGET: usize = 0x1268;
    let mut bytes = 0_u32;
    let into = (&raw mut bytes).expose_provenance();
    // SAFETY: the file is a block device (duty of the caller). The kernel writes one `int`, to a
    // local variable of that size.
    decode(unsafe { sc::syscall3(nr::IOCTL, cast::from_i32(fd), BLKSSZGET, into) })?;
    Ok(bytes)
}

/// Sets the signal mask of this thread, and returns the previous one.
///
/// # Errors
///
/// Only those of a sandbox.
pub(crate) fn set_signal_mask(mask: u64) -> Result<u64, Errno> {
    const SIG_SETMASK: usize = 2;
    let mut before = 0_u64;
    let (set, old) = ((&raw const mask).expose_provenance(), (&raw mut before).expose_provenance());
    // SAFETY: the kernel reads 8 bytes of one local variable and writes 8 bytes of another.
    decode(unsafe { sc::syscall4(nr::RT_SIGPROCMASK, SIG_SETMASK, set, old, size_of::<u64>()) })?;
    Ok(before)
}

/// Reads the beginning of a small file, like those of /proc, and returns how many bytes were read.
///
/// # Errors
///
/// Those of `openat` and `read`.
pub(crate) fn read_file(path: &CStr, into: &mut [u8]) -> Result<usize, Errno> {
    let fd = open(path)?;
    let read = read(fd, into);
    // SAFETY: the descriptor was opened above, and is not used afterwards.
    unsafe { close(fd) };
    read
}

/// Reads a file to its end, in pieces of at most `piece.len()` bytes.
///
/// # Errors
///
/// Those of `openat` and `read`.
pub(crate) fn read_pieces(
    path: &CStr,
    piece: &mut [u8],
    each: &mut dyn FnMut(&[u8]),
) -> Result<(), Errno> {
    let fd = open(path)?;
    let read = loop {
        match read(fd, piece) {
            Ok(0) => break Ok(()),
            Ok(len) => each(piece.get(..len).unwrap_or_default()),
            Err(errno) => break Err(errno),
        }
    };
    // SAFETY: the descriptor was opened above, and is not used afterwards.
    unsafe { close(fd) };
    read
}

/// Opens a file of /proc or /sys for reading, closed on exec.
fn open(path: &CStr) -> Result<i32, Errno> {
    const AT_FDCWD: usize = (-100_isize).cast_unsigned();
    const READ_ONLY_CLOSE_ON_EXEC: usize = 0o2_000_000; // O_RDONLY | O_CLOEXEC
    let path = path.as_ptr().expose_provenance();
    // SAFETY: the path ends in a zero byte.
    let opened = unsafe { sc::syscall4(nr::OPENAT, AT_FDCWD, path, READ_ONLY_CLOSE_ON_EXEC, 0) };
    let fd = decode(opened)?;
    // A sandbox in which the call returns 0 has not made a descriptor: a standard stream of the
    // program would be read and closed.
    if fd >= LOWEST || is_closed_on_exec(fd) { Ok(cast::to_i32(fd)) } else { Err(Errno::EBADF) }
}

/// Returns whether a descriptor is closed on exec. Those of the standard streams are not.
fn is_closed_on_exec(fd: usize) -> bool {
    const F_GETFD: usize = 1;
    const FD_CLOEXEC: usize = 1;
    // SAFETY: no memory is passed.
    let flags = unsafe { sc::syscall2(nr::FCNTL, fd, F_GETFD) };
    flags == FD_CLOEXEC
}

/// Reads from a file, and returns how many bytes were read.
fn read(fd: i32, into: &mut [u8]) -> Result<usize, Errno> {
    let address = into.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes at most `into.len()` bytes, to `into`.
    decode(unsafe { sc::syscall3(nr::READ, cast::from_i32(fd), address, into.len()) })
}

/// Ends the process immediately, without unwinding, by an illegal instruction.
///
/// This is for cases in which the process cannot continue, because the kernel may still write to
/// memory whose borrow is about to end.
#[cold]
pub(crate) fn abort() -> ! {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction raises SIGILL and does not return.
    unsafe {
        core::arch::asm!("ud2", options(noreturn, nostack));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the instruction raises SIGILL and does not return.
    unsafe {
        core::arch::asm!("udf #0", options(noreturn, nostack));
    }
}
