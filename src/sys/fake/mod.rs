//! A kernel in memory, in place of the real one: for unit tests, fuzzing, and Miri.
//!
//! It makes no system call, and all it does follows from the [`Entropy`] it is given. It keeps the
//! rules of `fs/aio.c` as far as a program can see them: what `io_submit` checks and in which order,
//! what it answers, what is copied and what stays in use, when a buffer is touched, where events
//! appear. Within these rules it does what is hardest on the program ([`Faults`]). That it is right
//! is shown by a test that asks it and the real kernel the same things (`conformance`).
//!
//! Requests know files by reference and buffers by address, as the kernel does; a buffer is touched
//! when its request completes. So a use after free shows in what watches memory (AddressSanitizer,
//! valgrind, Miri), and what the fake kernel can tell by itself, it asserts: pages that are unmapped while
//! they are in use, a wait that would never end.
//!
//! One fake kernel serves one thread, while a closure runs in [`Kernel::run`]. What was made on a fake kernel must
//! be dropped on it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    dead_code,
    reason = "a part of the tests: it stops at the first surprise, and no one build uses all of it"
)]
#![allow(clippy::std_instead_of_core, reason = "there is std wherever this is compiled")]

mod complete;
mod context;
mod entropy;
mod events;
mod faults;
mod file;
mod fork;
mod hostile;
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
pub(crate) use kernel::Kernel;

use crate::types::Errno;
use complete::Context;
use core::time::Duration;
use file::OpenFile;
use memory::Mappings;
use std::{collections::BTreeMap, rc::Rc, vec::Vec};
use submit::RWF_SUPPORTED;

/// All that the fake kernel knows.
#[derive(Debug)]
struct State {
    entropy: Entropy,
    faults: Faults,
    /// By their numbers.
    contexts: BTreeMap<u64, Context>,
    next_context: u32,
    descriptors: BTreeMap<i32, Rc<OpenFile>>,
    mappings: Mappings,
    /// The monotonic clock. It goes on when something waits or asks for the time.
    now: Duration,
    /// `aio-nr` and `aio-max-nr` of /proc/sys/fs.
    aio_nr: u64,
    aio_max_nr: u64,
    signal_mask: u64,
    /// The flags of reads and writes that this kernel knows.
    rw_flags: u32,
    /// Whether the calls come from a forked child.
    in_child: bool,
    /// Whether this is a kernel without `MADV_WIPEONFORK`.
    old: bool,
    /// Whether this is an emulated kernel that ignores `aio_rw_flags`.
    ignores_flags: bool,
    /// Whether it ignores `aio_resfd` as well.
    ignores_eventfds: bool,
    /// System calls that a sandbox refuses, and how.
    forbidden: Vec<(&'static str, Errno)>,
    /// The answer to the next request that is accepted, whatever it is.
    answer: Option<i64>,
    /// Each event that was posted, in order.
    posted: Vec<Posted>,
}

impl State {
    /// Descriptors count from here.
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

    /// Whether the sandbox lets a call through.
    fn allow(&self, call: &str) -> Result<(), Errno> {
        match self.forbidden.iter().find(|(name, _)| *name == call) {
            Some(&(_, errno)) => Err(errno),
            None => Ok(()),
        }
    }

    /// Whether a request in flight uses some of this memory.
    fn is_lent(&self, address: usize, len: usize) -> bool {
        let mut requests = self.contexts.values().flat_map(|context| &context.pending);
        requests.any(|request| request.uses(address, len))
    }
}
