//! [`Pair`]: executes the same steps on both kernels, and compares the results.

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
    fake: Side,
    /// The requests in flight, by their slots.
    in_flight: BTreeMap<usize, Spec>,
    next_data: u64,
    pub(super) seen: Seen,
}

/// The numbers of results of each kind.
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
        let [real, fake] = [0, 1].map(|world| files.fds.iter().map(|fds| fds[world]).collect());
        let real = Side::new(real);
        let fake = files.kernel.run(|| Side::new(fake));
        let mut pair = Self {
            files,
            real,
            fake,
            in_flight: BTreeMap::new(),
            next_data: 0,
            seen: Seen::default(),
        };
        pair.set_flags();
        pair
    }

    /// Sets the flags of the fake kernel to those that the real kernel and its file system support.
    /// Each flag is tried.
    fn set_flags(&mut self) {
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
        self.files.set_flags(known, of_file);
    }

    pub(super) fn name(&self) -> &str {
        self.files.name
    }

    /// Resets files and memory, and executes a few random steps.
    pub(super) fn sequence(&mut self, seed: u64) {
        let mut entropy = Entropy::Noise(seed);
        let fill =
            (0..ARENA).map(|at| (at as u8).wrapping_mul(31) ^ (seed as u8)).collect::<Vec<_>>();
        let len = entropy.below(SPAN) as usize;
        self.files.reset(&fill[..len]);
        self.real.reset(&fill);
        self.fake.reset(&fill);
        for step in 0..1 + entropy.below(6) {
            self.step(&mut entropy, &std::format!("CONFORMANCE_FROM={seed}, step {step}"));
        }
        let what = std::format!("CONFORMANCE_FROM={seed}, at the end");
        for slot in self.in_flight.keys().copied().collect::<Vec<_>>() {
            self.cancel(slot, &what);
        }
        self.compare_events(&what);
        assert!(self.in_flight.is_empty(), "{what}: still in flight: {:?}", self.in_flight);
        assert!(self.real.arena() == self.fake.arena(), "{what}: the memory differs");
        assert_eq!(
            self.files.difference(),
            None,
            "{what}: the file differs (offset, real kernel, fake kernel)"
        );
        for kind in [FileKind::PipeOut, FileKind::Socket, FileKind::Peer] {
            let (real, fake) = self.files.remains(kind);
            assert_eq!(real, fake, "{what}: what is left of {kind:?} (real kernel, fake kernel)");
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
                let fake = self.files.kernel.run(|| self.fake.events(min, nr));
                let (real, fake) = (self.real.events(min, nr).map(drop), fake.map(drop));
                assert_eq!(real, fake, "{what}: io_getevents (real kernel, fake kernel)");
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

    /// Submits a few requests. After a refused request, the rest is submitted again.
    fn submit(&mut self, entropy: &mut Entropy, what: &str) {
        let free = (0..SLOTS).filter(|slot| !self.in_flight.contains_key(slot)).collect::<Vec<_>>();
        let mut rest = &free[..free.len().min(entropy.below(5) as usize)];
        let specs =
            rest.iter().map(|&slot| (slot, self.files.spec(entropy))).collect::<BTreeMap<_, _>>();
        for (&slot, spec) in &specs {
            self.next_data += 1;
            self.real.encode(slot, self.next_data, spec);
            self.fake.encode(slot, self.next_data, spec);
        }
        let mut nr = rest.len().cast_signed();
        if entropy.one_in(64) {
            nr = -1;
        }
        loop {
            let real = self.real.submit(rest, nr);
            let fake = self.files.kernel.run(|| self.fake.submit(rest, nr));
            assert_eq!(
                real, fake,
                "{what}: io_submit of {rest:?} (real kernel, fake kernel): {specs:?}"
            );
            let accepted = real.unwrap_or(0);
            self.seen.accepted += accepted as u64;
            self.seen.refused += u64::from(real.is_err());
            for slot in &rest[..accepted] {
                self.in_flight.insert(*slot, specs[slot].clone());
            }
            // The first request was refused, with its errno.
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
        let fake = self.files.kernel.run(|| self.fake.cancel(slot));
        let request = self.in_flight.get(&slot);
        assert_eq!(
            real, fake,
            "{what}: io_cancel of {slot} (real kernel, fake kernel): {request:?}"
        );
    }

    /// Takes all events of the fake kernel, waits for the same number of events of the real kernel,
    /// and compares them.
    fn compare_events(&mut self, what: &str) {
        let kernel = self.files.kernel.clone();
        kernel.settle();
        let room = 2 * SLOTS.cast_signed();
        let mut fake = kernel.run(|| self.fake.events(0, room)).unwrap();
        let mut real = self.real.events(fake.len().cast_signed(), room).unwrap();
        let slot_of = |side: &Side, event: &IoEvent| {
            let slot = (event.obj - side.iocb(0).addr() as u64) / 64;
            slot as usize
        };
        let in_flight = &self.in_flight;
        let order = |side: &Side, events: &[IoEvent]| {
            let transfer = |event: &&IoEvent| in_flight[&slot_of(side, event)].is_transfer();
            events.iter().filter(transfer).map(|event| event.data).collect::<Vec<_>>()
        };
        let orders = (order(&self.real, &real), order(&self.fake, &fake));
        assert_eq!(orders.0, orders.1, "{what}: the order (real kernel, fake kernel)");
        real.sort_by_key(|event| event.data);
        fake.sort_by_key(|event| event.data);
        let mut notifies = false;
        let mut over = Vec::new();
        let mut simplify = |side: &Side, event: &IoEvent| {
            let slot = slot_of(side, event);
            let spec = &in_flight[&slot];
            notifies |= spec.flags & IOCB_FLAG_RESFD != 0;
            over.push(slot);
            let asked = match &spec.memory {
                super::requests::Memory::Numbers(mask, _) if spec.opcode == 5 => {
                    (mask | 0x18) as i64
                }
                _ => -1,
            };
            // The kernels may report different events that were not requested.
            (event.data, slot, event.res & asked, event.res2)
        };
        let real = real.iter().map(|event| simplify(&self.real, event)).collect::<Vec<_>>();
        let fake = fake.iter().map(|event| simplify(&self.fake, event)).collect::<Vec<_>>();
        assert_eq!(real, fake, "{what}: events (real kernel, fake kernel): {:?}", self.in_flight);
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

    /// Compares the counters of an eventfd. The real kernel may signal it a little after the event.
    fn compare_counter(&self, kind: FileKind, what: &str) {
        let count = |bytes: Vec<u8>| bytes.try_into().map_or(0, u64::from_ne_bytes);
        let (real, fake) = self.files.remains(kind);
        let (mut real, fake) = (count(real), count(fake));
        for _ in 0..1000 {
            if real >= fake {
                break;
            }
            thread::sleep(Duration::from_millis(1));
            real += count(self.files.remains(kind).0);
        }
        assert_eq!(real, fake, "{what}: the counter of {kind:?} (real kernel, fake kernel)");
    }
}
