//! Which kernel answers, in builds that have both: the model, in a thread that runs on one, or else
//! the real one. Under Miri there is no real one.

use super::{linux, model::Kernel};
use crate::{
    abi::{AioContext, AioSigset, IoEvent, Iocb, Timespec},
    errno::Errno,
};
use core::{ffi::CStr, ptr::NonNull, time::Duration};

/// Defines each call as that of the kernel which answers.
macro_rules! calls {
    ($(fn $name:ident($($arg:ident: $type:ty),*) $(-> $out:ty)?;)*) => {$(
        pub(crate) fn $name($($arg: $type),*) $(-> $out)? {
            match Kernel::current() {
                Some(kernel) => kernel.$name($($arg),*),
                None => real(|| linux::$name($($arg),*)),
            }
        }
    )*};
    ($($vis:vis unsafe fn $name:ident($($arg:ident: $type:ty),*) $(-> $out:ty)?;)*) => {$(
        #[doc = concat!("`", stringify!($name), "`, of the kernel that answers.")]
        ///
        /// # Errors
        ///
        /// Those of the kernel.
        ///
        /// # Safety
        ///
        /// As the kernel has it.
        $vis unsafe fn $name($($arg: $type),*) $(-> $out)? {
            match Kernel::current() {
                // SAFETY: the caller's duties are the same.
                Some(kernel) => unsafe { kernel.$name($($arg),*) },
                // SAFETY: the caller's duties are the same.
                None => real(|| unsafe { linux::$name($($arg),*) }),
            }
        }
    )*};
}

calls! {
    pub unsafe fn io_setup(nr_events: u32, ctxp: *mut AioContext) -> Result<(), Errno>;
    pub unsafe fn io_destroy(ctx: AioContext) -> Result<(), Errno>;
    pub unsafe fn io_submit(ctx: AioContext, nr: isize, iocbpp: *const *mut Iocb) -> Result<usize, Errno>;
    pub unsafe fn io_cancel(ctx: AioContext, iocb: *mut Iocb, result: *mut IoEvent) -> Result<(), Errno>;
    pub unsafe fn io_getevents(
        ctx: AioContext, min_nr: isize, nr: isize, events: *mut IoEvent, timeout: *const Timespec
    ) -> Result<usize, Errno>;
    pub unsafe fn io_pgetevents(
        ctx: AioContext, min_nr: isize, nr: isize, events: *mut IoEvent, timeout: *const Timespec,
        usig: *const AioSigset
    ) -> Result<usize, Errno>;
    pub(crate) unsafe fn munmap(pages: NonNull<u8>, len: usize) -> Result<(), Errno>;
    pub(crate) unsafe fn madvise_wipe_on_fork(pages: NonNull<u8>, len: usize) -> Result<(), Errno>;
    pub(crate) unsafe fn close(fd: i32);
}

calls! {
    fn mmap(len: usize) -> Result<NonNull<u8>, Errno>;
    fn monotonic() -> Option<Duration>;
    fn duplicate(fd: i32) -> Result<i32, Errno>;
    fn is_seekable(fd: i32) -> bool;
    fn set_signal_mask(mask: u64) -> Result<u64, Errno>;
    fn read_file(path: &CStr, into: &mut [u8]) -> Result<usize, Errno>;
}

/// Ends the process on the spot.
#[cold]
pub(crate) fn abort() -> ! {
    if cfg!(miri) { std::process::abort() } else { linux::abort() }
}

/// Asks the real kernel.
fn real<R>(call: impl FnOnce() -> R) -> R {
    if cfg!(miri) {
        unreachable!("under Miri every call runs on a model kernel: use `Kernel::run`");
    }
    call()
}
