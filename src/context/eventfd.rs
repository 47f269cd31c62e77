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
    /// Sets an eventfd whose counter rises by 1 for each completion of the requests submitted from now
    /// on, but for those that have [one of their own](crate::Request::eventfd); `None` ends that.
    ///
    /// It counts every completion, also of requests that the kernel refused: an event loop that sleeps
    /// on it misses none. To lose nothing, read the eventfd first and reap afterwards.
    ///
    /// The context keeps a duplicate of the descriptor, so the caller may close it. A scope uses the
    /// eventfd of the context that it is entered on, and what is set in it stays set.
    ///
    /// # Errors
    ///
    /// The one before stays in force.
    ///
    /// * [`ContextError::NotEventfd`]: it is another kind of file (before Linux 4.13 the kernel says so
    ///   of every file), or something between the program and the kernel ignores eventfds.
    /// * [`ContextError::Os`]: no descriptor is left (`fcntl`: `EMFILE`).
    /// * [`ContextError::Forked`], [`ContextError::Gone`].
    ///
    /// # Kernel
    ///
    /// `IOCB_FLAG_RESFD`; since Linux 2.6.22. `fcntl(2)` with `F_DUPFD_CLOEXEC`. A refused request is
    /// added by `write(2)`.
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

    /// Checks that requests can notify by this file: that eventfds are not ignored, and that it is one.
    ///
    /// The kernel looks at the eventfd of a request before its flags. So a request that has the file
    /// for an eventfd, and a flag that no kernel knows, is refused for the one or for the other. Where it
    /// is accepted, the kernel is an emulated one that ignores flags. (The counter has risen by 1 then.)
    ///
    /// # Errors
    ///
    /// See [`set_eventfd`](Self::set_eventfd).
    fn check_eventfd(&mut self, fd: Fd<'_>) -> Result<(), ContextError> {
        match self.try_eventfd(fd, -1) {
            Err(ContextError::Os { errno: Errno::EBADF, .. }) => {}
            Ok(()) => return Err(ContextError::NotEventfd),
            tried => return self.or_gone(tried),
        }
        match self.try_eventfd(fd, fd.as_raw()) {
            Ok(()) | Err(ContextError::Os { errno: Errno::EOPNOTSUPP, .. }) => Ok(()),
            Err(ContextError::Os { errno: Errno::EINVAL | Errno::EBADF, .. }) => {
                Err(ContextError::NotEventfd)
            }
            tried => tried,
        }
    }

    /// What `EINVAL` means where the request is not at fault: the context is.
    fn or_gone(&mut self, tried: Result<(), ContextError>) -> Result<(), ContextError> {
        if let Err(ContextError::Os { errno: Errno::EINVAL, .. }) = tried {
            self.submit_nothing()?;
        }
        tried
    }

    /// Submits a read of no bytes, with this eventfd and a flag that no kernel knows. If it is accepted,
    /// its event is taken, so that nothing of it is left.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    fn try_eventfd(&mut self, fd: Fd<'_>, eventfd: i32) -> Result<(), ContextError> {
        let mut iocb = Iocb {
            aio_data: u64::MAX, // of no request
            aio_fildes: fd.as_raw().cast_unsigned(),
            aio_rw_flags: i32::MIN,
            aio_flags: IOCB_FLAG_RESFD,
            aio_resfd: eventfd.cast_unsigned(),
            ..Iocb::default()
        };
        self.inner.stats.system_calls += 1;
        // SAFETY: (1) the iocb is a local variable; (2) the file is open, and what is no eventfd is
        // refused; (3) there is no buffer.
        match unsafe { self.inner.raw().submit(&[&raw mut iocb]) }? {
            0 => Err(ContextError::Again),
            _ => self.take_unexpected(),
        }
    }

    /// Waits a while for the event of a request that is not in the table.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    fn take_unexpected(&mut self) -> Result<(), ContextError> {
        const TRIES: u32 = 100;
        let before = self.inner.stats.spurious;
        for _ in 0..TRIES {
            // Requests of ours may be over first.
            self.getevents(1, Some(Duration::from_millis(10)))?;
            if self.inner.stats.spurious > before {
                self.inner.stats.spurious = before;
                break;
            }
        }
        Ok(())
    }

    /// Whether this is a poll whose own eventfd is one, so that its `EINVAL` is the file's. (It is not
    /// known of what ignores flags.)
    ///
    /// # Safety
    ///
    /// `iocb` leads to the slot of a request that the kernel does not have, and its descriptors are open.
    #[cold]
    pub(super) unsafe fn has_good_eventfd(&mut self, iocb: *mut Iocb) -> bool {
        // SAFETY: the caller says so; nobody borrows the slot.
        let Iocb { aio_lio_opcode, aio_flags, aio_resfd, .. } = unsafe { *iocb };
        if aio_lio_opcode != IOCB_CMD_POLL || aio_flags & IOCB_FLAG_RESFD == 0 {
            return false;
        }
        let eventfd = aio_resfd.cast_signed();
        // SAFETY: the caller says that it is open.
        let fd = unsafe { Fd::from_raw(eventfd) };
        let tried = self.try_eventfd(fd, eventfd);
        matches!(tried, Err(ContextError::Os { errno: Errno::EOPNOTSUPP, .. }))
    }
}
