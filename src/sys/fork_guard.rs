//! [`ForkGuard`]: detects whether this process is a child of the one that made a context.

use crate::{
    sys::{self, mm::Pages},
    types::Errno,
};
use core::{fmt, ptr::NonNull};

/// A page that the kernel wipes in every forked child.
///
/// A forked child has a copy of each handle, but the contexts belong to its parent: the child must
/// not destroy them, take their events, or drop buffers that are in flight. The check is one load.
///
/// Kernels before Linux 4.14 cannot wipe a page. There the guard never detects a child. The kernel
/// returns `EINVAL` to each call of the child. A child that leaves a scope with requests of its
/// parent in flight looks like a process whose context was destroyed by other code, and is aborted.
/// (The effect of `madvise` is not checked: a sandbox in which `madvise` returns 0 must wipe the
/// page.)
///
/// # What the guard does not detect
///
/// A child that shares its parent's memory, by `vfork` or by `clone` with `CLONE_VM`, reads the
/// same page as its parent. Such a child must not use a context. A signal handler that forks and
/// returns in the child may run between the check and the code that relies on the check.
///
/// # Invariants
///
/// `here` points to the first byte of `page`, or to [`ALWAYS`] if `page` has no pages.
pub(crate) struct ForkGuard {
    page: Pages,
    here: NonNull<u8>,
}

/// The first byte of the page in the process that made the guard.
const HERE: u8 = 0xa1;

/// The byte that a guard without a page reads. The kernel does not wipe it.
static ALWAYS: u8 = HERE;

// SAFETY: any thread may access the page, and after `new` it is only read.
unsafe impl Send for ForkGuard {}
// SAFETY: through a shared reference the page is only read.
unsafe impl Sync for ForkGuard {}

impl ForkGuard {
    /// Makes a guard, which regards the current process as the parent.
    ///
    /// # Errors
    ///
    /// The name of the call that failed, and its errno: `ENOMEM`, or the errno of a sandbox.
    pub(crate) fn new() -> Result<Self, (&'static str, Errno)> {
        let page = Pages::map(Pages::ALIGN).map_err(|errno| ("mmap", errno))?;
        // SAFETY: the page was mapped by `Pages::map` with this length, and a child needs nothing
        // of its content.
        match unsafe { sys::madvise_wipe_on_fork(page.base(), page.len_bytes()) } {
            Ok(()) => {}
            // The kernel does not know the advice. No other errno means that.
            Err(Errno::EINVAL) => return Ok(Self::none()),
            Err(errno) => return Err(("madvise", errno)),
        }
        // SAFETY: the page is mapped and writable, and only this function has its address.
        unsafe { page.base().write_volatile(HERE) };
        let here = page.base();
        Ok(Self { page, here })
    }

    /// Returns a guard without a page, which never detects a child.
    pub(crate) fn none() -> Self {
        Self { page: Pages::none(), here: NonNull::from(&ALWAYS) }
    }

    /// Returns whether the guard has a page that the kernel wipes. If not, it never detects a
    /// child.
    pub(crate) fn is_real(&self) -> bool {
        self.page.len_bytes() > 0
    }

    /// Returns whether the current process is a child of the one that made the guard.
    #[inline]
    pub(crate) fn forked(&self) -> bool {
        // SAFETY: `here` points to a static, or to a page that is mapped as long as `self` exists
        // (invariant). Nothing writes to it after `new`; the kernel clears the copy of a child, in
        // which no other thread runs yet. The read is volatile, so that it is repeated after each
        // fork.
        unsafe { self.here.read_volatile() != HERE }
    }
}

impl fmt::Debug for ForkGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ForkGuard(forked: {})", self.forked())
    }
}
