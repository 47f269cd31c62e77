//! [`Context::set_notify`]: an eventfd for every request.

use crate::{context::Context, error::ContextError, fd::Fd, own_fd::OwnFd};

impl<B, T, const N: usize> Context<B, T, N> {
    /// Makes every request submitted from now on add 1 to the counter of this eventfd when it has
    /// completed, unless it has [one of its own](crate::Request::notify); or ends that.
    ///
    /// The context keeps a duplicate of the descriptor, so the caller may close it. To lose nothing,
    /// read the eventfd first and reap afterwards. A request that the kernel refuses at once does not
    /// count: its completion is there when [`submit`](Self::submit) returns.
    ///
    /// A scope uses the eventfd of the context that it is entered on, and what is set in it stays set.
    ///
    /// # Errors
    ///
    /// The one before stays in force.
    ///
    /// * [`ContextError::Os`]: it is not an eventfd (`io_submit`: `EINVAL`; before Linux 4.13 the
    ///   kernel says so of every file), or no descriptor is left (`fcntl`: `EMFILE`).
    /// * [`ContextError::Forked`], [`ContextError::Gone`].
    ///
    /// # Kernel
    ///
    /// `IOCB_FLAG_RESFD`; since Linux 2.6.22. `fcntl(2)` with `F_DUPFD_CLOEXEC`.
    #[doc(alias = "IOCB_FLAG_RESFD")]
    pub fn set_notify(&mut self, eventfd: Option<Fd<'_>>) -> Result<(), ContextError> {
        self.core.raw.check()?;
        self.core.notify = match eventfd {
            None => None,
            Some(fd) => {
                self.core.raw.check_eventfd(fd)?;
                let own = OwnFd::duplicate(fd);
                Some(own.map_err(|errno| ContextError::Os { call: "fcntl", errno })?)
            }
        };
        Ok(())
    }
}
