//! Selects the kernel of each call in builds that contain both: the fake kernel if the thread runs
//! on one, otherwise the real kernel. Under Miri there is no real kernel.

use super::{
    fake::Kernel,
    real,
    statx::{Statfs, Statx},
};
use crate::{
    abi::{AioContext, AioSigset, IoEvent, Iocb, Timespec},
    types::Errno,
};
use core::{ffi::CStr, ptr::NonNull, time::Duration};

/// Defines each function: it makes the call on the thread's fake kernel, or on the real kernel.
macro_rules! calls {
    ($(fn $name:ident($($arg:ident: $type:ty),*) $(-> $out:ty)?;)*) => {$(
        pub(crate) fn $name($($arg: $type),*) $(-> $out)? {
            match Kernel::current() {
                Some(kernel) => kernel.$name($($arg),*),
                None => call_real(|| real::$name($($arg),*)),
            }
        }
    )*};
    ($($vis:vis unsafe fn $name:ident($($arg:ident: $type:ty),*) $(-> $out:ty)?;)*) => {$(
        #[doc = concat!("Calls `", stringify!($name), "` of the thread's fake kernel, or of the real kernel.")]
        ///
        /// # Errors
        ///
        /// Those of the function of the same name in `aio` or `linux`.
        ///
        /// # Safety
        ///
        /// The duties of the function of the same name in `aio` or `linux`.
        $vis unsafe fn $name($($arg: $type),*) $(-> $out)? {
            match Kernel::current() {
                // SAFETY: the arguments are passed on, and the caller of this function has the same
                // duties.
                Some(kernel) => unsafe { kernel.$name($($arg),*) },
                // SAFETY: the arguments are passed on, and the caller of this function has the same
                // duties.
                None => call_real(|| unsafe { real::$name($($arg),*) }),
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
    pub(crate) unsafe fn sector_size(fd: i32) -> Result<u32, Errno>;
}

calls! {
    fn make_eventfd() -> Result<i32, Errno>;
    fn take_counter(fd: i32) -> Result<u64, Errno>;
    fn wait_readable(fd: i32, timeout: Option<Duration>) -> Result<bool, Errno>;
    fn write(fd: i32, bytes: &[u8]) -> Result<usize, Errno>;
    fn mmap(len: usize) -> Result<NonNull<u8>, Errno>;
    fn mmap_aligned(len: usize) -> Result<NonNull<u8>, Errno>;
    fn mmap_hugetlb(len: usize) -> Result<NonNull<u8>, Errno>;
    fn madvise_hugepage(pages: NonNull<u8>, len: usize) -> Result<(), Errno>;
    fn monotonic() -> Option<Duration>;
    fn duplicate(fd: i32) -> Result<i32, Errno>;
    fn pread(fd: i32, into: &mut [u8], offset: u64) -> Result<usize, Errno>;
    fn fdatasync(fd: i32) -> Result<(), Errno>;
    fn file_flags(fd: i32) -> Result<usize, Errno>;
    fn statx(fd: i32, mask: u32) -> Result<Statx, Errno>;
    fn statfs(fd: i32) -> Result<Statfs, Errno>;
    fn is_mapped(page: usize) -> bool;
    fn set_signal_mask(mask: u64) -> Result<u64, Errno>;
    fn read_file(path: &CStr, into: &mut [u8]) -> Result<usize, Errno>;
    fn read_pieces(path: &CStr, piece: &mut [u8], each: &mut dyn FnMut(&[u8])) -> Result<(), Errno>;
}

/// Ends the process immediately, without unwinding.
#[cold]
pub(crate) fn abort() -> ! {
    if cfg!(miri) { std::process::abort() } else { real::abort() }
}

/// Makes a call to the real kernel.
fn call_real<R>(call: impl FnOnce() -> R) -> R {
    if cfg!(miri) {
        unreachable!("under Miri every call runs on a fake kernel: use `Kernel::run`");
    }
    call()
}
