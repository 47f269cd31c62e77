//! How much of a file is in the page cache.

use crate::diagnosis::PageCache;
use std::{fs::File, os::fd::AsRawFd as _};

/// The number of `cachestat`, on all processors. Not every C library has a name for it.
const SYS_CACHESTAT: libc::c_long = 451;

/// `struct cachestat` of linux/mman.h: numbers of pages.
#[repr(C)]
#[derive(Default)]
struct CacheStat {
    cache: u64,
    dirty: u64,
    writeback: u64,
    evicted: u64,
    recently_evicted: u64,
}

/// Asks the kernel (`cachestat`, since Linux 6.5).
pub(crate) fn of_file(file: &File) -> Option<PageCache> {
    // `struct cachestat_range`: offset and length. A length of 0 is all the rest.
    let whole = [0_u64, 0];
    let mut stat = CacheStat::default();
    // SAFETY: the call reads the range and writes the struct.
    let answer = unsafe {
        libc::syscall(SYS_CACHESTAT, file.as_raw_fd(), &raw const whole, &raw mut stat, 0)
    };
    (answer == 0)
        .then_some(PageCache { cached_pages: stat.cache, dirty_pages: stat.dirty + stat.writeback })
}
