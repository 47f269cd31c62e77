//! The block device of a file.

use crate::diagnosis::Device;
use std::{fs, path::Path};

/// The device with this number, or `None` if the number is not that of a block device (tmpfs, btrfs).
pub(crate) fn of(number: u64) -> Option<Device> {
    let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
    let device = fs::canonicalize(format!("/sys/dev/block/{major}:{minor}")).ok()?;
    let name = device.file_name()?.to_string_lossy().into_owned();
    // A partition has the queue of its disk.
    let queues = [Some(&*device), device.parent()].map(|path| path.map(|path| path.join("queue")));
    let queue = queues.into_iter().flatten().find(|queue| queue.is_dir());
    let read = |file: &str| number_in(&queue.as_ref()?.join(file));
    Some(Device {
        name,
        logical_block_bytes: read("logical_block_size"),
        physical_block_bytes: read("physical_block_size"),
        queue_requests: read("nr_requests"),
        rotational: read("rotational").map(|rotational| rotational != 0),
    })
}

fn number_in(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
