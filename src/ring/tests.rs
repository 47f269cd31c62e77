//! Tests of the ring in memory of the test: with events as the kernel writes them, and with
//! arbitrary content.

use super::*;
use crate::{
    abi::AioRing,
    request::Request,
    simulation::watchdog::Watchdog,
    slots::{Slot, Slots},
    types::Fd,
};
use core::{mem::MaybeUninit, panic::AssertUnwindSafe, ptr::NonNull};
use std::{boxed::Box, panic, vec::Vec};

/// One for each test: with a wrong tail, a loop might not end.
static WATCHDOGS: [Watchdog; 5] = [const { Watchdog::new("ring::tests, round ") }; 5];

/// The largest number of entries of the rings here.
const MOST: u32 = 8;
/// The number of 64-bit words before and after the ring, and their value.
const GUARD: usize = 16;
const POISON: u64 = 0xdead_beef_dead_beef;
const WORDS: usize = GUARD + 4 + 4 * 8 + GUARD;

/// A ring as the kernel makes it, between words that must not be read or written.
struct Shared {
    base: *mut u64,
    nr: u32,
}

/// The indexes of the words of the header.
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
        for index in 0..nr {
            // SAFETY: the entry is in the box.
            unsafe { shared.entry(index).write(IoEvent::default()) };
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
        // SAFETY: the word is in the box.
        unsafe { self.word(number).write(word) };
    }

    fn get(&self, number: usize) -> u32 {
        // SAFETY: the word is in the box.
        unsafe { self.word(number).read() }
    }

    fn entry(&self, index: u32) -> *mut IoEvent {
        assert!(index < self.nr);
        self.header().as_ptr().wrapping_add(1).cast::<IoEvent>().wrapping_add(cast::from_u32(index))
    }

    /// Adds an event as `aio_complete` does.
    fn complete(&self, data: u64) {
        let tail = self.get(TAIL);
        // SAFETY: the entry is in the box.
        unsafe { self.entry(tail).write(IoEvent { data, obj: !0, res: 1, res2: 0 }) };
        self.set(TAIL, (tail + 1) % self.nr);
    }

    fn ring(&self, nr_events: u32) -> Option<Ring> {
        // SAFETY: (1) the box has memory for the header and the events; (2) a test uses one ring at
        // a time, and accesses the memory by pointers only.
        unsafe { Ring::validated(self.header(), nr_events) }
    }

    /// Returns whether the words outside of the ring are unchanged.
    fn intact(&self) -> bool {
        let end = GUARD + 4 + 4 * cast::from_u32(self.nr);
        (0..GUARD).chain(end..WORDS).all(|number| {
            // SAFETY: the word is in the box.
            unsafe { self.base.wrapping_add(number).read() == POISON }
        })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: `base` comes from `Box::into_raw` of a box of this type, and is not used
        // afterwards.
        drop(unsafe { Box::from_raw(self.base.cast::<[u64; WORDS]>()) });
    }
}

fn data(events: impl Iterator<Item = IoEvent>) -> Vec<u64> {
    events.map(|event| event.data).collect()
}

