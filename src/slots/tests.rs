//! Tests of the table: random operations, compared with a simple oracle, and events that belong to
//! no request.

use super::{slot::Slot, *};
use crate::{
    buf::IoBuf,
    request::{Batch, Borrowed, Owners, Request, op::Any},
};
use crate::{
    buf::PageBuf,
    types::{Fd, Opcode},
};
use core::{mem::MaybeUninit, ptr::NonNull};
use std::{boxed::Box, collections::VecDeque, rc::Rc, vec, vec::Vec};

const CAPACITY: u32 = 7;

type Buf = Vec<u8>;

/// A table with its memory.
struct Table<T> {
    slots: Slots<Buf, T>,
    memory: NonNull<[MaybeUninit<Slot<Buf, T>>]>,
    ids: NonNull<[MaybeUninit<u64>]>,
}

impl<T> Drop for Table<T> {
    fn drop(&mut self) {
        // SAFETY: `memory` comes from `Box::leak`, and the table does not use it any more.
        drop(unsafe { Box::from_raw(self.memory.as_ptr()) });
        // SAFETY: `ids` comes from `Box::leak`, and the table does not use it any more.
        drop(unsafe { Box::from_raw(self.ids.as_ptr()) });
    }
}

impl<T> Table<T> {
    fn new(generation: u32) -> Self {
        // Leaked, because moving a box would invalidate pointers to its content.
        let memory = NonNull::from(Box::leak(Box::new_uninit_slice(cast::from_u32(CAPACITY))));
        let ids = NonNull::from(Box::leak(Box::new_uninit_slice(2 * cast::from_u32(CAPACITY))));
        let (base, queue) = (memory.cast().as_ptr(), ids.cast().as_ptr());
        // SAFETY: only this table uses the memory, which is freed when the table is dropped.
        let slots = unsafe { Slots::new(base, queue, CAPACITY, generation) };
        Self { slots, memory, ids }
    }

    /// Admits a request and returns its id, or returns the tag if there is no free slot.
    fn admit(&mut self, tag: T) -> Result<u64, T> {
        // SAFETY: nothing is submitted.
        let file = unsafe { Fd::from_raw(-1) };
        match self.slots.admit_one(Request::read(file, vec![0; 8], 0).tag(tag), None) {
            // SAFETY: the iocb is in the table's memory, and is not borrowed.
            Ok(iocb) => Ok(unsafe { (*iocb).aio_data }),
            Err(request) => Err(request.into_parts().2),
        }
    }

    fn event(&mut self, data: u64, res: i64) -> bool {
        self.slots.complete(&IoEvent { data, obj: 0, res, res2: 0 })
    }
}

impl<B: IoBuf, T> Slots<B, T> {
    /// Admits one request, or returns it if there is no free slot.
    pub(crate) fn admit_one<'fd, O>(
        &mut self,
        request: Request<Borrowed<'fd>, B, T, O>,
        eventfd: Option<i32>,
    ) -> Result<*mut Iocb, Request<Borrowed<'fd>, B, T, Any>> {
        let (mut batch, mut iocbs) = (Batch::<_, B, T, 1>::new(), [MaybeUninit::uninit()]);
        batch.push(request).ok().unwrap();
        match self.admit(&mut batch, &mut Owners::new(), eventfd, &mut iocbs) {
            // SAFETY: `admit` returned 1, so it has written one pointer.
            1 => Ok(unsafe { iocbs[0].assume_init() }),
            _ => Err(batch.pop().unwrap()),
        }
    }
}

/// A random number generator (splitmix64).
struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from(z ^ (z >> 31)).unwrap() % limit
    }
}

