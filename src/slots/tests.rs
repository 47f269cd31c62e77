//! The table against an obvious oracle: random requests, and events both right and wrong.

use super::*;
use crate::{fd::Fd, flags::Opcode, in_flight::RequestId, page::PageBuf};
use std::{boxed::Box, collections::VecDeque, rc::Rc, vec, vec::Vec};

const CAPACITY: u32 = 7;

type Buf = Vec<u8>;

/// A table in memory of its own.
struct Table<T> {
    slots: Slots<Buf, T>,
    _memory: Box<[MaybeUninit<Slot<Buf, T>>]>,
    _done: Box<[MaybeUninit<u64>]>,
}

impl<T> Table<T> {
    fn new(generation: u32) -> Self {
        let mut memory = Box::new_uninit_slice(width::from_u32(CAPACITY));
        let mut done = Box::new_uninit_slice(2 * width::from_u32(CAPACITY));
        let (base, ids) = (memory.as_mut_ptr().cast(), done.as_mut_ptr().cast());
        // SAFETY: the memory is boxed, for this table alone, and dropped after it.
        let slots = unsafe { Slots::new(base, ids, CAPACITY, generation) };
        Self { slots, _memory: memory, _done: done }
    }

    /// Puts a request in and returns its id, or gives the tag back.
    fn occupy(&mut self, tag: T) -> Result<u64, T> {
        // SAFETY: nothing is submitted.
        let file = unsafe { Fd::from_raw(-1) };
        match self.slots.occupy_one(Request::read(file, vec![0; 8], 0).tag(tag), None) {
            // SAFETY: in the table's memory, and nobody borrows it now.
            Ok(iocb) => Ok(unsafe { (*iocb).aio_data }),
            Err(request) => Err(request.into_parts().1),
        }
    }

    fn event(&mut self, data: u64, res: i64) -> bool {
        self.slots.complete(&IoEvent { data, obj: 0, res, res2: 0 })
    }
}

impl<B: IoBuf, T> Slots<B, T> {
    /// Puts one request in, or hands it back.
    pub(crate) fn occupy_one<'fd, O>(
        &mut self,
        request: Request<'fd, B, T, O>,
        eventfd: Option<i32>,
    ) -> Result<*mut Iocb, Request<'fd, B, T, Any>> {
        let (mut batch, mut place) = (Batch::<B, T, 1>::new(), [MaybeUninit::uninit()]);
        batch.push(request).ok().unwrap();
        match self.occupy(&mut batch, eventfd, &mut place) {
            // SAFETY: it says that it has written one.
            1 => Ok(unsafe { place[0].assume_init() }),
            _ => Err(batch.pop().unwrap()),
        }
    }
}

/// A small generator of noise (splitmix64).
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
        // Close to the wrap, so that it is passed.
        let mut table = Table::new(u32::MAX - 100);
        let (mut flying, mut done) = (Vec::<(u64, u32)>::new(), VecDeque::<(i64, u32)>::new());
        let mut past = vec![0, 1, u64::MAX, 1 << 32, u64::from(CAPACITY)];
        for tag in 0..2000 {
            match noise.below(7) {
                0..=2 => match table.occupy(tag) {
                    Ok(id) => {
                        assert!(!flying.iter().any(|&(other, _)| other == id));
                        flying.push((id, tag));
                    }
                    Err(back) => {
                        assert_eq!(back, tag);
                        assert_eq!(flying.len() + done.len(), width::from_u32(CAPACITY));
                    }
                },
                3 if !flying.is_empty() => {
                    let (id, tag) = flying.swap_remove(noise.below(flying.len()));
                    let res = i64::from(tag);
                    assert!(table.event(id, res));
                    assert!(!table.event(id, res), "twice");
                    done.push_back((res, tag));
                    past.push(id);
                }
                4 => {
                    // Some at once, and others between them.
                    let count = noise.below(flying.len() + 1);
                    let some = (0..count).map(|_| flying.swap_remove(noise.below(flying.len())));
                    let some = some.collect::<Vec<_>>();
                    let event = |data, res| IoEvent { data, obj: 0, res, res2: 0 };
                    let events = some.iter().flat_map(|&(id, tag)| {
                        [event(id, tag.into()), event(id, -1), event(u64::MAX, -1)]
                    });
                    assert_eq!(table.slots.complete_each(events), 2 * width::to_u64(count));
                    done.extend(some.iter().map(|&(_, tag)| (i64::from(tag), tag)));
                    past.extend(some.iter().map(|&(id, _)| id));
                }
                5 if !flying.is_empty() => {
                    let (id, tag) = flying.swap_remove(noise.below(flying.len()));
                    let iocb = table.slots.iocb(RequestId(id)).unwrap();
                    // SAFETY: there is no kernel, and no file.
                    let request = unsafe { table.slots.withdraw(iocb) }.unwrap();
                    assert_eq!(request.into_parts().1, tag);
                    past.push(id);
                }
                _ => {
                    let taken = table.slots.take().map(|taken| (taken.event.res, taken.tag));
                    assert_eq!(taken, done.pop_front());
                }
            }
            let wrong = past[noise.below(past.len())];
            let right = flying.iter().any(|&(id, _)| id == wrong); // ids go round: 0 is one, once
            assert!(right || !table.event(wrong, 0), "an event of the past, or of no request");
            assert_eq!(table.slots.in_kernel(), flying.len());
            assert_eq!(table.slots.done(), done.len());
            assert_eq!(table.slots.outstanding(), flying.len() + done.len());
        }
    }
}