#[test]
fn events_are_ordered_across_the_wrap() {
    let _watched = WATCHDOGS[0].watch(None);
    for nr in 2..=MOST {
        let shared = Shared::new(nr);
        let mut ring = shared.ring(1).unwrap();
        let (mut put, mut got) = (0, 0);
        for round in 0..1000 {
            let count = round % nr; // at most `nr - 1`: one entry is always unused
            for _ in 0..count {
                shared.complete(put);
                put += 1;
            }
            assert_eq!((ring.len(), ring.is_empty()), (Ok(count), Ok(count == 0)));
            let mut drain = ring.drain().unwrap();
            assert_eq!(drain.len(), cast::from_u32(count));
            // Takes some events by `next` and the rest by `for_each`.
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
fn events_that_were_not_taken_stay_in_the_ring() {
    let _watched = WATCHDOGS[1].watch(None);
    let shared = Shared::new(4);
    let mut ring = shared.ring(1).unwrap();
    (0..3).for_each(|data| shared.complete(data));
    drop(ring.drain().unwrap());
    assert_eq!(shared.get(HEAD), 0);
    assert_eq!(data(ring.drain().unwrap().take(2)), [0, 1]);
    assert_eq!(shared.get(HEAD), 2);
    // Two more events, in the last and the first entry.
    (3..5).for_each(|data| shared.complete(data));
    assert_eq!(data(ring.drain().unwrap().take(2)), [2, 3]);
    assert_eq!(shared.get(HEAD), 0, "wrapped");
    assert_eq!(data(ring.drain().unwrap()), [4]);
    assert_eq!(data(ring.drain().unwrap()), []);
}

#[test]
fn panic_in_for_each_takes_only_the_current_event() {
    let _watched = WATCHDOGS[2].watch(None);
    // The second panic is at the event in the last entry.
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
fn count_new_counts_each_event_once() {
    let _watched = WATCHDOGS[3].watch(None);
    let shared = Shared::new(5);
    let mut ring = shared.ring(1).unwrap();
    let even = |ring: &mut Ring| ring.count_new(|event| event.data % 2 == 0).unwrap();
    (0..3).for_each(|data| shared.complete(data));
    assert_eq!((even(&mut ring), even(&mut ring)), (2, 0));
    assert_eq!(data(ring.drain().unwrap().take(1)), [0]);
    (3..5).for_each(|data| shared.complete(data)); // the tail wraps
    assert_eq!(even(&mut ring), 1);
    // The kernel takes all events, for `io_getevents`, and adds new ones.
    shared.set(HEAD, shared.get(TAIL));
    (5..9).for_each(|data| shared.complete(data));
    assert_eq!(even(&mut ring), 2);
    assert_eq!(data(ring.drain().unwrap()), [5, 6, 7, 8], "counting does not take events");
    assert_eq!(even(&mut ring), 0);
}

#[test]
fn rings_with_invalid_headers_are_rejected() {
    let shared = Shared::new(MOST);
    assert!(shared.ring(MOST - 1).is_some());
    assert!(shared.ring(MOST).is_none(), "one entry is always unused");
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
    // Compatible features are accepted.
    shared.set(5, 0xffff);
    assert!(shared.ring(1).is_some());
    assert!(shared.intact());
}

#[test]
fn addresses_that_cannot_be_rings_are_not_read() {
    use crate::abi::AioContext;
    for address in [0, 1, 4095, 4097, 1 << 63, u64::MAX, u64::MAX - 4095] {
        // SAFETY: these addresses are rejected before they are read, so no ring is made.
        assert!(unsafe { Ring::of_context(AioContext(address), 1) }.is_none(), "{address:#x}");
    }
}

/// A random number generator (splitmix64).
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

    /// Returns a number at or near the limits of an index in a ring of `nr` entries, or any number.
    fn index_or_not(&mut self, nr: u32) -> u32 {
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

/// The number of requests in flight in the table.
const IN_FLIGHT: u32 = 4;

type Table = Slots<&'static [u8], u32>;

/// Overwrites words of the header, and one of the events, with random values.
fn overwrite(shared: &Shared, noise: &mut Noise, ids: &[u64]) {
    let header = noise.next();
    if header & 1 != 0 {
        shared.set(HEAD, noise.index_or_not(shared.nr));
    }
    if header & 2 != 0 {
        shared.set(TAIL, noise.index_or_not(shared.nr));
    }
    if header & 0x1c == 0 {
        shared.set(NR, noise.index_or_not(shared.nr));
        shared.set(MAGIC, noise.index_or_not(shared.nr));
    }
    let event = shared.entry(noise.below(shared.nr));
    let data = match noise.below(4) {
        0 => noise.next(),
        1 => ids[0] ^ 1 << noise.below(64),
        // The id of a request, which may have completed already.
        _ => ids[cast::from_u32(noise.below(IN_FLIGHT))],
    };
    let [obj, res, res2] = [(); 3].map(|()| noise.next());
    let (res, res2) = (res.cast_signed(), res2.cast_signed());
    // SAFETY: the entry is in the box.
    unsafe { event.write(IoEvent { data, obj, res, res2 }) };
}

#[test]
fn random_ring_contents_complete_each_request_at_most_once() {
    let mut noise = Noise(1);
    let mut slots = [const { MaybeUninit::<Slot<&'static [u8], u32>>::uninit() }; 4];
    let mut done = [0; 8];
    let (mut read, mut inconsistent, mut completed) = (0, 0, 0);
    let pool = (2..=MOST).map(Shared::new).collect::<Vec<_>>();
    for generation in 0..1_000_000 {
        let _watched = WATCHDOGS[4].watch(None);
        let shared = &pool[cast::from_u32(noise.below(MOST - 1))];
        let start = [shared.nr, noise.below(shared.nr), noise.below(shared.nr), AioRing::MAGIC];
        start.into_iter().zip(NR..).for_each(|(word, number)| shared.set(number, word));
        let mut ring = shared.ring(1).unwrap();

        // SAFETY: the memory has room for the table; the previous table in it is not used any more,
        // and its contents need no drop.
        let mut table = unsafe {
            Table::new(slots.as_mut_ptr().cast(), done.as_mut_ptr(), IN_FLIGHT, generation)
        };
        let ids = [0, 1, 2, 3].map(|tag| {
            // SAFETY: nothing is submitted.
            let request = Request::write(unsafe { Fd::from_raw(-1) }, &[][..], 0).tag(tag);
            let iocb = table.admit_one(request, None).ok().unwrap();
            // SAFETY: the iocb is in the table's memory, and is not borrowed.
            unsafe { (*iocb).aio_data }
        });

        for _ in 0..3 {
            overwrite(shared, &mut noise, &ids);
            let (head, tail) = (shared.get(HEAD), shared.get(TAIL));
            let good = head < shared.nr && tail < shared.nr;
            assert_eq!(ring.is_empty().is_ok(), good);
            assert_eq!(ring.count_new(|_| true).is_ok_and(|count| count < shared.nr), good);
            let Ok(mut drain) = ring.drain() else {
                assert!(!good);
                inconsistent += 1;
                break;
            };
            let (len, mut seen) = (drain.len(), 0);
            assert!(good && len < cast::from_u32(shared.nr));
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
                // The remaining events are changed before they are taken.
                (&mut drain).take(cast::from_u32(some)).for_each(&mut complete);
                drop(drain);
                assert_eq!(seen, len.min(cast::from_u32(some)));
                assert!(shared.get(HEAD) < shared.nr);
            }
            read += seen;
        }

        // Each request was completed at most once.
        assert_eq!(table.outstanding(), 4);
        let mut taken = [false; 4];
        while let Some(done) = table.take() {
            assert!(!core::mem::replace(&mut taken[cast::from_u32(done.tag)], true));
        }
        assert!(shared.intact());
    }
    assert!(read > 1_000_000 && inconsistent > 100_000 && completed > 100_000);
}
