//! The raw layer: the six system calls, and [`RawContext`], which owns a context.
//!
//! It is for programs that use native AIO without batches and tables of requests. The types of the
//! arguments are in [`abi`](crate::abi). Filling in an [`Iocb`] is safe; submitting one is unsafe.
//!
//! ```
//! use linux_aio::{abi::{IOCB_CMD_PREAD, Iocb, IoEvent}, raw::RawContext};
//! use core::mem::MaybeUninit;
//! # use std::{io::Write, os::fd::AsRawFd};
//! # let mut file = tempfile::tempfile()?;
//! # file.write_all(b"hello")?;
//!
//! let cx = RawContext::new(1)?;
//! let mut bytes = [0; 16];
//! let mut iocb = Iocb {
//!     aio_lio_opcode: IOCB_CMD_PREAD,
//!     aio_fildes: file.as_raw_fd().cast_unsigned(),
//!     aio_buf: bytes.as_mut_ptr().expose_provenance() as u64,
//!     aio_nbytes: bytes.len() as u64,
//!     aio_data: 42,
//!     ..Iocb::default()
//! };
//! // SAFETY: `iocb` is writable, the file is open, and `bytes` is not accessed before the event.
//! assert_eq!(unsafe { cx.submit(&[&raw mut iocb])? }, 1);
//!
//! let mut events = [MaybeUninit::<IoEvent>::uninit(); 1];
//! let events = cx.getevents(1, &mut events, None)?;
//! assert_eq!((events[0].data, events[0].res), (42, 5));
//! assert_eq!(&bytes[..5], b"hello");
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod ring_reader;

pub use ring_reader::{RingInconsistent, RingReader};

pub use crate::sys::{io_cancel, io_destroy, io_getevents, io_pgetevents, io_setup, io_submit};

use crate::{
    abi::{AioContext, AioSigset, IoEvent, Iocb, Timespec},
    error::{ContextError, SetupError},
    sys::{self, fork_guard::ForkGuard},
    types::{Errno, SignalSet},
};
use core::{mem::MaybeUninit, ptr, slice, time::Duration};

/// An owned kernel context. It is destroyed when the handle is dropped, and cannot be used in
/// forked children.
///
/// It may be shared between threads: one can submit while others wait. Each event is received by
/// one of the waiting threads.
//
// # Invariants
//
// `id` is `AioContext::NONE`, or a context of the process that made the handle, which no other
// code destroys.
#[derive(Debug)]
pub struct RawContext {
    id: AioContext,
    guard: ForkGuard,
}

impl RawContext {
    /// Makes a context for `nr_events` requests. This takes some 20 µs.
    ///
    /// # Errors
    ///
    /// [`SetupError`], with `nr_events`, the number in use, and the limit.
    ///
    /// # Kernel
    ///
    /// `io_setup(2)`; since Linux 2.6.
    #[doc(alias = "io_setup")]
    pub fn new(nr_events: usize) -> Result<Self, SetupError> {
        let explain = |call, errno| SetupError::explain(call, errno, nr_events);
        let guard = ForkGuard::new().map_err(|(call, errno)| explain(call, errno))?;
        let nr = u32::try_from(nr_events).map_err(|_| explain("io_setup", Errno::EINVAL))?;
        let mut id = AioContext::NONE;
        // SAFETY: `id` is a local variable, which is valid for reading and writing.
        unsafe { sys::io_setup(nr, &raw mut id) }.map_err(|errno| explain("io_setup", errno))?;
        // When the kernel returns 0, it has stored an id. A sandbox may return 0 without doing
        // anything.
        if id == AioContext::NONE {
            return Err(SetupError::nothing_made(nr_events));
        }
        Ok(Self { id, guard })
    }

    /// Makes a handle without a context. Every call returns [`ContextError::Gone`].
    pub(crate) fn none() -> Self {
        Self { id: AioContext::NONE, guard: ForkGuard::none() }
    }

    /// Submits requests in order, and returns how many the kernel accepted. These are the first
    /// ones.
    ///
    /// An error is that of the first request or of the call; see [`io_submit`]. In this case no
    /// request was submitted.
    ///
    /// # Errors
    ///
    /// [`ContextError::Os`] with the kernel's errno, [`ContextError::Forked`].
    ///
    /// # Safety
    ///
    /// 1. Each pointer points to an [`Iocb`] that is valid for reading and writing during the call.
    /// 2. The caller may use the file descriptors in each iocb (`aio_fildes`, and `aio_resfd` if
    ///    its flag is set), and they are open until the call returns.
    /// 3. Every buffer of an accepted request stays valid until the request's event was received or
    ///    [`destroy`](Self::destroy) has returned `Ok`. Until then, no code accesses the buffer,
    ///    except that code may read the buffer of a write.
    /// 4. If a request is to be cancelled, no other request in flight has the same iocb address.
    ///
    /// # Kernel
    ///
    /// `io_submit(2)`; since Linux 2.6.
    #[doc(alias = "io_submit")]
    #[inline]
    pub unsafe fn submit(&self, iocbs: &[*mut Iocb]) -> Result<usize, ContextError> {
        self.check()?;
        // SAFETY: (1) the slice is valid for reading, and its iocbs are valid (duty 1 of the
        // caller); (2) to (4) are duties 2 to 4 of the caller.
        unsafe { sys::io_submit(self.id, iocbs.len().cast_signed(), iocbs.as_ptr()) }
            .map_err(|errno| ContextError::Os { call: "io_submit", errno })
    }

