//! The calls as the kernel has them, by the inline assembly of `sc`.

use crate::{
    abi::{AioContext, AioSigset, IoEvent, Iocb, Timespec},
    errno::{Errno, decode},
    width,
};
use core::{ffi::CStr, ptr::NonNull, time::Duration};
use sc::nr;

/// Makes a context for `nr_events` requests and stores it in `*ctxp`.
///
/// The ring gets room for more events than asked for. Each context counts with the number asked
/// for against `/proc/sys/fs/aio-max-nr`.
///
/// # Errors
///
/// * `EINVAL`: `*ctxp` is not 0; `nr_events` is 0 or absurdly large (4,194,304 or so).
/// * `EAGAIN`: the limit `fs.aio-max-nr` is used up.
/// * `ENOMEM`: no memory for the ring.
/// * `EFAULT`: `ctxp` is not a writable address.
/// * `ENOSYS`: the kernel is built without AIO.
///
/// # Safety
///
/// `ctxp` is valid for reading and writing one [`AioContext`].
///
/// # Kernel
///
/// `io_setup(2)`; `ioctx_alloc` in `fs/aio.c`; since Linux 2.6.
#[doc(alias = "ioctx_alloc")]
pub unsafe fn io_setup(nr_events: u32, ctxp: *mut AioContext) -> Result<(), Errno> {
    // SAFETY: the kernel reads and writes 8 bytes at `ctxp`, which the caller vouches for.
    let returned =
        unsafe { sc::syscall2(nr::IO_SETUP, width::from_u32(nr_events), ctxp.expose_provenance()) };
    decode(returned).map(drop)
}

/// Ends a context: cancels what can be cancelled, waits for the rest, drops unreaped events.
///
/// Takes 24 to 64 ms even for an idle context, since it waits for an RCU grace period. A thread
/// that waits in `io_getevents` gets `EINVAL`.
///
/// # Errors
///
/// * `EINVAL`: not a context of this process, or another thread is ending it. The requests may
///   still be in flight then: only `Ok` proves that the kernel is done with the buffers.
///
/// # Safety
///
/// Nobody uses `ctx` afterwards, nor a handle of it: its number may come back as that of another
/// context, and its completion ring, which handles read, is unmapped.
///
/// # Kernel
///
/// `io_destroy(2)`; `kill_ioctx` in `fs/aio.c`; since Linux 2.6.
pub unsafe fn io_destroy(ctx: AioContext) -> Result<(), Errno> {
    // SAFETY: no memory of ours is passed; the ring that goes away is the caller's to give up.
    let returned = unsafe { sc::syscall1(nr::IO_DESTROY, width::from_u64(ctx.0)) };
    decode(returned).map(drop)
}

/// Submits the first of `nr` requests and as many of the following as the kernel takes, and says
/// how many that were.
///
/// # Errors
///
/// Those of the *first* request, or of the call. The error of a later request is not reported:
/// the count ends before it, and submitting it again, as the first, tells.
///
/// * `EAGAIN`: no room in the context, or no kernel memory.
/// * `EINVAL`: no such context, `nr` negative, or the request is malformed.
/// * `EBADF`: the file descriptor is not open, or not for this.
/// * `EFAULT`: an iocb or a pointer to it cannot be read or written, or the buffer lies outside
///   the address space.
/// * `EOPNOTSUPP`: a flag that kernel or file do not know.
///
/// # Safety
///
/// 1. `iocbpp` is valid for reading `nr` pointers; each leads to an [`Iocb`] that is valid for
///    reading and writing during the call.
/// 2. The file descriptors in it (`aio_fildes`, and `aio_resfd` with its flag) are the caller's to
///    use, and open until the call returns.
/// 3. Every buffer that an accepted request names is valid, and left alone, until its event has
///    been received (for a write, others may read it).
/// 4. For a request that is to be cancelled, the address of its iocb is not used by another.
///
/// # Kernel
///
/// `io_submit(2)`; `io_submit_one` in `fs/aio.c`; since Linux 2.6.
#[inline]
pub unsafe fn io_submit(
    ctx: AioContext,
    nr: isize,
    iocbpp: *const *mut Iocb,
) -> Result<usize, Errno> {
    // SAFETY: the kernel follows `iocbpp` and what it leads to, all of which the caller vouches for.
    let returned = unsafe {
        sc::syscall3(
            nr::IO_SUBMIT,
            width::from_u64(ctx.0),
            nr.cast_unsigned(),
            iocbpp.expose_provenance(),
        )
    };
    decode(returned)
}

