//! The six system calls of native AIO, made by the inline assembly of `sc`.

use crate::{
    abi::{AioContext, AioSigset, IoEvent, Iocb, Timespec},
    types::{Errno, cast, errno::decode},
};
use sc::nr;

/// Creates a context for `nr_events` requests and stores its name in `*ctxp`.
///
/// The kernel makes a ring with room for more events than that. Each context counts against
/// `/proc/sys/fs/aio-max-nr` with its `nr_events`.
///
/// ```
/// use core::ptr;
/// use linux_aio::{
///     abi::{AioContext, AioRing, AioSigset, IOCB_CMD_PWRITE, IoEvent, Iocb, Timespec},
///     raw::{io_cancel, io_destroy, io_getevents, io_pgetevents, io_setup, io_submit},
/// };
/// # use std::os::fd::AsRawFd as _;
///
/// # fn main() -> Result<(), Box<dyn core::error::Error>> {
/// # let file = tempfile::tempfile()?;
/// let mut ctx = AioContext::NONE;
/// // SAFETY: `ctx` is a local variable.
/// unsafe { io_setup(1, &raw mut ctx)? };
/// let mut iocb = Iocb {
///     aio_lio_opcode: IOCB_CMD_PWRITE,
///     aio_fildes: file.as_raw_fd().cast_unsigned(),
///     aio_buf: b"hello".as_ptr().expose_provenance() as u64,
///     aio_nbytes: 5,
///     ..Iocb::default()
/// };
/// let list = [&raw mut iocb];
/// // SAFETY: (1) the list and the iocb are local variables; (2) the file is open; (3) the bytes are static.
/// assert_eq!(unsafe { io_submit(ctx, 1, list.as_ptr())? }, 1);
///
/// let (mut event, now) = (IoEvent::default(), Timespec { tv_sec: 0, tv_nsec: 0 });
/// // SAFETY: `iocb` and `event` are local variables.
/// let cancelled = unsafe { io_cancel(ctx, &raw mut iocb, &raw mut event) };
/// assert!(cancelled.is_err()); // a write cannot be cancelled
/// // SAFETY: there is room for one event; nothing else takes events.
/// assert_eq!(unsafe { io_getevents(ctx, 1, 1, &raw mut event, ptr::null())? }, 1);
/// assert_eq!(event.res, 5);
///
/// let mask = 0_u64; // no signal is blocked during the call
/// let mask = AioSigset { sigmask: &raw const mask, sigsetsize: 8 };
/// // SAFETY: the arguments are local variables; nothing else takes events.
/// let none = unsafe { io_pgetevents(ctx, 0, 1, &raw mut event, &raw const now, &raw const mask)? };
/// assert_eq!(none, 0);
///
/// let ring = ptr::with_exposed_provenance::<AioRing>(ctx.0 as usize);
/// // SAFETY: the name of a context is the address of its ring, and the magic number does not change.
/// assert_eq!(unsafe { (&raw const (*ring).magic).read() }, AioRing::MAGIC);
/// // SAFETY: the context is not used afterwards.
/// unsafe { io_destroy(ctx)? };
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// * `EINVAL`: `*ctxp` is not 0; `nr_events` is 0 or too large (about 4,194,304).
/// * `EAGAIN`: the limit `fs.aio-max-nr` is used up.
/// * `ENOMEM`: there is no memory for the ring.
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
    // SAFETY: the kernel reads and writes 8 bytes at `ctxp`, which is valid for both (duty of the
    // caller).
    let returned =
        unsafe { sc::syscall2(nr::IO_SETUP, cast::from_u32(nr_events), ctxp.expose_provenance()) };
    decode(returned).map(drop)
}

/// Destroys a context: cancels the requests that can be cancelled, waits for the others, and
/// discards events that were not received.
///
/// This takes 24 to 64 ms even for an idle context, since the kernel waits for an RCU grace period.
/// In a thread that waits in `io_getevents`, that call returns `EINVAL`.
///
/// # Errors
///
/// * `EINVAL`: not a context of this process, or another thread is destroying it. Its requests may
///   still be in flight: only `Ok` proves that the kernel has released the buffers.
///
/// # Safety
///
/// No code uses `ctx` afterwards, nor a handle of it: its number may be reused for another context,
/// and its completion ring, which handles read, is unmapped.
///
/// # Kernel
///
/// `io_destroy(2)`; `kill_ioctx` in `fs/aio.c`; since Linux 2.6.
pub unsafe fn io_destroy(ctx: AioContext) -> Result<(), Errno> {
    // SAFETY: no memory is passed; the kernel unmaps the ring, which is not used afterwards (duty
    // of the caller).
    let returned = unsafe { sc::syscall1(nr::IO_DESTROY, cast::from_u64(ctx.0)) };
    decode(returned).map(drop)
}

