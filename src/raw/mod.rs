//! The layer below: the six system calls as they are, and a handle that owns a context.
//!
//! For those who build something else on native AIO, and want neither batches nor slots. The types
//! that the calls take are in [`abi`](crate::abi). Filling in an
//! [`Iocb`] is safe; submitting one is not.
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
//! // SAFETY: `iocb` is writable, and `bytes` is left alone until the event has come.
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

/// A kernel context, owned: made once, destroyed once, and inert in forked children.
///
/// It may be shared between threads: one can submit while another waits. Each event goes to one of
/// those who wait.
///
/// # Invariants
///
/// `id` is [`AioContext::NONE`], or a context of the process that made it, which nothing else
/// destroys.
#[derive(Debug)]
pub struct RawContext {
    id: AioContext,
    guard: ForkGuard,
}

impl RawContext {
    /// Makes a context for `nr_events` requests. Takes about 12 µs.
    ///
    /// # Errors
    ///
    /// [`SetupError`] tells what was asked, what is in use, and what the limit is.
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
        // SAFETY: `id` is a local variable.
        unsafe { sys::io_setup(nr, &raw mut id) }.map_err(|errno| explain("io_setup", errno))?;
        // The kernel's answer of 0 comes with an id. A sandbox may answer 0 and do nothing.
        if id == AioContext::NONE {
            return Err(SetupError::nothing_made(nr_events));
        }
        Ok(Self { id, guard })
    }

    /// No context. Every call answers [`ContextError::Gone`].
    pub(crate) fn none() -> Self {
        Self { id: AioContext::NONE, guard: ForkGuard::none() }
    }

    /// Submits requests in order, and says how many the kernel accepted: a prefix.
    ///
    /// An error is that of the first request, or of the call; see [`io_submit`]. Nothing is
    /// submitted then.
    ///
    /// # Errors
    ///
    /// [`ContextError::Os`] with what the kernel answered, [`ContextError::Forked`].
    ///
    /// # Safety
    ///
    /// 1. Each pointer leads to an [`Iocb`], valid for reading and writing during the call.
    /// 2. The file descriptors in it (`aio_fildes`, and `aio_resfd` with its flag) are the caller's
    ///    to use, and open until the call returns.
    /// 3. The buffer of an accepted request is valid, and left alone, until its event has been
    ///    received or [`destroy`](Self::destroy) has answered `Ok`.
    ///
    /// # Kernel
    ///
    /// `io_submit(2)`; since Linux 2.6.
    #[doc(alias = "io_submit")]
    #[inline]
    pub unsafe fn submit(&self, iocbs: &[*mut Iocb]) -> Result<usize, ContextError> {
        self.check()?;
        // SAFETY: the slice is valid for reading; the caller vouches for what is in it.
        unsafe { sys::io_submit(self.id, iocbs.len().cast_signed(), iocbs.as_ptr()) }
            .map_err(|errno| ContextError::Os { call: "io_submit", errno })
    }

    /// Waits until there are `min_nr` events or the timeout is over, and takes as many as there
    /// are and fit.
    ///
    /// Without a timeout it waits for ever; with `min_nr` 0, not at all. The kernel may return
    /// early, with fewer events, when a signal arrives.
    ///
    /// # Errors
    ///
    /// [`ContextError::Os`] with what the kernel answered (`EINTR` for a signal before the first
    /// event, `EINVAL` if `min_nr` is more than fit), [`ContextError::Forked`].
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
        // SAFETY: (1) `events` has room for `nr`; `timeout` is null or leads to a local variable; (2) the
        // ring of this context is read only by whoever has said so (`RingReader::of_context`, or
        // `Context`, which keeps this handle to itself), and does not do it meanwhile.
        let got = unsafe {
            sys::io_getevents(self.id, min_nr.cast_signed(), nr.cast_signed(), room, timeout)
        }
        .map_err(|errno| ContextError::Os { call: "io_getevents", errno })?;
        // SAFETY: the kernel has filled in as many as it says.
        Ok(unsafe { filled(events, got) })
    }

    /// Like [`getevents`](Self::getevents), with another signal mask for the time of the wait.
    ///
    /// Where the call is missing or forbidden, the mask is set and put back by calls of their own; a
    /// signal that comes just before the wait does not end it then.
    ///
    /// # Errors
    ///
    /// As for [`getevents`](Self::getevents).
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
        // SAFETY: (1) `events` has room for `nr`; the other pointers are null or lead to local variables;
        // (2) as in `getevents_until`.
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
                // SAFETY: the kernel has filled in as many as it says.
                Ok(unsafe { filled(events, got) })
            }
            Err(Errno::ENOSYS | Errno::EPERM) => {
                self.getevents_between_masks(min_nr, events, timespec, mask)
            }
            Err(errno) => Err(ContextError::Os { call: "io_pgetevents", errno }),
        }
    }

    /// What can be done without `io_pgetevents`.
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
        // What worked before works again; and if not, events that were received come first.
        let _restored = sys::set_signal_mask(before);
        got
    }

    /// Cancels a request in flight, if it can be: in practice, a poll.
    ///
    /// # Errors
    ///
    /// There is no success. [`ContextError::Os`] with `EINPROGRESS` says that it is cancelled and
    /// that its event will come; `EINVAL`, that it is not in flight or cannot be cancelled.
    ///
    /// # Safety
    ///
    /// `iocb` is the pointer that was submitted, still valid for reading.
    ///
    /// # Kernel
    ///
    /// `io_cancel(2)`; since Linux 2.6.
    #[doc(alias = "io_cancel")]
    pub unsafe fn cancel(&self, iocb: *mut Iocb) -> Result<(), ContextError> {
        self.check()?;
        let mut unused = IoEvent::default();
        // SAFETY: the caller vouches for `iocb`; `unused` is a local variable.
        unsafe { sys::io_cancel(self.id, iocb, &raw mut unused) }
            .map_err(|errno| ContextError::Os { call: "io_cancel", errno })
    }

    /// Destroys the context, and answers once nothing is in flight any more.
    ///
    /// Takes 24 to 64 ms even for an idle context. Events that were not taken are lost.
    ///
    /// # Errors
    ///
    /// Requests may still be in flight then, and the context is never destroyed.
    ///
    /// * [`ContextError::Gone`]: the kernel does not know it.
    /// * [`ContextError::Forked`]: it is the parent's.
    /// * [`ContextError::Os`]: the call is refused, by a sandbox for example.
    ///
    /// # Kernel
    ///
    /// `io_destroy(2)`; since Linux 2.6.
    #[doc(alias = "io_destroy")]
    pub fn destroy(mut self) -> Result<(), ContextError> {
        self.end()
    }

    /// The kernel's name for it.
    #[must_use]
    pub const fn id(&self) -> AioContext {
        self.id
    }

    /// Tells this process from its children.
    #[inline]
    pub(crate) const fn guard(&self) -> &ForkGuard {
        &self.guard
    }

    /// Whether calls are worth making.
    ///
    /// # Errors
    ///
    /// [`ContextError::Gone`] if there is no context, [`ContextError::Forked`] in a child.
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

    /// [`destroy`](Self::destroy), once; what is left is no context.
    pub(crate) fn end(&mut self) -> Result<(), ContextError> {
        self.check()?;
        let id = core::mem::take(&mut self.id);
        // SAFETY: the number was ours, and is forgotten here.
        unsafe { sys::io_destroy(id) }.map_err(|errno| match errno {
            Errno::EINVAL => ContextError::Gone,
            errno => ContextError::Os { call: "io_destroy", errno },
        })
    }
}

/// The events that a call has received: the first `got` places, or all if it claims more.
///
/// # Safety
///
/// The kernel has written that many; every bit pattern is a valid [`IoEvent`].
unsafe fn filled(events: &[MaybeUninit<IoEvent>], got: usize) -> &[IoEvent] {
    let got = events.get(..got).unwrap_or(events);
    // SAFETY: the caller says that the kernel has written them.
    unsafe { slice::from_raw_parts(got.as_ptr().cast(), got.len()) }
}

impl Drop for RawContext {
    fn drop(&mut self) {
        // `drop` cannot report errors. A context that is not ours is left alone.
        let _ended = self.end();
    }
}

impl From<Duration> for Timespec {
    /// Saturates: what is too long for the kernel's clock lasts for ever.
    fn from(span: Duration) -> Self {
        Self {
            tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(span.subsec_nanos()),
        }
    }
}
