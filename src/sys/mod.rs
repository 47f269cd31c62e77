//! The system calls.
//!
//! Everything the crate asks of the kernel goes through the functions of this module. They have
//! one body, [`linux`], which is the only user of the crate `sc`.

mod linux;

pub(crate) use linux::{
    abort, close, duplicate, is_seekable, madvise_wipe_on_fork, mmap, monotonic, munmap, read_file,
    set_signal_mask,
};
pub use linux::{io_cancel, io_destroy, io_getevents, io_pgetevents, io_setup, io_submit};
