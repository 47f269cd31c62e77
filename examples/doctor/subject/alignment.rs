//! What direct I/O on a file must be aligned to.

use crate::diagnosis::{Alignment, Subject};
use linux_aio::{DirectError, direct};
use std::fs::File;

/// Completes the subject by what a file of it requires for direct I/O.
pub(crate) fn examine(subject: &mut Subject, file: &File) {
    let bytes = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
    match direct::Alignment::of(file) {
        Ok(found) => {
            let (memory_bytes, offset_bytes) = (bytes(found.memory()), bytes(found.offset()));
            subject.alignment = Some(Alignment { memory_bytes, offset_bytes });
        }
        Err(DirectError::Unsupported) => subject.without_direct_io = true,
        Err(_) => {}
    }
}