/// Asks for a request in flight to be cancelled. In practice only polls can be.
///
/// # Errors
///
/// There is no success: the call never answers 0.
///
/// * `EINPROGRESS`: cancelled; its event comes as usual.
/// * `EINVAL`: no such context, no such request in flight, or not one that can be cancelled.
/// * `EFAULT`: the iocb cannot be read.
///
/// # Safety
///
/// `iocb` is the address that `io_submit` saw, still valid for reading. `result` is never used.
///
/// # Kernel
///
/// `io_cancel(2)`, whose description of `result` is out of date; `fs/aio.c`; since Linux 2.6.
pub unsafe fn io_cancel(
    ctx: AioContext,
    iocb: *mut Iocb,
    result: *mut IoEvent,
) -> Result<(), Errno> {
    // SAFETY: the kernel reads `aio_key` at `iocb`, which the caller vouches for, and no more.
    let returned = unsafe {
        sc::syscall3(
            nr::IO_CANCEL,
            width::from_u64(ctx.0),
            iocb.expose_provenance(),
            result.expose_provenance(),
        )
    };
    decode(returned).map(drop)
}

/// Takes up to `nr` events, waiting until there are `min_nr` or the timeout is over, and says how
/// many it took.
///
/// A null `timeout` waits for ever, and so does a negative one. With `min_nr` 0 it never waits.
///
/// # Errors
///
/// * `EINTR`: a signal came before any event. It comes without a handler too (stopping and
///   continuing the process), and whatever `SA_RESTART` says.
/// * `EINVAL`: no such context, or not `0 <= min_nr <= nr`.
/// * `EFAULT`: `events` or `timeout` is not valid memory.
///
/// # Safety
///
/// `events` is valid for writing `nr` events, and `timeout` is null or valid for reading.
///
/// # Kernel
///
/// `io_getevents(2)`; `read_events` in `fs/aio.c`; since Linux 2.6.
#[inline]
pub unsafe fn io_getevents(
    ctx: AioContext,
    min_nr: isize,
    nr: isize,
    events: *mut IoEvent,
    timeout: *const Timespec,
) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most `nr` events and reads `timeout`; the caller vouches for both.
    let returned = unsafe {
        sc::syscall5(
            nr::IO_GETEVENTS,
            width::from_u64(ctx.0),
            min_nr.cast_unsigned(),
            nr.cast_unsigned(),
            events.expose_provenance(),
            timeout.expose_provenance(),
        )
    };
    decode(returned)
}

/// Like [`io_getevents`], with a signal mask that is in force while it waits.
///
/// # Errors
///
/// Those of [`io_getevents`], and:
///
/// * `EINVAL`: [`AioSigset::sigsetsize`] is not 8.
/// * `ENOSYS`: older than Linux 4.18. Old container profiles answer `EPERM` instead.
///
/// # Safety
///
/// As for [`io_getevents`]; `usig` is null or valid for reading, and so is its mask.
///
/// # Kernel
///
/// `io_getevents(2)`; `fs/aio.c`; since Linux 4.18.
pub unsafe fn io_pgetevents(
    ctx: AioContext,
    min_nr: isize,
    nr: isize,
    events: *mut IoEvent,
    timeout: *const Timespec,
    usig: *const AioSigset,
) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most `nr` events and reads the rest; the caller vouches for all.
    let returned = unsafe {
        sc::syscall6(
            nr::IO_PGETEVENTS,
            width::from_u64(ctx.0),
            min_nr.cast_unsigned(),
            nr.cast_unsigned(),
            events.expose_provenance(),
            timeout.expose_provenance(),
            usig.expose_provenance(),
        )
    };
    decode(returned)
}

/// Maps fresh pages of zeros, private to the process: `len` bytes, rounded up to whole pages.
///
/// # Errors
///
/// `EINVAL` for no bytes at all, `ENOMEM`.
pub(crate) fn mmap(len: usize) -> Result<NonNull<u8>, Errno> {
    const READ_WRITE: usize = 0x1 | 0x2; // PROT_READ | PROT_WRITE
    const PRIVATE_ANONYMOUS: usize = 0x2 | 0x20; // MAP_PRIVATE | MAP_ANONYMOUS
    const NO_FILE: usize = usize::MAX;
    // SAFETY: without MAP_FIXED the kernel picks addresses that nobody has.
    let returned =
        unsafe { sc::syscall6(nr::MMAP, 0, len, READ_WRITE, PRIVATE_ANONYMOUS, NO_FILE, 0) };
    let address = decode(returned)?;
    NonNull::new(core::ptr::with_exposed_provenance_mut(address)).ok_or(Errno::ENOMEM)
}

/// Gives pages back.
///
/// # Errors
///
/// `EINVAL`, `ENOMEM` (splitting a mapping would exceed `vm.max_map_count`).
///
/// # Safety
///
/// The pages were mapped by [`mmap`] with the same `len`, and nobody uses them any more.
pub(crate) unsafe fn munmap(pages: NonNull<u8>, len: usize) -> Result<(), Errno> {
    // SAFETY: the pages are the caller's, and out of use.
    let returned = unsafe { sc::syscall2(nr::MUNMAP, pages.as_ptr().expose_provenance(), len) };
    decode(returned).map(drop)
}

