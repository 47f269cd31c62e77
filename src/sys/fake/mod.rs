//! The fake kernel: a kernel in memory, for unit tests, fuzzing, and Miri.
//!
//! The fake kernel makes no system calls. Its behaviour is determined by its [`Entropy`]. It
//! follows `fs/aio.c` in everything that a program can observe: the checks of `io_submit` and their
//! order, its return values, which data is copied, when a buffer is accessed, where events appear.
//! Within these limits it behaves in ways that are difficult for programs ([`Faults`]). The tests
//! in `conformance` compare it with the real kernel.
//!
//! Requests refer to files by reference and to buffers by address, as in the real kernel. A buffer
//! is accessed when its request completes, so that tools like AddressSanitizer, valgrind and Miri
//! detect a use after free. The fake kernel itself asserts that no pages are unmapped while they
//! are in use, and that no wait is endless.
//!
//! A fake kernel is used by one thread, during a closure in [`Kernel::run`]. Contexts and pages
//! that were made on a fake kernel must be dropped on it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    dead_code,
    reason = "a part of the tests, which stop at the first error; no build uses all of it"
)]
#![allow(clippy::std_instead_of_core, reason = "std is available in all builds with this module")]

mod complete;
mod context;
mod entropy;
mod eventfd;
mod events;
mod faults;
mod file;
mod fork;
mod hostile;
mod inquiry;
mod kernel;
mod memory;
mod ring;
mod settings;
mod submit;
mod transfer;

#[cfg(test)]
mod tests;

pub(crate) use complete::Posted;
pub(crate) use entropy::Entropy;
pub(crate) use faults::Faults;
pub(crate) use file::Mode;
pub(crate) use inquiry::ReportedAlignment;
pub(crate) use kernel::Kernel;

use crate::types::Errno;
use complete::Context;
use core::time::Duration;
use file::OpenFile;
use memory::Mappings;
use std::{collections::BTreeMap, rc::Rc, vec::Vec};
use submit::RWF_SUPPORTED;

/// The state of a fake kernel.
#[derive(Debug)]
struct State {
    entropy: Entropy,
    faults: Faults,
    /// The contexts, by their numbers.
    contexts: BTreeMap<u64, Context>,
    next_context: u32,
    descriptors: BTreeMap<i32, Rc<OpenFile>>,
    mappings: Mappings,
    /// The monotonic clock. It advances when the program waits or reads the clock.
    now: Duration,
    /// `aio-nr` and `aio-max-nr` of /proc/sys/fs.
    aio_nr: u64,
    aio_max_nr: u64,
    signal_mask: u64,
    /// What the kernel and its device say about the alignment of direct I/O.
    alignment: ReportedAlignment,
    /// How many requests were in flight at each `fdatasync`.
    syncs: Vec<usize>,
    /// The flags of reads and writes that this kernel knows.
    rw_flags: u32,
    /// Whether the calls come from a forked child.
    in_child: bool,
    /// Whether this is a kernel without `MADV_WIPEONFORK`.
    old: bool,
    /// Whether this is an emulated kernel that ignores `aio_rw_flags`.
    ignores_flags: bool,
    /// Whether this is an emulated kernel that ignores `aio_resfd` too.
    ignores_eventfds: bool,
    /// The system calls that a sandbox forbids, and their errnos.
    forbidden: Vec<(&'static str, Errno)>,
    /// The result of the next request that is accepted, which is not executed.
    answer: Option<i64>,
    /// The events that were posted, in order.
    posted: Vec<Posted>,
}

impl State {
    /// The lowest descriptor.
    const FIRST_FD: i32 = 100;

    fn new(entropy: Entropy, faults: Faults) -> Self {
        Self {
            entropy,
            faults,
            contexts: BTreeMap::new(),
            next_context: 0,
            descriptors: BTreeMap::new(),
            mappings: Mappings::default(),
            now: Duration::from_secs(1_000_000),
            aio_nr: 0,
            aio_max_nr: 65536,
            signal_mask: 0,
            alignment: ReportedAlignment::OF_LINUX_6_18,
            syncs: Vec::new(),
            rw_flags: RWF_SUPPORTED,
            in_child: false,
            old: false,
            ignores_flags: false,
            ignores_eventfds: false,
            forbidden: Vec::new(),
            answer: None,
            posted: Vec::new(),
        }
    }

    /// Returns the errno of the sandbox, if it forbids a call.
    fn allow(&self, call: &str) -> Result<(), Errno> {
        match self.forbidden.iter().find(|(name, _)| *name == call) {
            Some(&(_, errno)) => Err(errno),
            None => Ok(()),
        }
    }

    /// Returns whether a request in flight uses some of this memory.
    fn uses_memory(&self, address: usize, len: usize) -> bool {
        let mut requests = self.contexts.values().flat_map(|context| &context.pending);
        requests.any(|request| request.uses(address, len))
    }
}
