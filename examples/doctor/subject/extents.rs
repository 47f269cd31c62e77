//! Where a file has data.

use core::ops::Range;
use rustix::fs::SeekFrom;
use std::fs::File;

/// So many parts are enough to choose blocks from.
const MOST: usize = 64;

/// The first parts of a file that have data, and the position of the first hole. Blocks that were
/// allocated and not written count as holes.
pub(crate) fn of(file: &File, len: u64) -> (Vec<Range<u64>>, Option<u64>) {
    let (mut data, mut first_hole, mut position) = (Vec::new(), None, 0);
    while position < len && data.len() < MOST {
        match rustix::fs::seek(file, SeekFrom::Data(position)) {
            Ok(start) => {
                if start > position {
                    first_hole.get_or_insert(position);
                }
                let end = rustix::fs::seek(file, SeekFrom::Hole(start)).unwrap_or(len);
                data.push(start..end);
                position = end.max(start + 1);
            }
            Err(rustix::io::Errno::NXIO) => {
                first_hole.get_or_insert(position);
                break;
            }
            // The file system does not say.
            Err(_) => {
                data.clear();
                data.push(0..len);
                return (data, None);
            }
        }
    }
    (data, first_hole)
}