    /// Waits until there are `min_nr` events or the timeout expires, and takes the available
    /// events, as many as fit.
    ///
    /// Without a timeout it waits for ever; with a `min_nr` of 0 it does not wait. If a signal
    /// arrives, it may return early, with fewer events.
    ///
    /// # Errors
    ///
    /// [`ContextError::Os`] with the kernel's errno (`EINTR` for a signal before the first event,
    /// `EINVAL` if `min_nr` is larger than the length of `events`), [`ContextError::Forked`].
    ///
    /// # Kernel
    ///
    /// `io_getevents(2)`; since Linux 2.6.
    #[doc(alias = "io_getevents")]
    #[inline]
    pub fn getevents<'e>(
        &self,
        min_nr: usize,
        events: &'e mut [MaybeUninit<IoEvent>],
        timeout: Option<Duration>,
    ) -> Result<&'e [IoEvent], ContextError> {
        self.check()?;
        self.getevents_until(min_nr, events, timeout.map(Timespec::from).as_ref())
    }

    #[inline]
    fn getevents_until<'e>(
        &self,
        min_nr: usize,
        events: &'e mut [MaybeUninit<IoEvent>],
        timeout: Option<&Timespec>,
    ) -> Result<&'e [IoEvent], ContextError> {
        let timeout = timeout.map_or(ptr::null(), ptr::from_ref);
        let (min_nr, nr) = (min_nr.min(isize::MAX.cast_unsigned()), events.len());
        let room = events.as_mut_ptr().cast::<IoEvent>();
        // SAFETY: (1) `events` has room for `nr` events; `timeout` is null or points to a local
        // variable; (2) the ring of this context is read by a `RingReader`, which is not used
        // during this call (duty 2 of `RingReader::of_context`), or by `Context`, which calls this
        // through `&mut self` only.
        let got = unsafe {
            sys::io_getevents(self.id, min_nr.cast_signed(), nr.cast_signed(), room, timeout)
        }
        .map_err(|errno| ContextError::Os { call: "io_getevents", errno })?;
        // SAFETY: the kernel has written as many events as it returned.
        Ok(unsafe { filled(events, got) })
    }

    /// Does the same as [`getevents`](Self::getevents), with another signal mask during the wait.
    ///
    /// If the call is missing or forbidden, the mask is set and restored by separate calls. A
    /// signal that arrives just before the wait then does not end it.
    ///
    /// # Errors
    ///
    /// Those of [`getevents`](Self::getevents).
    ///
    /// # Kernel
    ///
    /// `io_pgetevents(2)`; since Linux 4.18.
    #[doc(alias = "io_pgetevents")]
    pub fn pgetevents<'e>(
        &self,
        min_nr: usize,
        events: &'e mut [MaybeUninit<IoEvent>],
        timeout: Option<Duration>,
        blocked: SignalSet,
    ) -> Result<&'e [IoEvent], ContextError> {
        self.check()?;
        let timespec = timeout.map(Timespec::from);
        let timeout = timespec.as_ref().map_or(ptr::null(), ptr::from_ref);
        let (min_nr, nr) = (min_nr.min(isize::MAX.cast_unsigned()), events.len());
        let room = events.as_mut_ptr().cast::<IoEvent>();
        let mask = blocked.bits();
        let sigset = AioSigset { sigmask: &raw const mask, sigsetsize: size_of::<u64>() };
        // SAFETY: (1) `events` has room for `nr` events; `timeout` is null or points to a local
        // variable; (2) the ring of this context is read by a `RingReader`, which is not used
        // during this call (duty 2 of `RingReader::of_context`), or by `Context`, which calls this
        // through `&mut self` only; (3) `sigset` and `mask` are local variables.
        let got = unsafe {
            sys::io_pgetevents(
                self.id,
                min_nr.cast_signed(),
                nr.cast_signed(),
                room,
                timeout,
                &raw const sigset,
            )
        };
        match got {
            Ok(got) => {
                // SAFETY: the kernel has written as many events as it returned.
                Ok(unsafe { filled(events, got) })
            }
            Err(Errno::ENOSYS | Errno::EPERM) => {
                self.getevents_between_masks(min_nr, events, timespec, mask)
            }
            Err(errno) => Err(ContextError::Os { call: "io_pgetevents", errno }),
        }
    }

    /// Does the work of [`pgetevents`](Self::pgetevents) without `io_pgetevents`.
    #[cold]
    fn getevents_between_masks<'e>(
        &self,
        min_nr: usize,
        events: &'e mut [MaybeUninit<IoEvent>],
        timeout: Option<Timespec>,
        mask: u64,
    ) -> Result<&'e [IoEvent], ContextError> {
        let refused = |errno| ContextError::Os { call: "rt_sigprocmask", errno };
        let before = sys::set_signal_mask(mask).map_err(refused)?;
        let got = self.getevents_until(min_nr, events, timeout.as_ref());
        // Setting a mask has worked before. If it fails now, the received events are returned
        // anyway.
        let _restored = sys::set_signal_mask(before);
        got
    }

    /// Tries to cancel a request in flight. In practice, only polls can be cancelled.
    ///
    /// # Errors
    ///
    /// The kernel never reports success. [`ContextError::Os`] with `EINPROGRESS` means that the
    /// request was cancelled and its event follows; with `EINVAL`, that it is not in flight or
    /// cannot be cancelled.
    ///
    /// # Safety
    ///
    /// `iocb` is the pointer that was submitted, and is valid for reading.
    ///
    /// # Kernel
    ///
    /// `io_cancel(2)`; since Linux 2.6.
    #[doc(alias = "io_cancel")]
    pub unsafe fn cancel(&self, iocb: *mut Iocb) -> Result<(), ContextError> {
        self.check()?;
        let mut unused = IoEvent::default();
        // SAFETY: `iocb` was submitted and is valid for reading (duty of the caller); `unused` is a
        // local variable.
        unsafe { sys::io_cancel(self.id, iocb, &raw mut unused) }
            .map_err(|errno| ContextError::Os { call: "io_cancel", errno })
    }

    /// Destroys the context. Returns `Ok` when nothing is in flight any more.
    ///
    /// This takes 24 to 64 ms even for an idle context. Events that were not received are lost.
    ///
    /// ```
    /// use linux_aio::{SignalSet, raw::RawContext};
    /// use core::{mem::MaybeUninit, time::Duration};
    ///
    /// # fn main() -> Result<(), linux_aio::Error> {
    /// let cx = RawContext::new(1)?;
    /// let mut events = [MaybeUninit::uninit(); 1];
    /// let events = cx.pgetevents(0, &mut events, Some(Duration::ZERO), SignalSet::ALL)?;
    /// assert!(events.is_empty());
    /// cx.destroy()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// On error, requests may still be in flight, and the context is never destroyed.
    ///
    /// * [`ContextError::Gone`]: the kernel does not know the context.
    /// * [`ContextError::Forked`]: the context belongs to the parent.
    /// * [`ContextError::Os`]: the call failed, because of a sandbox for example.
    ///
    /// # Kernel
    ///
    /// `io_destroy(2)`; since Linux 2.6.
    #[doc(alias = "io_destroy")]
    pub fn destroy(mut self) -> Result<(), ContextError> {
        self.end()
    }

    /// Returns the kernel's name for the context.
    #[must_use]
    pub const fn id(&self) -> AioContext {
        self.id
    }

    /// Returns the guard, which detects forked children.
    #[inline]
    pub(crate) const fn guard(&self) -> &ForkGuard {
        &self.guard
    }

    /// Checks that there is a context, and that it belongs to this process.
    ///
    /// # Errors
    ///
    /// [`ContextError::Gone`] if there is no context, [`ContextError::Forked`] in a forked child.
    #[inline]
    pub(crate) fn check(&self) -> Result<(), ContextError> {
        if self.id == AioContext::NONE {
            Err(ContextError::Gone)
        } else if self.guard.forked() {
            Err(ContextError::Forked)
        } else {
            Ok(())
        }
    }

    /// Does the work of [`destroy`](Self::destroy), and leaves a handle without a context.
    pub(crate) fn end(&mut self) -> Result<(), ContextError> {
        self.check()?;
        let id = core::mem::take(&mut self.id);
        // SAFETY: only this handle owns the context (invariant), and it does not use `id` again. A
        // `RingReader` of the context is not used afterwards (duty 1 of `RingReader::of_context`),
        // nor the `Ring` of a `Context` (`Inner::new`).
        unsafe { sys::io_destroy(id) }.map_err(|errno| match errno {
            Errno::EINVAL => ContextError::Gone,
            errno => ContextError::Os { call: "io_destroy", errno },
        })
    }
}

/// Returns the first `got` events, or all of them if `got` is larger than their number.
///
/// # Safety
///
/// The kernel has written the first `got` events, or all of them if `got` is larger than their
/// number.
unsafe fn filled(events: &[MaybeUninit<IoEvent>], got: usize) -> &[IoEvent] {
    let got = events.get(..got).unwrap_or(events);
    // SAFETY: the kernel has written these events (duty of the caller), and every bit pattern is
    // valid.
    unsafe { slice::from_raw_parts(got.as_ptr().cast(), got.len()) }
}

impl Drop for RawContext {
    fn drop(&mut self) {
        // `drop` cannot report errors. In a forked child, `end` does nothing.
        let _ended = self.end();
    }
}

impl From<Duration> for Timespec {
    /// Converts a duration. Seconds that overflow become `i64::MAX`.
    fn from(span: Duration) -> Self {
        Self {
            tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(span.subsec_nanos()),
        }
    }
}
