//! What the program has found out. All lengths are in bytes.

use super::Trial;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// Everything that was found, in the order in which it was looked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Findings {
    pub(crate) path: String,
    pub(crate) asked: Asked,
    pub(crate) machine: Machine,
    /// The system calls of native AIO that were tried, if that went well.
    pub(crate) calls: Vec<Call>,
    /// What the path is, unless finding that out failed or hung.
    pub(crate) subject: Option<Subject>,
    pub(crate) trials: Vec<Trial>,
    pub(crate) end: End,
    /// The process that made the trials, if it waits for a device. It ends when the device answers.
    pub(crate) waiting_process: Option<u32>,
}

/// How the user's program accesses the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// Whether it opens the file without `O_DIRECT`.
    pub(crate) buffered: bool,
    /// The length of its requests, and what their offsets are multiples of.
    pub(crate) block_bytes: usize,
    /// How long a request may take before the device counts as stalled.
    pub(crate) timeout_ms: u64,
}

impl Asked {
    pub(crate) const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

/// The kernel, its limits and the sandbox.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// `Linux 6.18.0`
    pub(crate) kernel: String,
    pub(crate) architecture: String,
    /// `fs.aio-nr`: the requests that all contexts of the machine were made for.
    pub(crate) aio_nr: Option<u64>,
    /// `fs.aio-max-nr`: the limit on that number.
    pub(crate) aio_max_nr: Option<u64>,
    /// `RLIMIT_MEMLOCK`; `None` is unlimited.
    pub(crate) memlock_limit_bytes: Option<u64>,
    /// `RLIMIT_FSIZE`; `None` is unlimited.
    pub(crate) file_size_limit_bytes: Option<u64>,
    /// The number of seccomp filters of this process, if the kernel reports it.
    pub(crate) seccomp_filters: Option<u64>,
    pub(crate) huge_pages: HugePages,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct HugePages {
    pub(crate) page_bytes: Option<u64>,
    pub(crate) reserved: Option<u64>,
    pub(crate) free: Option<u64>,
    /// When the kernel makes transparent huge pages: `always`, `madvise` or `never`.
    pub(crate) transparent: Option<String>,
}

/// A system call, and whether it can be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// The name of the errno that refuses it.
    pub(crate) refused: Option<String>,
}

/// What the path is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Subject {
    pub(crate) kind: Kind,
    pub(crate) size_bytes: u64,
    pub(crate) allocated_bytes: u64,
    /// Where the first hole is, or the first preallocated block that was never written.
    pub(crate) first_hole: Option<u64>,
    /// By how much the file grew while it was examined.
    pub(crate) grown_bytes: u64,
    /// How the file is open, if the path is that of a descriptor.
    pub(crate) descriptor: Option<Descriptor>,
    pub(crate) filesystem: Option<Filesystem>,
    pub(crate) device: Option<Device>,
    pub(crate) alignment: Option<Alignment>,
    /// Whether the kernel reports that the file has no direct I/O.
    pub(crate) without_direct_io: bool,
    /// Before the trials.
    pub(crate) page_cache: Option<PageCache>,
}

/// How much of a file is in the page cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PageCache {
    pub(crate) cached_pages: u64,
    /// Those that are not on the disk yet.
    pub(crate) dirty_pages: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    File,
    Directory,
    BlockDevice,
    CharacterDevice,
    Pipe,
    Socket,
    Other,
}

/// The flags of an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Descriptor {
    pub(crate) access: Access,
    /// `O_DIRECT`
    pub(crate) direct: bool,
    /// `O_APPEND`
    pub(crate) append: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Access {
    Read,
    Write,
    ReadWrite,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Filesystem {
    /// `ext4`
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) mounted_at: String,
    /// What is mounted: a device, or a word.
    pub(crate) source: String,
    pub(crate) options: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) logical_block_bytes: Option<u64>,
    pub(crate) physical_block_bytes: Option<u64>,
    /// How many requests its queue takes. `io_submit` may wait until there is room for another one.
    pub(crate) queue_requests: Option<u64>,
    pub(crate) rotational: Option<bool>,
}

/// What direct I/O must be aligned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Alignment {
    pub(crate) memory_bytes: u64,
    /// For offsets and lengths.
    pub(crate) offset_bytes: u64,
}

/// How the examination ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "how")]
pub(crate) enum End {
    /// All trials were made.
    Complete,
    /// AIO cannot be used.
    Unavailable(Refusal),
    /// A request did not complete within the timeout.
    Stalled(Oldest),
    /// A system call did not return within the timeout.
    Blocked(Blocked),
    /// A signal killed the process that made the trials.
    Killed { signal: i32, step: String },
}

/// A system call of AIO failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) call: String,
    pub(crate) errno: String,
    /// The text of the crate's error.
    pub(crate) message: String,
}

/// The oldest request in flight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Oldest {
    pub(crate) step: String,
    /// `read` or `write`
    pub(crate) operation: String,
    pub(crate) offset_bytes: u64,
    pub(crate) len_bytes: usize,
    pub(crate) age_ms: u64,
}

/// A thread that waits in the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Blocked {
    pub(crate) step: String,
    pub(crate) age_ms: u64,
    /// The name of the system call, if it is one that the program knows.
    pub(crate) call: Option<String>,
    /// The function of the kernel that waits, if the kernel reports it.
    pub(crate) kernel_function: Option<String>,
}