/// Submits `nr` requests in order until the kernel refuses one, and returns how many it accepted.
///
/// # Errors
///
/// The error of the *first* request or of the call itself. The error of a later request is not
/// reported: the count ends before that request. When it is submitted again as the first one, the
/// call returns its error.
///
/// * `EAGAIN`: there is no room in the context, or no kernel memory.
/// * `EINVAL`: there is no such context, `nr` is negative, or the request is malformed.
/// * `EBADF`: the file descriptor is not open, or not open for this operation.
/// * `EFAULT`: an iocb or a pointer to it cannot be read or written, or the buffer is outside of
///   the address space.
/// * `EOPNOTSUPP`: the kernel or the file does not support a flag.
///
/// # Safety
///
/// 1. `iocbpp` is valid for reading `nr` pointers. Each points to an [`Iocb`] that is valid for
///    reading and writing during the call.
/// 2. The caller may use the file descriptors in each iocb (`aio_fildes`, and `aio_resfd` if its
///    flag is set), and they are open until the call returns.
/// 3. Every buffer of an accepted request stays valid until the request's event was received. Until
///    then, no code accesses the buffer, except that code may read the buffer of a write.
/// 4. If a request is to be cancelled, no other request in flight has the same iocb address.
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
    // SAFETY: the kernel reads the pointers at `iocbpp`, reads and writes the iocbs (duty 1 of the
    // caller), uses the descriptors (duty 2) and accesses the buffers until the events (duty 3).
    let returned = unsafe {
        sc::syscall3(
            nr::IO_SUBMIT,
            cast::from_u64(ctx.0),
            nr.cast_unsigned(),
            iocbpp.expose_provenance(),
        )
    };
    decode(returned)
}

/// Tries to cancel a request in flight. In practice, only polls can be cancelled.
///
/// # Errors
///
/// The call never returns 0.
///
/// * `EINPROGRESS`: the request was cancelled; its event follows as usual.
/// * `EINVAL`: there is no such context, no such request in flight, or the request cannot be
///   cancelled.
/// * `EFAULT`: the iocb cannot be read.
///
/// # Safety
///
/// `iocb` is the address that was passed to `io_submit`, and is valid for reading. The kernel does
/// not use `result`.
///
/// # Kernel
///
/// `io_cancel(2)`, whose description of `result` is out of date; `fs/aio.c`; since Linux 2.6.
pub unsafe fn io_cancel(
    ctx: AioContext,
    iocb: *mut Iocb,
    result: *mut IoEvent,
) -> Result<(), Errno> {
    // SAFETY: the kernel reads `aio_key` at `iocb`, which is valid for reading (duty of the
    // caller), and accesses no other memory of the process.
    let returned = unsafe {
        sc::syscall3(
            nr::IO_CANCEL,
            cast::from_u64(ctx.0),
            iocb.expose_provenance(),
            result.expose_provenance(),
        )
    };
    decode(returned).map(drop)
}

/// Waits until there are `min_nr` events or the timeout expires, takes up to `nr` events, and
/// returns how many it took.
///
/// With a null or negative `timeout`, it waits for ever. With a `min_nr` of 0 it never waits.
///
/// # Errors
///
/// * `EINTR`: a signal interrupted the wait before there was an event. This also happens without a
///   signal handler (when the process is stopped and continued), and in spite of `SA_RESTART`.
/// * `EINVAL`: there is no such context, or `0 <= min_nr <= nr` does not hold.
/// * `EFAULT`: `events` or `timeout` is not valid memory.
///
/// # Safety
///
/// 1. `events` is valid for writing `nr` events, and `timeout` is null or valid for reading.
/// 2. No code takes events from the context's completion ring in user space during the call: both
///    would take the same events, or lose some ([`RingReader`](crate::raw::RingReader)).
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
    // SAFETY: the kernel writes at most `nr` events and reads `timeout`, which are valid for that
    // (duty 1 of the caller), and has the ring for itself (duty 2).
    let returned = unsafe {
        sc::syscall5(
            nr::IO_GETEVENTS,
            cast::from_u64(ctx.0),
            min_nr.cast_unsigned(),
            nr.cast_unsigned(),
            events.expose_provenance(),
            timeout.expose_provenance(),
        )
    };
    decode(returned)
}

/// Does the same as [`io_getevents`], with another signal mask during the wait.
///
/// # Errors
///
/// Those of [`io_getevents`], and:
///
/// * `EINVAL`: [`AioSigset::sigsetsize`] is not 8.
/// * `ENOSYS`: the kernel is older than Linux 4.18. Old seccomp profiles of containers return
///   `EPERM`.
///
/// # Safety
///
/// The duties of [`io_getevents`], and: 3. `usig` is null, or it and the mask that it points to are
/// valid for reading.
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
    // SAFETY: the kernel writes at most `nr` events and reads `timeout` (duty 1 of the caller), has
    // the ring for itself (duty 2), and reads `usig` and its mask (duty 3).
    let returned = unsafe {
        sc::syscall6(
            nr::IO_PGETEVENTS,
            cast::from_u64(ctx.0),
            min_nr.cast_unsigned(),
            nr.cast_unsigned(),
            events.expose_provenance(),
            timeout.expose_provenance(),
            usig.expose_provenance(),
        )
    };
    decode(returned)
}
