//! The ring in memory of the test's own: what it makes of what the kernel writes, and of anything
//! else.

use super::*;
use crate::{
    abi::AioRing,
    fd::Fd,
    request::Request,
    slots::{Slot, Slots},
    watchdog::Watchdog,
};
use core::{mem::MaybeUninit, panic::AssertUnwindSafe, ptr::NonNull};
use std::{boxed::Box, panic, vec::Vec};

/// One a test: a wrong end makes for endless loops.
static WATCHDOGS: [Watchdog; 5] = [const { Watchdog::new("ring::tests, round ") }; 5];

/// Rings have at most this many places here.
const MOST: u32 = 8;
/// 64-bit words before and after the ring, and what stands there.
const GUARD: usize = 16;
const POISON: u64 = 0xdead_beef_dead_beef;
const WORDS: usize = GUARD + 4 + 4 * 8 + GUARD;

/// A ring as the kernel makes it, between words that nobody must read or write.
struct Shared {
    base: *mut u64,
    nr: u32,
}

/// Words of the header, by number.
const NR: usize = 1;
const HEAD: usize = 2;
const TAIL: usize = 3;
const MAGIC: usize = 4;
const INCOMPAT: usize = 6;
const LENGTH: usize = 7;

impl Shared {
    fn new(nr: u32) -> Self {
        let shared = Self { base: Box::into_raw(Box::new([POISON; WORDS])).cast(), nr };
        for (number, word) in [0, nr, 0, 0, AioRing::MAGIC, 1, 0, 32].into_iter().enumerate() {
            shared.set(number, word);
        }
        for place in 0..nr {
            // SAFETY: in the box.
            unsafe { shared.place(place).write(IoEvent::default()) };
        }
        shared
    }

    fn header(&self) -> NonNull<AioRing> {
        NonNull::new(self.base.wrapping_add(GUARD).cast()).unwrap()
    }

    fn word(&self, number: usize) -> *mut u32 {
        self.header().as_ptr().cast::<u32>().wrapping_add(number)
    }

    fn set(&self, number: usize, word: u32) {
        // SAFETY: in the box.
        unsafe { self.word(number).write(word) };
    }

    fn get(&self, number: usize) -> u32 {
        // SAFETY: in the box.
        unsafe { self.word(number).read() }
    }

    fn place(&self, place: u32) -> *mut IoEvent {
        assert!(place < self.nr);
        self.header()
            .as_ptr()
            .wrapping_add(1)
            .cast::<IoEvent>()
            .wrapping_add(width::from_u32(place))
    }

    /// Puts an event in as `aio_complete` does.
    fn complete(&self, data: u64) {
        let tail = self.get(TAIL);
        // SAFETY: in the box.
        unsafe { self.place(tail).write(IoEvent { data, obj: !0, res: 1, res2: 0 }) };
        self.set(TAIL, (tail + 1) % self.nr);
    }

    fn ring(&self, nr_events: u32) -> Option<Ring> {
        // SAFETY: the memory is the test's, which uses one ring at a time, and is not used through
        // references.
        unsafe { Ring::validated(self.header(), nr_events) }
    }

    /// Whether nobody has written where the ring is not.
    fn intact(&self) -> bool {
        let end = GUARD + 4 + 4 * width::from_u32(self.nr);
        (0..GUARD).chain(end..WORDS).all(|number| {
            // SAFETY: in the box.
            unsafe { self.base.wrapping_add(number).read() == POISON }
        })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: it came out of a box of this type.
        drop(unsafe { Box::from_raw(self.base.cast::<[u64; WORDS]>()) });
    }
}

fn data(events: impl Iterator<Item = IoEvent>) -> Vec<u64> {
    events.map(|event| event.data).collect()
}

#[test]
fn events_come_in_order_all_round_the_ring() {
    let _watched = WATCHDOGS[0].watch(None);
    for nr in 2..=MOST {
        let shared = Shared::new(nr);
        let mut ring = shared.ring(1).unwrap();
        let (mut put, mut got) = (0, 0);
        for round in 0..1000 {
            let count = round % nr; // never full: one place stays free
            for _ in 0..count {
                shared.complete(put);
                put += 1;
            }
            assert_eq!((ring.len(), ring.is_empty()), (Ok(count), Ok(count == 0)));
            let mut drain = ring.drain().unwrap();
            assert_eq!(drain.len(), width::from_u32(count));
            // Some one by one, the rest at once.
            for _ in 0..round / nr % (count + 1) {
                assert_eq!(drain.next().unwrap().data, got);
                got += 1;
            }
            drain.for_each(|event| {
                assert_eq!(event.data, got);
                got += 1;
            });
            assert_eq!((got, shared.get(HEAD)), (put, shared.get(TAIL)));
        }
        assert!(shared.intact());
    }
}

