//! The system calls.
//!
//! Everything the crate asks of the kernel goes through the functions of this module. They have
//! one body, `linux`, which is the only user of the crate `sc`.
//!
//! Builds for tests have a second one, `model`, a kernel in memory. There `switch` decides at run
//! time which of the two answers; in ordinary builds there is nothing to decide.

#[cfg_attr(
    any(test, fuzzing, miri, linux_aio_model),
    allow(unreachable_pub, reason = "`switch` is what others see")
)]
mod linux;
#[cfg(any(test, fuzzing, miri, linux_aio_model))]
pub(crate) mod model;
#[cfg(any(test, fuzzing, miri, linux_aio_model))]
mod switch;

#[cfg(any(test, fuzzing, miri, linux_aio_model))]
use switch as body;

#[cfg(not(any(test, fuzzing, miri, linux_aio_model)))]
use linux as body;

pub(crate) use body::{
    abort, close, duplicate, is_seekable, madvise_wipe_on_fork, mmap, monotonic, munmap, read_file,
    set_signal_mask,
};
pub use body::{io_cancel, io_destroy, io_getevents, io_pgetevents, io_setup, io_submit};
