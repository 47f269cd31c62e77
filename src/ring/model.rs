//! The ring's protocol in every order that a weak memory model allows, as [loom] makes them up: the
//! consumer is [`Ring`] itself, the producer a model of `aio_complete`. And the same with faults put
//! in, which must be found.
//!
//! [loom]: https://docs.rs/loom

#![cfg(loom)]

use super::*;
use loom::{
    cell::UnsafeCell,
    model::Builder,
    sync::{
        Arc,
        atomic::{AtomicU32, fence},
    },
    thread,
};
use std::vec::Vec;

/// What both sides see.
struct Shared {
    head: AtomicU32,
    tail: AtomicU32,
    /// Loom reports any access that is not ordered after the last one of the other side.
    events: Vec<UnsafeCell<u64>>,
}

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Nothing,
    TailRelaxed,
    HeadRelaxed,
    HeadBeforeCopy,
    NoBarrierInKernel,
}

#[derive(Clone)]
struct Mapping {
    shared: Arc<Shared>,
    fault: Fault,
}

impl Memory for Mapping {
    fn load_head(&self, order: Ordering) -> u32 {
        self.shared.head.load(order)
    }

    fn load_tail(&self, order: Ordering) -> u32 {
        let order = if self.fault == Fault::TailRelaxed { Ordering::Relaxed } else { order };
        let tail = self.shared.tail.load(order);
        if self.fault == Fault::HeadBeforeCopy {
            self.store_head(tail, Ordering::Release);
        }
        tail
    }

    fn store_head(&self, head: u32, order: Ordering) {
        let order = if self.fault == Fault::HeadRelaxed { Ordering::Relaxed } else { order };
        self.shared.head.store(head, order);
    }

    unsafe fn event(&self, place: u32) -> IoEvent {
        // SAFETY: loom checks it.
        let data = self.shared.events[width::from_u32(place)].with(|event| unsafe { *event });
        IoEvent { data, ..IoEvent::default() }
    }
}

/// Completes so many requests, as fast as there is room.
fn kernel(shared: &Shared, nr: u32, requests: u64, fault: Fault) {
    let mut tail = 0; // ctx->tail
    for data in 0..requests {
        let next = (tail + 1) % nr;
        // `refill_reqs_available`, and a request that was waiting for it. Between this load and the
        // write below there are conditions and atomic operations on counters, which order the two
        // in the kernel's memory model. In this one, that is called acquire.
        while shared.head.load(Ordering::Acquire) == next {
            thread::yield_now();
        }
        // SAFETY: loom checks it.
        shared.events[width::from_u32(tail)].with_mut(|event| unsafe { *event = data });
        if fault != Fault::NoBarrierInKernel {
            // smp_wmb() is less: it orders stores with stores. There are no loads before it.
            fence(Ordering::Release);
        }
        shared.tail.store(next, Ordering::Relaxed);
        tail = next;
    }
}

/// Takes so many events out of a ring with `nr` places, while the kernel puts them in.
fn check(nr: u32, requests: u64, fault: Fault, take: fn(&mut Ring<Mapping>, &mut Vec<u64>)) {
    let mut model = Builder::new();
    // More is more thorough and takes long. Two find every fault below.
    model.preemption_bound = Some(if fault == Fault::Nothing { 3 } else { 2 });
    model.check(move || {
        let shared = Arc::new(Shared {
            head: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            events: (0..nr).map(|_| UnsafeCell::new(u64::MAX)).collect(),
        });
        let mapping = Mapping { shared: Arc::clone(&shared), fault };
        let kernel = thread::spawn(move || kernel(&shared, nr, requests, fault));
        // SAFETY: as many places, and one consumer.
        let mut ring = unsafe { Ring::over(mapping, nr) };
        let mut taken = Vec::new();
        while width::to_u64(taken.len()) < requests {
            let before = taken.len();
            take(&mut ring, &mut taken);
            if taken.len() == before {
                thread::yield_now();
            }
        }
        kernel.join().unwrap();
        assert_eq!(taken, (0..requests).collect::<Vec<_>>(), "each, once, in order");
        assert_eq!(ring.is_empty(), Ok(true));
    });
}

/// As [`Context::reap`](crate::Context::reap) does.
fn all(ring: &mut Ring<Mapping>, taken: &mut Vec<u64>) {
    ring.drain().unwrap().for_each(|event| taken.push(event.data));
}

/// At most one, the others stay.
fn one(ring: &mut Ring<Mapping>, taken: &mut Vec<u64>) {
    taken.extend(ring.drain().unwrap().next().map(|event| event.data));
}

/// Looks before it takes, as [`Context::submit`](crate::Context::submit) does.
fn after_looking(ring: &mut Ring<Mapping>, taken: &mut Vec<u64>) {
    let next = width::to_u64(taken.len());
    let empty = ring.is_empty().unwrap();
    let new = ring.count_new(|event| event.data >= next).unwrap();
    assert!(empty || ring.len().unwrap() > 0, "what was seen stays");
    all(ring, taken);
    assert!(width::to_u64(taken.len()) - next >= u64::from(new));
}

#[test]
fn every_event_is_taken_once_and_whole() {
    check(2, 4, Fault::Nothing, all);
    check(3, 5, Fault::Nothing, all);
    check(4, 5, Fault::Nothing, all);
}

#[test]
fn so_it_is_one_by_one() {
    check(2, 4, Fault::Nothing, one);
    check(3, 5, Fault::Nothing, one);
}

#[test]
fn so_it_is_while_events_are_looked_at() {
    check(2, 3, Fault::Nothing, after_looking);
    check(3, 3, Fault::Nothing, after_looking);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_relaxed_load_of_the_tail_is_found() {
    check(3, 4, Fault::TailRelaxed, all);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_relaxed_store_of_the_head_is_found() {
    check(2, 4, Fault::HeadRelaxed, all);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_head_stored_before_the_copy_is_found() {
    check(3, 4, Fault::HeadBeforeCopy, all);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_kernel_without_its_barrier_is_found() {
    check(3, 4, Fault::NoBarrierInKernel, all);
}