/// Makes pages read as zeros in every child that is forked from now on (`MADV_WIPEONFORK`).
///
/// # Errors
///
/// `EINVAL`: older than Linux 4.14.
///
/// # Safety
///
/// The pages were mapped by [`mmap`] with the same `len`, and hold nothing that a child needs.
pub(crate) unsafe fn madvise_wipe_on_fork(pages: NonNull<u8>, len: usize) -> Result<(), Errno> {
    const MADV_WIPEONFORK: usize = 18;
    // SAFETY: in this process nothing changes; in a child, the caller can do without the content.
    let returned = unsafe {
        sc::syscall3(nr::MADVISE, pages.as_ptr().expose_provenance(), len, MADV_WIPEONFORK)
    };
    decode(returned).map(drop)
}

/// The time on the monotonic clock, by which the kernel measures the timeout of `io_getevents`.
///
/// `None` if a sandbox forbids the call, as one may that was made for programs with a vDSO.
pub(crate) fn monotonic() -> Option<Duration> {
    const CLOCK_MONOTONIC: usize = 1;
    let mut now = Timespec::default();
    let address = (&raw mut now).expose_provenance();
    // SAFETY: the kernel writes one timespec, to a local variable.
    decode(unsafe { sc::syscall2(nr::CLOCK_GETTIME, CLOCK_MONOTONIC, address) }).ok()?;
    let seconds = Duration::from_secs(now.tv_sec.cast_unsigned());
    Some(seconds.saturating_add(Duration::from_nanos(now.tv_nsec.cast_unsigned())))
}

/// Makes another descriptor for the same open file, closed on exec.
///
/// # Errors
///
/// `EBADF`, `EMFILE`.
pub(crate) fn duplicate(fd: i32) -> Result<i32, Errno> {
    const F_DUPFD_CLOEXEC: usize = 1030;
    // Not one of the standard streams, if one of those is closed.
    const LOWEST: usize = 3;
    // SAFETY: no memory is passed, and the new descriptor is nobody else's.
    let returned = unsafe { sc::syscall3(nr::FCNTL, width::from_i32(fd), F_DUPFD_CLOEXEC, LOWEST) };
    decode(returned).map(width::to_i32)
}

/// Closes a descriptor.
///
/// # Safety
///
/// It is the caller's, and not used afterwards.
pub(crate) unsafe fn close(fd: i32) {
    // SAFETY: the caller gives it up. Whatever the kernel answers, it is closed.
    let _closed = unsafe { sc::syscall1(nr::CLOSE, width::from_i32(fd)) };
}

/// Whether a file has positions, as regular files and block devices do.
pub(crate) fn is_seekable(fd: i32) -> bool {
    const SEEK_CUR: usize = 1;
    // SAFETY: no memory is passed; the position stays where it is.
    decode(unsafe { sc::syscall3(nr::LSEEK, width::from_i32(fd), 0, SEEK_CUR) }).is_ok()
}

/// Sets the signal mask of this thread, and says what it was.
///
/// # Errors
///
/// None that the kernel gives; a sandbox may.
pub(crate) fn set_signal_mask(mask: u64) -> Result<u64, Errno> {
    const SIG_SETMASK: usize = 2;
    let mut before = 0_u64;
    let (set, old) = ((&raw const mask).expose_provenance(), (&raw mut before).expose_provenance());
    // SAFETY: the kernel reads and writes 8 bytes each, of local variables.
    decode(unsafe { sc::syscall4(nr::RT_SIGPROCMASK, SIG_SETMASK, set, old, size_of::<u64>()) })?;
    Ok(before)
}

/// Reads the beginning of a small file, like those of /proc, and says how many bytes it has got.
///
/// # Errors
///
/// Those of `openat` and `read`.
pub(crate) fn read_file(path: &CStr, into: &mut [u8]) -> Result<usize, Errno> {
    const AT_FDCWD: usize = (-100_isize).cast_unsigned();
    const READ_ONLY_CLOSE_ON_EXEC: usize = 0o2_000_000; // O_RDONLY | O_CLOEXEC
    let path = path.as_ptr().expose_provenance();
    // SAFETY: the path is a string that ends in a zero byte.
    let opened = unsafe { sc::syscall4(nr::OPENAT, AT_FDCWD, path, READ_ONLY_CLOSE_ON_EXEC, 0) };
    let fd = decode(opened)?;
    // SAFETY: the kernel writes at most `into.len()` bytes, to `into`.
    let read =
        unsafe { sc::syscall3(nr::READ, fd, into.as_mut_ptr().expose_provenance(), into.len()) };
    // SAFETY: the descriptor was opened above, and nobody else knows it.
    let _closed = unsafe { sc::syscall1(nr::CLOSE, fd) };
    decode(read)
}

/// Ends the process on the spot, without unwinding, as if by an illegal instruction.
///
/// For the one case in which going on would let the kernel write into memory that is no longer
/// lent to it.
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
