//! [`Context::set_eventfd`]: an eventfd that counts completions.

use super::Context;
use crate::{
    abi::{IOCB_CMD_POLL, IOCB_FLAG_RESFD, Iocb},
    error::ContextError,
    sys::fd::OwnedFd,
    types::{Errno, Fd},
};
use core::time::Duration;

impl<B, T> Context<B, T> {
    /// Sets an eventfd whose counter increases by 1 for each completion of a request that is
    /// submitted from now on, except requests that have [an eventfd of their
    /// own](crate::Request::eventfd). `None` removes the eventfd.
    ///
    /// The counter counts every completion, also those of requests that the kernel refused, so that
    /// an event loop that waits for the eventfd misses none. To miss no completion, read the
    /// eventfd first and reap afterwards.
    ///
    /// The context keeps a duplicate of the descriptor, so the caller may close its own. A scope
    /// uses the eventfd of its context. An eventfd that is set in a scope stays set after it.
    ///
    /// # Errors
    ///
    /// On error, the previous eventfd stays set.
    ///
    /// * [`ContextError::NotEventfd`]: the file is not an eventfd (before Linux 4.13 this is the
    ///   result for every file), or a sandbox or emulator ignores eventfds.
    /// * [`ContextError::Os`]: no descriptor is available (`fcntl`: `EMFILE`).
    /// * [`ContextError::Forked`], [`ContextError::Gone`].
    ///
    /// # Kernel
    ///
    /// `IOCB_FLAG_RESFD`; since Linux 2.6.22. `fcntl(2)` with `F_DUPFD_CLOEXEC`. For a refused
    /// request, the library adds 1 by `write(2)`.
    #[doc(alias = "IOCB_FLAG_RESFD")]
    pub fn set_eventfd(&mut self, eventfd: Option<Fd<'_>>) -> Result<(), ContextError> {
        self.inner.raw().check()?;
        self.inner.eventfd = match eventfd {
            None => None,
            Some(fd) => {
                self.check_eventfd(fd)?;
                let own = OwnedFd::duplicate(fd);
                Some(own.map_err(|errno| ContextError::Os { call: "fcntl", errno })?)
            }
        };
        Ok(())
    }

    /// Checks that the kernel does not ignore eventfds, and that the file is an eventfd.
    ///
    /// The kernel checks the eventfd of a request before its flags. So a request with this file as
    /// its eventfd, and with a flag that no kernel knows, is refused because of one of the two, and
    /// the errno shows which. If the request is accepted, the kernel is emulated and ignores flags.
    /// (Then the counter has increased by 1.)
    ///
    /// # Errors
    ///
    /// Those of [`set_eventfd`](Self::set_eventfd).
    pub(super) fn check_eventfd(&mut self, fd: Fd<'_>) -> Result<(), ContextError> {
        match self.try_eventfd(fd, -1) {
            Err(ContextError::Os { errno: Errno::EBADF, .. }) => {}
            Ok(()) => return Err(ContextError::NotEventfd),
            tried => return self.gone_if_einval(tried),
        }
        match self.try_eventfd(fd, fd.as_raw()) {
            Ok(()) | Err(ContextError::Os { errno: Errno::EOPNOTSUPP, .. }) => Ok(()),
            Err(ContextError::Os { errno: Errno::EINVAL | Errno::EBADF, .. }) => {
                Err(ContextError::NotEventfd)
            }
            tried => tried,
        }
    }

    /// Returns [`ContextError::Gone`] if `tried` is `EINVAL` and the context is the reason;
    /// otherwise `tried`.
    fn gone_if_einval(&mut self, tried: Result<(), ContextError>) -> Result<(), ContextError> {
        if let Err(ContextError::Os { errno: Errno::EINVAL, .. }) = tried {
            self.submit_nothing()?;
        }
        tried
    }

    /// Submits a read of no bytes with this eventfd, as [`submit_with_eventfd`] does. If the request
    /// is accepted, its event is taken.
    ///
    /// # Errors
    ///
    /// Those of the calls.
    ///
    /// [`submit_with_eventfd`]: Self::submit_with_eventfd
    fn try_eventfd(&mut self, fd: Fd<'_>, eventfd: i32) -> Result<(), ContextError> {
        match self.submit_with_eventfd(fd, eventfd)? {
            0 => Err(ContextError::Again),
            _ => self.take_unexpected(),
        }
    }

    /// Submits a read of no bytes, with this eventfd and a flag that no kernel knows.
    ///
    /// `eventfd` is the number of `fd`, or -1.
    ///
    /// # Errors
    ///
    /// Those of the call.
    fn submit_with_eventfd(&mut self, fd: Fd<'_>, eventfd: i32) -> Result<usize, ContextError> {
        let mut iocb = Iocb {
            aio_data: u64::MAX, // the id of no request
            aio_fildes: fd.as_raw().cast_unsigned(),
            aio_rw_flags: i32::MIN,
            aio_flags: IOCB_FLAG_RESFD,
            aio_resfd: eventfd.cast_unsigned(),
            ..Iocb::default()
        };
        self.inner.stats.system_calls += 1;
        // SAFETY: (1) the iocb is a local variable; (2) `fd` is open, and `eventfd` is the same
        // descriptor, or -1, which the kernel refuses; (3) no bytes are transferred; (4) the
        // request is not cancelled.
        unsafe { self.inner.raw().submit(&[&raw mut iocb]) }
    }

    /// Waits up to a second for the event of a request that is not in the table, and takes it.
    ///
    /// # Errors
    ///
    /// Those of `io_getevents`.
    fn take_unexpected(&mut self) -> Result<(), ContextError> {
        const TRIES: u32 = 100;
        let before = self.inner.stats.spurious;
        for _ in 0..TRIES {
            // Events of requests in the table may arrive before.
            self.getevents(1, Some(Duration::from_millis(10)))?;
            if self.inner.stats.spurious > before {
                self.inner.stats.spurious = before;
                break;
            }
        }
        Ok(())
    }

    /// Returns whether this is a poll with an eventfd that is known to be valid, so that the file
    /// is the reason for its `EINVAL`. (If the kernel is emulated and ignores flags, this is not
    /// known, and the check leaves a spurious event.)
    ///
    /// # Safety
    ///
    /// 1. `iocb` is in a slot, and is not borrowed. The kernel has not accepted its request.
    /// 2. The descriptors of the request are open.
    #[cold]
    pub(super) unsafe fn has_good_eventfd(&mut self, iocb: *mut Iocb) -> bool {
        // SAFETY: the iocb is in a slot, and is not borrowed (duty 1 of the caller).
        let Iocb { aio_lio_opcode, aio_flags, aio_resfd, .. } = unsafe { *iocb };
        if aio_lio_opcode != IOCB_CMD_POLL || aio_flags & IOCB_FLAG_RESFD == 0 {
            return false;
        }
        let eventfd = aio_resfd.cast_signed();
        // SAFETY: (1) the descriptor is open (duty 2 of the caller) while `fd` is used; (2) it is
        // the eventfd of a request.
        let fd = unsafe { Fd::from_raw(eventfd) };
        let tried = self.submit_with_eventfd(fd, eventfd);
        matches!(tried, Err(ContextError::Os { errno: Errno::EOPNOTSUPP, .. }))
    }
}
