//! What direct I/O on a file must be aligned to.

use crate::diagnosis::{Alignment, Device};
use rustix::fs::{AtFlags, StatxFlags};
use std::fs::File;

/// What the kernel reports (`statx`, since Linux 6.1), otherwise the block size of the device.
pub(crate) fn of_file(file: &File, device: Option<&Device>) -> Option<Alignment> {
    let reported = rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::DIOALIGN).ok();
    let reported = reported.filter(|stat| {
        stat.stx_mask & StatxFlags::DIOALIGN.bits() != 0 && stat.stx_dio_offset_align != 0
    });
    let of_device = || {
        let block = device?.logical_block_bytes?;
        Some(Alignment { memory_bytes: block, offset_bytes: block })
    };
    reported.map_or_else(of_device, |stat| {
        Some(Alignment {
            memory_bytes: stat.stx_dio_mem_align.into(),
            offset_bytes: stat.stx_dio_offset_align.into(),
        })
    })
}