#[test]
fn random_operations_agree_with_an_oracle() {
    for seed in 0..50 {
        let mut noise = Noise(seed);
        // Near the maximum, so that generations wrap during the test.
        let mut table = Table::new(u32::MAX - 100);
        let (mut in_flight, mut done) = (Vec::<(u64, u32)>::new(), VecDeque::<(i64, u32)>::new());
        let mut past = vec![0, 1, u64::MAX, 1 << 32, u64::from(CAPACITY)];
        for tag in 0..2000 {
            match noise.below(7) {
                0..=2 => match table.admit(tag) {
                    Ok(id) => {
                        assert!(!in_flight.iter().any(|&(other, _)| other == id));
                        in_flight.push((id, tag));
                    }
                    Err(back) => {
                        assert_eq!(back, tag);
                        assert_eq!(in_flight.len() + done.len(), cast::from_u32(CAPACITY));
                    }
                },
                3 if !in_flight.is_empty() => {
                    let (id, tag) = in_flight.swap_remove(noise.below(in_flight.len()));
                    let res = i64::from(tag);
                    assert!(table.event(id, res));
                    assert!(!table.event(id, res), "twice");
                    done.push_back((res, tag));
                    past.push(id);
                }
                4 => {
                    // Some requests complete in one call, with spurious events between them.
                    let count = noise.below(in_flight.len() + 1);
                    let some =
                        (0..count).map(|_| in_flight.swap_remove(noise.below(in_flight.len())));
                    let some = some.collect::<Vec<_>>();
                    let event = |data, res| IoEvent { data, obj: 0, res, res2: 0 };
                    let events = some.iter().flat_map(|&(id, tag)| {
                        [event(id, tag.into()), event(id, -1), event(u64::MAX, -1)]
                    });
                    assert_eq!(table.slots.complete_each(events), 2 * cast::to_u64(count));
                    done.extend(some.iter().map(|&(_, tag)| (i64::from(tag), tag)));
                    past.extend(some.iter().map(|&(id, _)| id));
                }
                5 if !in_flight.is_empty() => {
                    let (id, tag) = in_flight.swap_remove(noise.below(in_flight.len()));
                    let iocb = table.slots.iocb(id).unwrap();
                    // SAFETY: (1) nothing was submitted; (2) the request has no open file.
                    let request = unsafe { table.slots.withdraw(iocb, ()) }.unwrap();
                    assert_eq!(request.into_parts().2, tag);
                    past.push(id);
                }
                _ => {
                    let taken = table.slots.take().map(|taken| (taken.event.res, taken.tag));
                    assert_eq!(taken, done.pop_front());
                }
            }
            let wrong = past[noise.below(past.len())];
            // Ids wrap: 0 can be in flight.
            let right = in_flight.iter().any(|&(id, _)| id == wrong);
            assert!(right || !table.event(wrong, 0), "the event of an earlier request, or of none");
            assert_eq!(table.slots.in_kernel(), in_flight.len());
            assert_eq!(table.slots.completed(), done.len());
            assert_eq!(table.slots.outstanding(), in_flight.len() + done.len());
        }
    }
}

#[test]
fn events_with_wrong_ids_complete_nothing() {
    let mut table = Table::new(0);
    let id = table.admit(7).unwrap();
    for bit in 0..64 {
        assert!(!table.event(id ^ 1 << bit, 8), "bit {bit}");
    }
    let mut noise = Noise(1);
    for _ in 0..100_000 {
        let data = u64::try_from(noise.below(usize::MAX)).unwrap();
        assert!(data == id || !table.event(data, 8));
    }
    assert_eq!((table.slots.in_kernel(), table.slots.completed()), (1, 0));
    assert!(table.event(id, 8));
}

#[test]
fn withdraw_returns_buffer_and_tag() {
    let tag = Rc::new(());
    let mut table = Table::new(0);
    let mut iocbs = Vec::new();
    for number in 0..CAPACITY {
        // SAFETY: nothing is submitted.
        let file = unsafe { Fd::from_raw(-1) };
        let request = Request::read(file, vec![0; cast::from_u32(number)], number.into())
            .tag(Rc::clone(&tag));
        iocbs.push(table.slots.admit_one(request, None).unwrap());
    }
    for (number, iocb) in iocbs.into_iter().enumerate().rev() {
        // SAFETY: (1) nothing was submitted; (2) the request has no open file.
        let request = unsafe { table.slots.withdraw(iocb, ()) }.unwrap();
        // SAFETY: (1) nothing was submitted; (2) the request has no open file.
        assert!(unsafe { table.slots.withdraw(iocb, ()) }.is_none(), "only once");
        assert_eq!(request.into_parts().1.len(), number);
    }
    assert_eq!((table.slots.outstanding(), Rc::strong_count(&tag)), (0, 1));
}

#[test]
fn complete_all_leaves_nothing_in_flight() {
    let tag = Rc::new(());
    let mut table = Table::new(0);
    let ids = [(); 5].map(|()| table.admit(Rc::clone(&tag)).unwrap());
    table.event(ids[3], 1);
    table.slots.take().unwrap();
    table.event(ids[1], 1);
    // SAFETY: nothing was submitted, so the kernel uses no buffer.
    unsafe { table.slots.complete_all() };
    assert_eq!((table.slots.in_kernel(), table.slots.completed()), (0, 4));
    let results =
        core::iter::from_fn(|| table.slots.take()).map(|taken| taken.event.res).collect::<Vec<_>>();
    assert_eq!(results, [1, -125, -125, -125], "completed requests keep their results");
    assert_eq!(Rc::strong_count(&tag), 1);
}