#[test]
fn what_was_not_taken_stays() {
    let _watched = WATCHDOGS[1].watch(None);
    let shared = Shared::new(4);
    let mut ring = shared.ring(1).unwrap();
    (0..3).for_each(|data| shared.complete(data));
    drop(ring.drain().unwrap());
    assert_eq!(shared.get(HEAD), 0);
    assert_eq!(data(ring.drain().unwrap().take(2)), [0, 1]);
    assert_eq!(shared.get(HEAD), 2);
    // Two more: at the last place, and the first.
    (3..5).for_each(|data| shared.complete(data));
    assert_eq!(data(ring.drain().unwrap().take(2)), [2, 3]);
    assert_eq!(shared.get(HEAD), 0, "round");
    assert_eq!(data(ring.drain().unwrap()), [4]);
    assert_eq!(data(ring.drain().unwrap()), []);
}

#[test]
fn a_panic_over_an_event_takes_that_one_and_no_other() {
    let _watched = WATCHDOGS[2].watch(None);
    // The second is at the last place.
    let shared = Shared::new(3);
    let mut ring = shared.ring(1).unwrap();
    shared.complete(0);
    assert_eq!(data(ring.drain().unwrap()), [0]);
    (1..3).for_each(|data| shared.complete(data));
    for expected in ["1", "2"] {
        let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
            ring.drain().unwrap().for_each(|event| {
                assert!(event.data == 0, "{}", event.data);
            });
        }));
        assert_eq!(*panicked.unwrap_err().downcast::<std::string::String>().unwrap(), expected);
    }
    assert_eq!((ring.is_empty(), shared.get(HEAD)), (Ok(true), 0));
}

#[test]
fn new_events_are_counted_once() {
    let _watched = WATCHDOGS[3].watch(None);
    let shared = Shared::new(5);
    let mut ring = shared.ring(1).unwrap();
    let even = |ring: &mut Ring| ring.count_new(|event| event.data % 2 == 0).unwrap();
    (0..3).for_each(|data| shared.complete(data));
    assert_eq!((even(&mut ring), even(&mut ring)), (2, 0));
    assert_eq!(data(ring.drain().unwrap().take(1)), [0]);
    (3..5).for_each(|data| shared.complete(data)); // round
    assert_eq!(even(&mut ring), 1);
    // The kernel takes all, on behalf of `io_getevents`, and puts in new ones.
    shared.set(HEAD, shared.get(TAIL));
    (5..9).for_each(|data| shared.complete(data));
    assert_eq!(even(&mut ring), 2);
    assert_eq!(data(ring.drain().unwrap()), [5, 6, 7, 8], "they stay");
    assert_eq!(even(&mut ring), 0);
}

#[test]
fn a_ring_is_validated() {
    let shared = Shared::new(MOST);
    assert!(shared.ring(MOST - 1).is_some());
    assert!(shared.ring(MOST).is_none(), "one place is never used");
    let wrong = [
        (NR, 0),
        (NR, 1),
        (NR, u32::MAX),
        (HEAD, MOST),
        (HEAD, u32::MAX),
        (TAIL, MOST),
        (MAGIC, 0),
        (MAGIC, AioRing::MAGIC + 1),
        (INCOMPAT, 1),
        (LENGTH, 31),
        (LENGTH, 64),
    ];
    for (number, word) in wrong {
        let right = shared.get(number);
        shared.set(number, word);
        assert!(shared.ring(1).is_none(), "{number}: {word}");
        shared.set(number, right);
    }
    // Other features may come, as long as they are compatible.
    shared.set(5, 0xffff);
    assert!(shared.ring(1).is_some());
    assert!(shared.intact());
}

#[test]
fn an_address_that_cannot_be_a_ring_is_not_looked_at() {
    use crate::abi::AioContext;
    for address in [0, 1, 4095, 4097, 1 << 63, u64::MAX, u64::MAX - 4095] {
        // SAFETY: no ring comes of it.
        assert!(unsafe { Ring::of_context(AioContext(address), 1) }.is_none(), "{address:#x}");
    }
}

/// A small generator of noise (splitmix64).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u32) -> u32 {
        u32::try_from(self.next() % u64::from(limit)).unwrap()
    }

    /// A number that is likely to cause trouble in a ring of `nr`.
    fn awkward(&mut self, nr: u32) -> u32 {
        match self.below(8) {
            0 => nr - 1,
            1 => nr,
            2 => nr + 1,
            3 => u32::MAX,
            4 => self.below(u32::MAX),
            _ => self.below(nr),
        }
    }
}