#[test]
fn hostile_events_complete_nothing() {
    let mut table = Table::new(0);
    let id = table.occupy(7).unwrap();
    for bit in 0..64 {
        assert!(!table.event(id ^ 1 << bit, 8), "bit {bit}");
    }
    let mut noise = Noise(1);
    for _ in 0..100_000 {
        let data = u64::try_from(noise.below(usize::MAX)).unwrap();
        assert!(data == id || !table.event(data, 8));
    }
    assert_eq!((table.slots.in_kernel(), table.slots.done()), (1, 0));
    assert!(table.event(id, 8));
}

#[test]
fn withdrawn_requests_come_back_whole() {
    let tag = Rc::new(());
    let mut table = Table::new(0);
    let mut iocbs = Vec::new();
    for number in 0..CAPACITY {
        // SAFETY: nothing is submitted.
        let file = unsafe { Fd::from_raw(-1) };
        let request = Request::read(file, vec![0; width::from_u32(number)], number.into())
            .tag(Rc::clone(&tag));
        iocbs.push(table.slots.occupy_one(request, None).unwrap());
    }
    for (number, iocb) in iocbs.into_iter().enumerate().rev() {
        // SAFETY: the kernel was told of none, and there is no file.
        let request = unsafe { table.slots.withdraw(iocb) }.unwrap();
        // SAFETY: as before.
        assert!(unsafe { table.slots.withdraw(iocb) }.is_none(), "once");
        assert_eq!(request.into_parts().0.len(), number);
    }
    assert_eq!((table.slots.outstanding(), Rc::strong_count(&tag)), (0, 1));
}

#[test]
fn completing_all_leaves_nothing_in_flight() {
    let tag = Rc::new(());
    let mut table = Table::new(0);
    let ids = [(); 5].map(|()| table.occupy(Rc::clone(&tag)).unwrap());
    table.event(ids[3], 1);
    table.slots.take().unwrap();
    table.event(ids[1], 1);
    // SAFETY: there is no kernel.
    unsafe { table.slots.complete_all() };
    assert_eq!((table.slots.in_kernel(), table.slots.done()), (0, 4));
    let results =
        core::iter::from_fn(|| table.slots.take()).map(|taken| taken.event.res).collect::<Vec<_>>();
    assert_eq!(results, [1, -125, -125, -125], "what had completed keeps its result");
    assert_eq!(Rc::strong_count(&tag), 1);
}

#[test]
fn what_is_looked_for_is_in_flight_and_of_that_operation() {
    let mut table = Table::new(0);
    let ids = [(); 3].map(|()| table.occupy(()).unwrap());
    let find = |table: &Table<()>, from, opcode| table.slots.next_in_flight(from, opcode);
    assert_eq!(find(&table, 0, Opcode::Poll), None, "they are reads");
    assert_eq!(find(&table, 1, Opcode::Pread), Some((1, RequestId(ids[1]))));
    assert!(table.event(ids[1], 8));
    assert_eq!(find(&table, 1, Opcode::Pread), Some((2, RequestId(ids[2]))), "that one is over");
    assert!(table.event(ids[2], 8));
    assert_eq!(find(&table, 1, Opcode::Pread), None);
}

#[test]
fn the_iocb_is_that_of_the_request() {
    let mut memory = Box::<[Slot<PageBuf, ()>]>::new_uninit_slice(1);
    let mut done = [0; 2];
    // SAFETY: memory for one, for this table alone.
    let mut slots = unsafe { Slots::new(memory.as_mut_ptr().cast(), done.as_mut_ptr(), 1, 6) };
    let buf = PageBuf::new(4096).unwrap();
    let address = u64::try_from(buf.as_ptr().addr()).unwrap();
    // SAFETY: nothing is submitted.
    let file = unsafe { Fd::from_raw(3) };
    let request = Request::write(file, buf, 512).flags(crate::RwFlags::DSYNC).range(8..24).unwrap();
    let iocb = slots.occupy_one(request, None).unwrap();
    // SAFETY: in the table's memory, and nobody borrows it now.
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
fn the_queue_of_completed_ones_goes_round_as_a_plain_one_does() {
    for capacity in [1, 2, 3, 7] {
        let mut memory = vec![0_u64; 2 * capacity];
        // SAFETY: memory for twice as many, for this queue alone.
        let mut done = unsafe { Done::new(memory.as_mut_ptr(), capacity) };
        let (mut noise, mut plain) = (Noise(3), VecDeque::new());
        let mut next = 0;
        for _ in 0..10_000 {
            if noise.below(3) == 0 {
                let count = noise.below(capacity - plain.len() + 1);
                // SAFETY: there are `capacity` at most then.
                unsafe { done.make_room(count) };
                for id in (next..).take(noise.below(count + 1)) {
                    // SAFETY: there is room for that many.
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
