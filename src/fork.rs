//! [`ForkGuard`]: tells the process that made a context from its children.

use crate::{errno::Errno, pages::Pages, sys};

/// A page that the kernel wipes in every child.
///
/// A forked child has a copy of each handle but not the contexts: it must not end them, nor take
/// their events, nor drop the buffers that its parent lent to the kernel. The check costs one load.
///
/// Kernels before Linux 4.14 cannot wipe a page. There the guard is never tripped, and the child is
/// found out by the kernel, which answers `EINVAL` to each call; one that leaves a scope with
/// requests of its parent's in flight cannot be told from a lost context, and is aborted.
#[derive(Debug)]
pub(crate) struct ForkGuard {
    page: Pages,
}

/// What stands in the page in the process that made it.
const HERE: u8 = 0xa1;

impl ForkGuard {
    /// Sets the guard up.
    ///
    /// # Errors
    ///
    /// The call that failed, and what it answered: `ENOMEM`, or a sandbox's refusal.
    pub(crate) fn new() -> Result<Self, (&'static str, Errno)> {
        let page = Pages::map(Pages::ALIGN).map_err(|errno| ("mmap", errno))?;
        // SAFETY: the page was mapped with this length, and its only content is for the parent.
        match unsafe { sys::madvise_wipe_on_fork(page.base(), page.len_bytes()) } {
            Ok(()) => {}
            // Only this means that the kernel cannot. Anything else must not pass for it.
            Err(Errno::EINVAL) => return Ok(Self::none()),
            Err(errno) => return Err(("madvise", errno)),
        }
        // SAFETY: the page is mapped, writable, and nobody else knows it yet.
        unsafe { page.base().write_volatile(HERE) };
        Ok(Self { page })
    }

    /// A guard of nothing.
    pub(crate) const fn none() -> Self {
        Self { page: Pages::none() }
    }

    /// Whether the kernel wipes the page: otherwise the guard is never tripped.
    pub(crate) fn is_real(&self) -> bool {
        self.page.len_bytes() > 0
    }

    /// Whether this is a child of the process that made the guard.
    #[inline]
    pub(crate) fn forked(&self) -> bool {
        if !self.is_real() {
            return false;
        }
        // SAFETY: the page is mapped for as long as `self` is, and only the kernel changes it, when
        // it makes the copy for a child. Volatile, so that it is read again after each fork.
        unsafe { self.page.base().read_volatile() != HERE }
    }
}
