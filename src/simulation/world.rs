//! [`World`]: the kernel of a program, its files, and what is known of both.

use super::{
    Played,
    buffer::{Ledger, ledger},
};
use crate::{
    abi::AioContext,
    sys::fake::{Entropy, Faults, Kernel, Mode, Posted},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

/// How long the file is that is read.
pub(super) const SOURCE: usize = 500;

/// What the file that is read has at that place.
pub(super) const fn source(place: usize) -> u8 {
    (place as u8).wrapping_mul(37) ^ (place >> 8) as u8
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) kernel: Kernel,
    pub(super) files: Files,
    /// Whether the kernel keeps no rules.
    pub(super) hostile: bool,
    /// Whether it has no `MADV_WIPEONFORK`, so that there is no ring.
    pub(super) old: bool,
    /// Whether it ignores the flags of requests, as emulated kernels do, and eventfds.
    pub(super) ignores_flags: bool,
    pub(super) ignores_eventfds: bool,
    /// Whether a program goes on until everything has completed.
    pub(super) drains: bool,
    /// How far round a ring is at first.
    turn: u32,
    next_tag: u32,
    /// Where the next write goes.
    next_place: usize,
    /// What the file that is written to must contain.
    pub(super) sink: Vec<u8>,
    /// The program's context; leaked ones complete requests too.
    ctx: AioContext,
    /// The kernel's events in it, by the requests' ids: their place in the order, and results.
    posted: BTreeMap<u64, (usize, i64)>,
    posted_len: usize,
    /// Whether requests notify by default, and how many of those accepted will have.
    pub(super) notify: bool,
    pub(super) notifications: u64,
    /// Owners of the files of requests in the batches outside the scope.
    pub(super) outer_files: usize,
    /// Buffers and tags that nobody will see again.
    pub(super) leaked_buffers: BTreeSet<usize>,
    pub(super) leaked_tags: BTreeSet<u32>,
    pub(super) played: Played,
}

/// Descriptors.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) source: i32,
    pub(super) sink: i32,
    pub(super) directory: i32,
    pub(super) reader: i32,
    pub(super) writer: i32,
    pub(super) eventfd: i32,
}

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
            turn: setup[3].into(),
            next_tag: 0,
            next_place: 0,
            sink: Vec::new(),
            ctx: AioContext::NONE,
            posted: BTreeMap::new(),
            posted_len: 0,
            notify: false,
            notifications: 0,
            outer_files: 0,
            leaked_buffers: BTreeSet::new(),
            leaked_tags: BTreeSet::new(),
            played: Played::default(),
        }
    }

    pub(super) fn next_tag(&mut self) -> u32 {
        self.next_tag += 1;
        self.next_tag
    }

    /// A place for so many bytes that nobody else writes to.
    pub(super) fn place(&mut self, len: usize) -> u64 {
        let place = self.next_place;
        self.next_place += len;
        place as u64
    }

    /// The event that the kernel has posted for a request, and when.
    pub(super) fn posted(&mut self, id: u64) -> Option<(usize, i64)> {
        for Posted { ctx, data, res } in self.kernel.posted_after(self.posted_len) {
            // Requests that try an eventfd all have this one.
            if ctx == self.ctx && data != u64::MAX {
                let before = self.posted.insert(data, (self.posted_len, res));
                assert!(self.hostile || before.is_none(), "an id was used twice: {data:#x}");
            }
            self.posted_len += 1;
        }
        self.posted.get(&id).copied()
    }

    /// There is a new context, perhaps in the place of an old one, so that ids may be the same.
    pub(super) fn new_context(&mut self, ctx: AioContext) {
        self.posted(0);
        self.posted.clear();
        self.ctx = ctx;
        self.notify = false;
        self.kernel.advance_ring(ctx, self.turn);
    }

    /// What must hold at any time.
    pub(super) fn check(&self) {
        ledger(|ledger| assert!(ledger.violations.is_empty(), "{:?}", ledger.violations));
    }

    /// What must hold when nothing is there any more but what was leaked.
    pub(super) fn check_end(&mut self) {
        self.check();
        self.kernel.settle();
        ledger(|ledger| {
            let tags = &self.leaked_tags;
            assert_eq!(&ledger.tags, tags, "tags that are left: those that are, those leaked");
            assert_eq!(ledger.files, 0, "owners of files that are left");
            assert_eq!(ledger.addresses(), self.leaked_buffers, "buffers that are left");
        });
        if !self.hostile {
            let counted = self.kernel.counted(self.files.eventfd);
            // Those of leaked contexts count when they complete.
            let left = self.kernel.in_flight() as u64;
            let range = self.notifications.saturating_sub(left)..=self.notifications;
            assert!(range.contains(&counted), "{counted} notifications, not {range:?}");
        }
    }
}

impl Drop for World {
    /// Frees what was leaked, to keep leak detectors quiet.
    fn drop(&mut self) {
        ledger(|ledger| *ledger = Ledger::default());
    }
}
