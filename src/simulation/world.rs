//! [`World`]: the kernel of a program, its files, and their expected state.

use super::{
    Played,
    buffer::{Ledger, ledger},
};
use crate::{
    abi::AioContext,
    context::BusyPoll,
    sys::fake::{Entropy, Faults, Kernel, Mode, Posted},
};
use core::time::Duration;
use std::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

/// The length of the file that is read.
pub(super) const SOURCE: usize = 500;

/// Returns the byte at an offset of the file that is read.
pub(super) const fn source(offset: usize) -> u8 {
    (offset as u8).wrapping_mul(37) ^ (offset >> 8) as u8
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) kernel: Kernel,
    pub(super) files: Files,
    /// Whether the kernel is hostile.
    pub(super) hostile: bool,
    /// Whether the kernel has no `MADV_WIPEONFORK`, so that the ring is not used.
    pub(super) old: bool,
    /// Whether the kernel is emulated, and ignores the flags of requests.
    pub(super) ignores_flags: bool,
    /// Whether the kernel is emulated, and ignores eventfds.
    pub(super) ignores_eventfds: bool,
    /// Whether the program waits for all requests at its end.
    pub(super) drains: bool,
    /// The number of entries by which a new ring is advanced.
    ring_start: u32,
    next_tag: u32,
    /// The offset of the next write.
    next_offset: usize,
    /// The expected content of the file that is written.
    pub(super) sink: Vec<u8>,
    /// The program's context. (Requests of leaked contexts complete too.)
    ctx: AioContext,
    /// The events that the kernel has posted in this context, by the ids of the requests: the index
    /// in the order, and the result.
    posted: BTreeMap<u64, (usize, i64)>,
    posted_len: usize,
    /// Whether the context has an eventfd.
    pub(super) notify: bool,
    /// The number of completions that the eventfd must count.
    pub(super) notifications: u64,
    /// The number of owners of files of requests in the batches outside of the current scope.
    pub(super) outer_files: usize,
    /// The setting of each context.
    pub(super) busy_poll: BusyPoll,
    /// The addresses of leaked buffers.
    pub(super) leaked_buffers: BTreeSet<usize>,
    /// The numbers of leaked tags.
    pub(super) leaked_tags: BTreeSet<u32>,
    pub(super) played: Played,
}

/// The descriptors of the program.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) source: i32,
    pub(super) sink: i32,
    pub(super) directory: i32,
    pub(super) reader: i32,
    pub(super) writer: i32,
    pub(super) eventfd: i32,
}

/// Some rounds of polling. Nothing completes while a program polls on the fake kernel.
const BRIEF: Duration = Duration::from_nanos(10);

impl World {
    pub(super) fn new(entropy: Entropy, faults: Faults, setup: [u8; 4]) -> Self {
        ledger(|ledger| *ledger = Ledger::default());
        let kernel = Kernel::new(entropy, faults);
        let source = kernel.regular(&(0..SOURCE).map(source).collect::<Vec<_>>(), Mode::READ);
        let (reader, writer) = kernel.pipe();
        let files = Files {
            source,
            sink: kernel.regular(&[], Mode::BOTH),
            directory: kernel.directory(),
            reader,
            writer,
            eventfd: kernel.eventfd(),
        };
        let old = setup[2].is_multiple_of(16) && setup[2] > 0;
        if old {
            kernel.set_old();
        }
        let (ignores_flags, ignores_eventfds) =
            (matches!(setup[2] % 16, 1 | 2), setup[2] % 16 == 2);
        if ignores_flags {
            kernel.set_emulated(ignores_eventfds);
        }
        Self {
            kernel,
            files,
            hostile: faults.hostile > 0,
            old,
            ignores_flags,
            ignores_eventfds,
            drains: setup[0] & 2 == 0,
            ring_start: setup[3].into(),
            next_tag: 0,
            next_offset: 0,
            sink: Vec::new(),
            ctx: AioContext::NONE,
            posted: BTreeMap::new(),
            posted_len: 0,
            notify: false,
            notifications: 0,
            outer_files: 0,
            busy_poll: match setup[1] / 4 % 4 {
                0 => BusyPoll::Always(BRIEF),
                1 => BusyPoll::Adaptive(BRIEF),
                _ => BusyPoll::Off,
            },
            leaked_buffers: BTreeSet::new(),
            leaked_tags: BTreeSet::new(),
            played: Played::default(),
        }
    }

    pub(super) fn next_tag(&mut self) -> u32 {
        self.next_tag += 1;
        self.next_tag
    }

    /// Reserves `len` bytes of the file that is written for one write, and returns their offset.
    pub(super) fn reserve(&mut self, len: usize) -> u64 {
        let offset = self.next_offset;
        self.next_offset += len;
        offset as u64
    }

    /// Returns the event that the kernel has posted for a request: its index in the order, and its
    /// result.
    pub(super) fn posted(&mut self, id: u64) -> Option<(usize, i64)> {
        for Posted { ctx, data, res } in self.kernel.posted_after(self.posted_len) {
            // u64::MAX is the id of the requests that check an eventfd.
            if ctx == self.ctx && data != u64::MAX {
                let before = self.posted.insert(data, (self.posted_len, res));
                assert!(self.hostile || before.is_none(), "an id was used twice: {data:#x}");
            }
            self.posted_len += 1;
        }
        self.posted.get(&id).copied()
    }

    /// Records a new context. It may have the address of an earlier one, and so the same ids.
    pub(super) fn new_context(&mut self, ctx: AioContext) {
        self.posted(0);
        self.posted.clear();
        self.ctx = ctx;
        self.notify = false;
        self.kernel.advance_ring(ctx, self.ring_start);
    }

    /// Checks the conditions that must hold at any time.
    pub(super) fn check(&self) {
        ledger(|ledger| assert!(ledger.violations.is_empty(), "{:?}", ledger.violations));
    }

    /// Checks the conditions that must hold at the end of the program: only leaked values are left.
    pub(super) fn check_end(&mut self) {
        self.check();
        self.kernel.settle();
        ledger(|ledger| {
            let tags = &self.leaked_tags;
            assert_eq!(&ledger.tags, tags, "tags at the end (existing, leaked)");
            assert_eq!(ledger.files, 0, "owners of files at the end");
            let buffers = &self.leaked_buffers;
            assert_eq!(&ledger.addresses(), buffers, "buffers at the end (existing, leaked)");
        });
        if !self.hostile {
            let counted = self.kernel.counted(self.files.eventfd);
            // Requests of leaked contexts are counted when they complete.
            let left = self.kernel.in_flight() as u64;
            let range = self.notifications.saturating_sub(left)..=self.notifications;
            assert!(range.contains(&counted), "{counted} notifications, not {range:?}");
        }
    }
}

impl Drop for World {
    /// Frees leaked buffers, so that leak detectors do not report them.
    fn drop(&mut self) {
        ledger(|ledger| *ledger = Ledger::default());
    }
}