#[test]
fn lookups_find_requests_in_flight_by_operation() {
    let mut table = Table::new(u32::MAX - 1); // generations wrap between the first two requests
    let reads = [(); 2].map(|()| table.admit(0).unwrap());
    // SAFETY: nothing is submitted.
    let file = unsafe { Fd::from_raw(-1) };
    let polls = [1, 2, 3].map(|tag| {
        let poll = Request::poll(file).with_buf(Buf::new()).tag(tag);
        let iocb = table.slots.admit_one(poll, None).ok().unwrap();
        table.slots.data_of(iocb).unwrap()
    });
    let found = |table: &Table<i32>| {
        let mut scratch = [MaybeUninit::uninit(); 7];
        table.slots.polls(&mut scratch).iter().map(|poll| poll.data).collect::<Vec<_>>()
    };
    assert_eq!(found(&table), polls, "in the order of their submission");
    assert!(table.slots.any_in_flight(Opcode::is_read));
    assert!(table.event(reads[0], 8) && table.event(reads[1], 8) && table.event(polls[1], 1));
    assert!(!table.slots.any_in_flight(Opcode::is_read));
    assert_eq!(found(&table), [polls[0], polls[2]], "one has completed");
    let tags = |table: &Table<i32>| {
        table.slots.in_flight(9).map(|one| (*one.tag, one.id.data)).collect::<Vec<_>>()
    };
    assert_eq!(tags(&table), [(1, polls[0]), (3, polls[2])]);
    assert_eq!(table.slots.iocb(polls[1]), None);
    // The new poll is in the first slot, but was submitted last.
    while table.slots.take().is_some() {}
    let poll = Request::poll(file).with_buf(Buf::new()).tag(4);
    let iocb = table.slots.admit_one(poll, None).ok().unwrap();
    let last = table.slots.data_of(iocb).unwrap();
    assert_eq!(found(&table), [polls[0], polls[2], last]);
}

#[test]
fn iocb_has_the_fields_of_the_request() {
    let mut memory = Box::<[Slot<PageBuf, ()>]>::new_uninit_slice(1);
    let mut done = [0; 2];
    // SAFETY: the memory has room for one slot and two ids, and only this table uses it.
    let mut slots = unsafe { Slots::new(memory.as_mut_ptr().cast(), done.as_mut_ptr(), 1, 6) };
    let buf = PageBuf::new(4096).unwrap();
    let address = u64::try_from(buf.as_ptr().addr()).unwrap();
    // SAFETY: nothing is submitted.
    let file = unsafe { Fd::from_raw(3) };
    let request = Request::write(file, buf, 512).flags(crate::RwFlags::DSYNC).range(8..24).unwrap();
    let iocb = slots.admit_one(request, None).unwrap();
    // SAFETY: the iocb is in the table's memory, and is not borrowed.
    let iocb = unsafe { *iocb };
    let expected = Iocb {
        aio_data: 7 << 32,
        aio_lio_opcode: 1,
        aio_rw_flags: 2,
        aio_fildes: 3,
        aio_buf: address + 8,
        aio_nbytes: 16,
        aio_offset: 512,
        ..Iocb::default()
    };
    assert_eq!(iocb, expected);
}

#[test]
fn completion_queue_matches_a_vecdeque() {
    for capacity in [1, 2, 3, 7] {
        let mut memory = vec![0_u64; 2 * capacity];
        // SAFETY: the memory has room for twice `capacity` ids, and only this queue uses it.
        let mut done = unsafe { Queue::new(memory.as_mut_ptr(), capacity) };
        let (mut noise, mut plain) = (Noise(3), VecDeque::new());
        let mut next = 0;
        for _ in 0..10_000 {
            if noise.below(3) == 0 {
                let count = noise.below(capacity - plain.len() + 1);
                // SAFETY: with `count` more there are at most `capacity`.
                unsafe { done.make_room(count) };
                for id in (next..).take(noise.below(count + 1)) {
                    // SAFETY: `make_room` has made room for at least this many.
                    unsafe { done.push(id) };
                    plain.push_back(id);
                }
                next += 10;
            } else {
                assert_eq!(done.pop(), plain.pop_front());
            }
            assert_eq!(done.len(), plain.len());
        }
    }
}