/// Requests in the table, beside the ring.
const FLYING: u32 = 4;

type Table = Slots<&'static [u8], u32>;

/// Scribbles over the ring: the header, and one of the events.
fn scribble(shared: &Shared, noise: &mut Noise, ids: &[u64]) {
    let header = noise.next();
    if header & 1 != 0 {
        shared.set(HEAD, noise.awkward(shared.nr));
    }
    if header & 2 != 0 {
        shared.set(TAIL, noise.awkward(shared.nr));
    }
    if header & 0x1c == 0 {
        shared.set(NR, noise.awkward(shared.nr));
        shared.set(MAGIC, noise.awkward(shared.nr));
    }
    let event = shared.place(noise.below(shared.nr));
    let data = match noise.below(4) {
        0 => noise.next(),
        1 => ids[0] ^ 1 << noise.below(64),
        // The right one, perhaps for the second time.
        _ => ids[width::from_u32(noise.below(FLYING))],
    };
    let [obj, res, res2] = [(); 3].map(|()| noise.next());
    let (res, res2) = (res.cast_signed(), res2.cast_signed());
    // SAFETY: in the box.
    unsafe { event.write(IoEvent { data, obj, res, res2 }) };
}

#[test]
fn a_million_hostile_rings_do_no_harm() {
    let mut noise = Noise(1);
    let mut slots = [const { MaybeUninit::<Slot<&'static [u8], u32>>::uninit() }; 4];
    let mut done = [0; 8];
    let (mut read, mut doubted, mut completed) = (0, 0, 0);
    let pool = (2..=MOST).map(Shared::new).collect::<Vec<_>>();
    for generation in 0..1_000_000 {
        let _watched = WATCHDOGS[4].watch(None);
        let shared = &pool[width::from_u32(noise.below(MOST - 1))];
        let start = [shared.nr, noise.below(shared.nr), noise.below(shared.nr), AioRing::MAGIC];
        start.into_iter().zip(NR..).for_each(|(word, number)| shared.set(number, word));
        let mut ring = shared.ring(1).unwrap();

        // SAFETY: the table before is not used any more, and nothing it held needs dropping.
        let mut table =
            unsafe { Table::new(slots.as_mut_ptr().cast(), done.as_mut_ptr(), FLYING, generation) };
        let ids = [0, 1, 2, 3].map(|tag| {
            // SAFETY: nothing is submitted.
            let request = Request::write(unsafe { Fd::from_raw(-1) }, &[][..], 0).tag(tag);
            let iocb = table.occupy_one(request, None).ok().unwrap();
            // SAFETY: in the table's memory, and nobody borrows it now.
            unsafe { (*iocb).aio_data }
        });

        for _ in 0..3 {
            scribble(shared, &mut noise, &ids);
            let (head, tail) = (shared.get(HEAD), shared.get(TAIL));
            let good = head < shared.nr && tail < shared.nr;
            assert_eq!(ring.is_empty().is_ok(), good);
            assert_eq!(ring.count_new(|_| true).is_ok_and(|count| count < shared.nr), good);
            let Ok(mut drain) = ring.drain() else {
                assert!(!good);
                doubted += 1;
                break;
            };
            let (len, mut seen) = (drain.len(), 0);
            assert!(good && len < width::from_u32(shared.nr));
            let mut complete = |event: IoEvent| {
                assert!(event.data != POISON && event.res.cast_unsigned() != POISON);
                completed += u32::from(table.complete(&event));
                seen += 1;
            };
            if noise.below(2) == 0 {
                drain.for_each(complete);
                assert_eq!((seen, shared.get(HEAD)), (len, tail));
            } else {
                let some = noise.below(MOST);
                // The rest changes while some are taken.
                (&mut drain).take(width::from_u32(some)).for_each(&mut complete);
                drop(drain);
                assert_eq!(seen, len.min(width::from_u32(some)));
                assert!(shared.get(HEAD) < shared.nr);
            }
            read += seen;
        }

        // Each request was completed once at most, whatever the events said.
        assert_eq!(table.outstanding(), 4);
        let mut taken = [false; 4];
        while let Some(done) = table.take() {
            assert!(!core::mem::replace(&mut taken[width::from_u32(done.tag)], true));
        }
        assert!(shared.intact());
    }
    assert!(read > 1_000_000 && doubted > 100_000 && completed > 100_000);
}
