//! The system calls of the crate.
//!
//! Every system call goes through the functions of this module. `aio`, `linux` and `eventfd` make the
//! calls, and are the only users of the crate `sc`. The other files define types that use these calls.
//!
//! Builds for tests have a second kernel, `fake`, in memory. In these builds, `dispatch` selects
//! at run time which of the two kernels is called.

#[cfg_attr(
    any(test, linux_aio_fake),
    allow(unreachable_pub, reason = "in these builds, `dispatch` has the public functions")
)]
mod aio;
pub(crate) mod atomic;
pub(crate) mod clock;
#[cfg(all(test, not(miri)))]
mod conformance;
#[cfg(any(test, linux_aio_fake))]
mod dispatch;
mod eventfd;
#[cfg(any(test, linux_aio_fake))]
pub(crate) mod fake;
pub(crate) mod fd;
pub(crate) mod file_kind;
pub(crate) mod fork_guard;
mod linux;
pub(crate) mod mm;
pub(crate) mod proc;
pub(crate) mod smaps;
pub(crate) mod statx;

#[cfg(any(test, linux_aio_fake))]
use dispatch as body;
#[cfg(not(any(test, linux_aio_fake)))]
use real as body;

/// The calls to the real kernel.
#[cfg_attr(
    any(test, linux_aio_fake),
    allow(unreachable_pub, reason = "in these builds, `dispatch` has the public functions")
)]
mod real {
    pub use super::aio::*;
    pub(crate) use super::{eventfd::*, linux::*};
}

pub(crate) use body::{
    abort, close, duplicate, fdatasync, file_flags, is_mapped, madvise_hugepage,
    madvise_wipe_on_fork, make_eventfd, mmap, mmap_aligned, mmap_hugetlb, monotonic, munmap, pread,
    read_file, read_pieces, sector_size, set_signal_mask, statfs, statx, take_counter,
    wait_readable, write,
};
pub use body::{io_cancel, io_destroy, io_getevents, io_pgetevents, io_setup, io_submit};
