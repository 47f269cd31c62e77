//! [`Pair`]: both kernels, and what is done to both.

use super::{
    Files, Side,
    file_kind::FileKind,
    requests::{SPAN, Spec},
    side::{ARENA, SLOTS},
};
use crate::sys::fake::Entropy;
use crate::{
    abi::{IOCB_CMD_PREAD, IOCB_CMD_PWRITE, IOCB_FLAG_RESFD, IoEvent},
    types::Errno,
};
use std::{collections::BTreeMap, thread, time::Duration, vec::Vec};

/// Both kernels.
pub(super) struct Pair {
    files: Files,
    real: Side,
    model: Side,
    /// What is in flight, by its slot.
    in_flight: BTreeMap<usize, Spec>,
    next_data: u64,
    pub(super) seen: Seen,
}

/// How much of what was tried.
#[derive(Debug, Default)]
pub(super) struct Seen {
    accepted: u64,
    refused: u64,
    transferred: u64,
    failed: u64,
    cancelled: u64,
    woken: u64,
}

impl Seen {
    pub(super) fn is_broad(&self) -> bool {
        let Self { accepted, refused, transferred, failed, cancelled, woken } = self;
        [accepted, refused, transferred, failed, cancelled, woken].iter().all(|&&count| count > 50)
    }
}

impl Pair {
    pub(super) fn new(files: Files) -> Self {
        let [real, model] = [0, 1].map(|world| files.fds.iter().map(|fds| fds[world]).collect());
        let real = Side::new(real);
        let model = files.kernel.run(|| Side::new(model));
        let mut pair = Self {
            files,
            real,
            model,
            in_flight: BTreeMap::new(),
            next_data: 0,
            seen: Seen::default(),
        };
        pair.tell_flags();
        pair
    }

    /// Tells the fake kernel which flags this kernel and this file system take, one by one.
    fn tell_flags(&mut self) {
        const LAST: u32 = 8;
        const BY_FILE: u32 = 0x8 | 0x40 | 0x80; // NOWAIT, ATOMIC, DONTCACHE
        let taken = |kind, opcode, flag| {
            let spec = Spec::empty(kind, opcode, flag);
            self.real.encode(0, 0, &spec);
            let submitted = self.real.submit(&[0], 1);
            self.real.events(submitted.unwrap_or(0).cast_signed(), 1).unwrap();
            if submitted == Err(Errno::EOPNOTSUPP) { 0 } else { flag }
        };
        let flags = (0..=LAST).map(|bit| 1 << bit);
        let known = flags
            .clone()
            .map(|flag| if flag & BY_FILE != 0 { flag } else { taken(FileKind::PipeOut, 0, flag) })
            .sum::<u32>();
        let of_file = [IOCB_CMD_PREAD, IOCB_CMD_PWRITE].map(|opcode| {
            let by_file = flags.clone().filter(|flag| flag & BY_FILE != 0);
            !BY_FILE | by_file.map(|flag| taken(FileKind::ReadWrite, opcode, flag)).sum::<u32>()
        });
        self.files.tell_flags(known, of_file);
    }

    pub(super) fn name(&self) -> &str {
        self.files.name
    }

    /// A few steps from a fresh state.
    pub(super) fn sequence(&mut self, seed: u64) {
        let mut entropy = Entropy::Noise(seed);
        let fill =
            (0..ARENA).map(|at| (at as u8).wrapping_mul(31) ^ (seed as u8)).collect::<Vec<_>>();
        let len = entropy.below(SPAN) as usize;
        self.files.reset(&fill[..len]);
        self.real.reset(&fill);
        self.model.reset(&fill);
        for step in 0..1 + entropy.below(6) {
            self.step(&mut entropy, &std::format!("CONFORMANCE_FROM={seed}, step {step}"));
        }
        let what = std::format!("CONFORMANCE_FROM={seed}, at the end");
        for slot in self.in_flight.keys().copied().collect::<Vec<_>>() {
            self.cancel(slot, &what);
        }
        self.compare_events(&what);
        assert!(self.in_flight.is_empty(), "{what}: still in flight: {:?}", self.in_flight);
        assert!(self.real.arena() == self.model.arena(), "{what}: the memory differs");
        assert_eq!(
            self.files.difference(),
            None,
            "{what}: the file differs (where, really, in the fake kernel)"
        );
        for kind in [FileKind::PipeOut, FileKind::Socket, FileKind::Peer] {
            let (real, model) = self.files.remains(kind);
            assert_eq!(real, model, "{what}: what is left of {kind:?}: really, in the fake kernel");
        }
        for kind in [FileKind::Counter, FileKind::Notify] {
            self.compare_counter(kind, &what);
        }
    }

    fn step(&mut self, entropy: &mut Entropy, what: &str) {
        match entropy.below(16) {
            0 => self.cancel(entropy.below(SLOTS as u32) as usize, what),
            1 => {
                let (min, nr) = [(-1, 1), (2, 1), (0, -1), (0, 0)][entropy.below(4) as usize];
                let model = self.files.kernel.run(|| self.model.events(min, nr));
                let (real, model) = (self.real.events(min, nr).map(drop), model.map(drop));
                assert_eq!(real, model, "{what}: io_getevents: really, in the fake kernel");
            }
            2 | 3 => {
                let kind =
                    [FileKind::PipeIn, FileKind::Socket, FileKind::Peer][entropy.below(3) as usize];
                let bytes = [7; 100];
                self.files.send(kind, &bytes[..1 + entropy.below(99) as usize]);
            }
            _ => self.submit(entropy, what),
        }
        self.compare_events(what);
    }

