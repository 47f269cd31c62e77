//! Tests of the ring's protocol in [loom], which executes all interleavings and reorderings that a
//! weak memory model allows. The consumer is [`Ring`] itself; the producer does the same as
//! `aio_complete`. Other tests introduce faults, which loom must detect.
//!
//! [loom]: https://docs.rs/loom

#![cfg(loom)]

use super::*;
use ::loom::{
    cell::UnsafeCell,
    model::Builder,
    sync::{
        Arc,
        atomic::{AtomicU32, fence},
    },
    thread,
};
use std::vec::Vec;

/// The memory that both sides share.
struct Shared {
    head: AtomicU32,
    tail: AtomicU32,
    /// Loom reports each access that is not ordered after the last access of the other side.
    events: Vec<UnsafeCell<u64>>,
}

/// The fault that a test introduces.
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

    unsafe fn event(&self, index: u32) -> IoEvent {
        // SAFETY: loom panics if this access conflicts with another one.
        let data = self.shared.events[cast::from_u32(index)].with(|event| unsafe { *event });
        IoEvent { data, ..IoEvent::default() }
    }

    unsafe fn obj(&self, _index: u32) -> u64 {
        0
    }
}

/// Completes `requests` requests, waiting while the ring is full.
fn kernel(shared: &Shared, nr: u32, requests: u64, fault: Fault) {
    let mut tail = 0; // ctx->tail
    for data in 0..requests {
        let next = (tail + 1) % nr;
        // `refill_reqs_available`, and a request that was submitted because of it. Between this
        // load and the write below, the kernel has conditions and atomic operations on counters,
        // which order the two in the kernel's memory model. An acquire load has the same effect in
        // loom's.
        while shared.head.load(Ordering::Acquire) == next {
            thread::yield_now();
        }
        // SAFETY: loom panics if this access conflicts with another one.
        shared.events[cast::from_u32(tail)].with_mut(|event| unsafe { *event = data });
        if fault != Fault::NoBarrierInKernel {
            // `smp_wmb()` is weaker than this fence: it orders only stores. There are no loads
            // before it.
            fence(Ordering::Release);
        }
        shared.tail.store(next, Ordering::Relaxed);
        tail = next;
    }
}

/// Takes `requests` events from a ring with `nr` entries, while another thread adds them.
fn check(nr: u32, requests: u64, fault: Fault, take: fn(&mut Ring<Mapping>, &mut Vec<u64>)) {
    let mut model = Builder::new();
    // A larger bound is more thorough but slow. A bound of 2 is sufficient for the faults below.
    model.preemption_bound = Some(if fault == Fault::Nothing { 3 } else { 2 });
    model.check(move || {
        let shared = Arc::new(Shared {
            head: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            events: (0..nr).map(|_| UnsafeCell::new(u64::MAX)).collect(),
        });
        let mapping = Mapping { shared: Arc::clone(&shared), fault };
        let kernel = thread::spawn(move || kernel(&shared, nr, requests, fault));
        // SAFETY: (1) there are `nr` entries, at least 2; (2) this is the only consumer.
        let mut ring = unsafe { Ring::over(mapping, nr) };
        let mut taken = Vec::new();
        while cast::to_u64(taken.len()) < requests {
            let before = taken.len();
            take(&mut ring, &mut taken);
            if taken.len() == before {
                thread::yield_now();
            }
        }
        kernel.join().unwrap();
        assert_eq!(taken, (0..requests).collect::<Vec<_>>(), "each event once, in order");
        assert_eq!(ring.is_empty(), Ok(true));
    });
}

/// Takes all events, as [`Context::reap`](crate::Context::reap) does.
fn all(ring: &mut Ring<Mapping>, taken: &mut Vec<u64>) {
    ring.drain().unwrap().for_each(|event| taken.push(event.data));
}

/// Takes at most one event.
fn one(ring: &mut Ring<Mapping>, taken: &mut Vec<u64>) {
    taken.extend(ring.drain().unwrap().next().map(|event| event.data));
}

/// Counts the events before it takes them, as [`Context::submit`](crate::Context::submit) does.
fn after_counting(ring: &mut Ring<Mapping>, taken: &mut Vec<u64>) {
    let next = cast::to_u64(taken.len());
    let empty = ring.is_empty().unwrap();
    let new = ring.count_new(|event| event.data >= next).unwrap();
    assert!(empty || ring.len().unwrap() > 0, "events stay until they are taken");
    all(ring, taken);
    assert!(cast::to_u64(taken.len()) - next >= u64::from(new));
}

#[test]
fn drain_takes_each_event_once_and_whole() {
    check(2, 4, Fault::Nothing, all);
    check(3, 5, Fault::Nothing, all);
    check(4, 5, Fault::Nothing, all);
}

#[test]
fn taking_one_at_a_time_takes_each_event_once_and_whole() {
    check(2, 4, Fault::Nothing, one);
    check(3, 5, Fault::Nothing, one);
}

#[test]
fn counting_first_takes_each_event_once_and_whole() {
    check(2, 3, Fault::Nothing, after_counting);
    check(3, 3, Fault::Nothing, after_counting);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn relaxed_load_of_tail_is_detected() {
    check(3, 4, Fault::TailRelaxed, all);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn relaxed_store_of_head_is_detected() {
    check(2, 4, Fault::HeadRelaxed, all);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn head_stored_before_the_copy_is_detected() {
    check(3, 4, Fault::HeadBeforeCopy, all);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn missing_write_barrier_of_kernel_is_detected() {
    check(3, 4, Fault::NoBarrierInKernel, all);
}