    /// Submits a few requests, and those again that a bad one has held up.
    fn submit(&mut self, entropy: &mut Entropy, what: &str) {
        let free = (0..SLOTS).filter(|slot| !self.in_flight.contains_key(slot)).collect::<Vec<_>>();
        let mut rest = &free[..free.len().min(entropy.below(5) as usize)];
        let specs =
            rest.iter().map(|&slot| (slot, self.files.spec(entropy))).collect::<BTreeMap<_, _>>();
        for (&slot, spec) in &specs {
            self.next_data += 1;
            self.real.encode(slot, self.next_data, spec);
            self.model.encode(slot, self.next_data, spec);
        }
        let mut nr = rest.len().cast_signed();
        if entropy.one_in(64) {
            nr = -1;
        }
        loop {
            let real = self.real.submit(rest, nr);
            let model = self.files.kernel.run(|| self.model.submit(rest, nr));
            assert_eq!(
                real, model,
                "{what}: io_submit of {rest:?}: really, in the fake kernel: {specs:?}"
            );
            let accepted = real.unwrap_or(0);
            self.seen.accepted += accepted as u64;
            self.seen.refused += u64::from(real.is_err());
            for slot in &rest[..accepted] {
                self.in_flight.insert(*slot, specs[slot].clone());
            }
            // The one in front was refused, and has told why.
            let refused = usize::from(real.is_err());
            rest = rest.get(accepted + refused..).unwrap_or_default();
            if rest.is_empty() {
                return;
            }
            nr = rest.len().cast_signed();
        }
    }

    fn cancel(&mut self, slot: usize, what: &str) {
        let real = self.real.cancel(slot);
        let model = self.files.kernel.run(|| self.model.cancel(slot));
        let request = self.in_flight.get(&slot);
        assert_eq!(
            real, model,
            "{what}: io_cancel of {slot}: really, in the fake kernel: {request:?}"
        );
    }

    /// Takes what has come in the fake kernel, and waits for as much from the real kernel.
    fn compare_events(&mut self, what: &str) {
        let kernel = self.files.kernel.clone();
        kernel.settle();
        let room = 2 * SLOTS.cast_signed();
        let mut model = kernel.run(|| self.model.events(0, room)).unwrap();
        let mut real = self.real.events(model.len().cast_signed(), room).unwrap();
        let slot_of = |side: &Side, event: &IoEvent| {
            let slot = (event.obj - side.iocb(0).addr() as u64) / 64;
            slot as usize
        };
        let in_flight = &self.in_flight;
        let order = |side: &Side, events: &[IoEvent]| {
            let transfer = |event: &&IoEvent| in_flight[&slot_of(side, event)].is_transfer();
            events.iter().filter(transfer).map(|event| event.data).collect::<Vec<_>>()
        };
        let orders = (order(&self.real, &real), order(&self.model, &model));
        assert_eq!(orders.0, orders.1, "{what}: the order: really, in the fake kernel");
        real.sort_by_key(|event| event.data);
        model.sort_by_key(|event| event.data);
        let mut notifies = false;
        let mut over = Vec::new();
        let mut simplify = |side: &Side, event: &IoEvent| {
            let slot = slot_of(side, event);
            let spec = &in_flight[&slot];
            notifies |= spec.flags & IOCB_FLAG_RESFD != 0;
            over.push(slot);
            let asked = match &spec.place {
                super::requests::Place::Numbers(mask, _) if spec.opcode == 5 => {
                    (mask | 0x18) as i64
                }
                _ => -1,
            };
            // Bits of a poll that were not asked for may be there or not.
            (event.data, slot, event.res & asked, event.res2)
        };
        let real = real.iter().map(|event| simplify(&self.real, event)).collect::<Vec<_>>();
        let model = model.iter().map(|event| simplify(&self.model, event)).collect::<Vec<_>>();
        assert_eq!(real, model, "{what}: events: really, in the fake kernel: {:?}", self.in_flight);
        for (_, slot, res, _) in &real {
            let spec = &self.in_flight[slot];
            match (spec.opcode, res) {
                (5, 0) => self.seen.cancelled += 1,
                (5, _) => self.seen.woken += 1,
                (_, 1..) => self.seen.transferred += 1,
                (_, ..=0) => self.seen.failed += 1,
            }
        }
        for slot in over {
            self.in_flight.remove(&slot);
        }
        if notifies {
            self.compare_counter(FileKind::Notify, what);
        }
    }

    /// Compares an eventfd, which may count a little after the event is there.
    fn compare_counter(&self, kind: FileKind, what: &str) {
        let count = |bytes: Vec<u8>| bytes.try_into().map_or(0, u64::from_ne_bytes);
        let (real, model) = self.files.remains(kind);
        let (mut real, model) = (count(real), count(model));
        for _ in 0..1000 {
            if real >= model {
                break;
            }
            thread::sleep(Duration::from_millis(1));
            real += count(self.files.remains(kind).0);
        }
        assert_eq!(real, model, "{what}: {kind:?} has counted: really, in the fake kernel");
    }
}
