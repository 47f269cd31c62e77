//! Submitting, receiving and waking.

use super::{Counter, Driver, TestDriver, World, poll, ready, start};
use crate::driver::Shared;
use core::{
    task::{Poll, Waker},
    time::Duration,
};
use std::vec::Vec;

#[test]
fn start_makes_no_call_and_turn_one_for_all_requests() {
    World::run(|world| {
        let driver = TestDriver::new(64).unwrap();
        let calls = driver.stats().system_calls;
        let mut ops = (0..64).map(|_| start(&driver, world.read())).collect::<Vec<_>>();
        assert_eq!((driver.stats().system_calls, driver.staged()), (calls, 64));
        assert_eq!(world.owners.get(), 64, "files are open until they are submitted");
        driver.turn().unwrap();
        let more = if cfg!(linux_aio_no_ring) { 1 } else { 0 };
        assert!(driver.stats().system_calls - calls <= 1 + more, "one io_submit");
        assert_eq!(world.owners.get(), 0, "files may be closed when io_submit has returned");
        for op in &mut ops {
            let done = ready(op);
            assert_eq!((done.result, done.transferred_by(8)), (Ok(8), 7));
        }
        assert_eq!((driver.free(), driver.stats().completed), (64, 64));
    });
}

impl crate::Completion<super::Buffer, ()> {
    /// Returns the byte that was transferred, if there are `count` equal ones.
    fn transferred_by(&self, count: usize) -> u8 {
        // SAFETY: the buffer owns the bytes.
        let bytes = unsafe { self.buf.bytes.as_ref() };
        assert!(bytes[..count].iter().all(|byte| *byte == bytes[0]));
        bytes[0]
    }
}

#[test]
fn completion_wakes_the_task_that_polled_last_once() {
    World::run(|world| {
        let driver = TestDriver::new(4).unwrap();
        let (first, first_waker) = Counter::new();
        let (second, second_waker) = Counter::new();
        let mut op = start(&driver, world.poll());
        for waker in [&first_waker, &second_waker, &second_waker] {
            assert!(poll(&mut op, waker).is_pending());
        }
        driver.turn().unwrap();
        assert!(op.in_flight());
        world.fill_pipe();
        driver.turn().unwrap();
        driver.turn().unwrap();
        assert_eq!((first.get(), second.get()), (0, 1));
        assert_eq!(ready(&mut op).result, Ok(1));
        assert!(poll(&mut op, &first_waker).is_pending(), "its completion was returned");
    });
}

#[test]
fn result_that_nobody_awaits_keeps_its_place() {
    World::run(|world| {
        let driver = TestDriver::new(2).unwrap();
        let mut held = start(&driver, world.read());
        driver.turn().unwrap();
        assert_eq!(driver.free(), 1);
        for _ in 0..10 {
            let mut op = start(&driver, world.read());
            driver.turn().unwrap();
            assert_eq!(ready(&mut op).result, Ok(8));
        }
        assert_eq!(ready(&mut held).result, Ok(8));
        assert_eq!(driver.free(), 2);
    });
}

#[test]
fn eventfd_is_readable_whenever_an_event_was_not_received() {
    World::run(|world| {
        let driver = TestDriver::new(8).unwrap();
        let mut early = start(&driver, world.poll());
        driver.turn().unwrap();
        world.fill_pipe(); // its event comes between two turns
        let mut late = start(&driver, world.read());
        driver.turn().unwrap();
        assert_eq!((ready(&mut early).result, ready(&mut late).result), (Ok(1), Ok(8)));
        // All events were received, but those of `late` after the eventfd was read.
        driver.turn().unwrap();
        assert_eq!(world.kernel.counted(driver.fd().as_raw()), 0, "an idle driver is not readable");
    });
}

#[test]
fn flush_submits_only() {
    World::run(|world| {
        let driver = TestDriver::new(8).unwrap();
        let (counter, waker) = Counter::new();
        let mut op = start(&driver, world.read());
        assert!(poll(&mut op, &waker).is_pending());
        driver.flush().unwrap();
        assert_eq!((driver.staged(), driver.in_flight(), counter.get()), (0, 1, 0));
        assert_eq!(world.kernel.counted(driver.fd().as_raw()), 1, "the next turn wakes the task");
        driver.turn().unwrap();
        assert_eq!((counter.get(), ready(&mut op).result), (1, Ok(8)));
    });
}

#[test]
fn poll_staged_is_ready_while_there_is_something_to_submit() {
    World::run(|world| {
        let driver = TestDriver::new(8).unwrap();
        let (counter, waker) = Counter::new();
        assert!(driver.poll_staged(&waker).is_pending());
        let first = start(&driver, world.poll());
        let second = start(&driver, world.poll());
        assert_eq!(counter.get(), 1, "woken once");
        assert!(driver.poll_staged(&waker).is_ready());
        driver.turn().unwrap();
        assert!(driver.poll_staged(&waker).is_pending(), "in flight, nothing to submit");
        drop(first);
        assert_eq!(counter.get(), 2, "a dropped poll is to be cancelled");
        assert!(driver.poll_staged(&waker).is_ready());
        driver.turn().unwrap();
        drop(second);
    });
}

#[test]
fn park_returns_when_a_request_completes_or_at_its_timeout() {
    World::run(|world| {
        let driver = TestDriver::new(8).unwrap();
        let mut op = start(&driver, world.read());
        driver.park(None).unwrap();
        assert_eq!(ready(&mut op).result, Ok(8));
        let mut op = start(&driver, world.poll());
        let before = world.kernel.monotonic().unwrap();
        driver.park(Some(Duration::from_secs(3))).unwrap();
        driver.park(Some(Duration::from_secs(3))).unwrap();
        let took = world.kernel.monotonic().unwrap() - before;
        assert!(took >= Duration::from_secs(3) && took < Duration::from_secs(7), "{took:?}");
        assert!(poll(&mut op, Waker::noop()).is_pending());
        world.fill_pipe();
        driver.park(None).unwrap();
        assert_eq!(ready(&mut op).result, Ok(1));
    });
}

/// On the fake kernel, a wait that does not end panics.
#[test]
fn park_returns_at_once_after_unpark() {
    World::run(|world| {
        let driver = TestDriver::new(8).unwrap();
        driver.unpark();
        driver.park(None).unwrap();
        let mut op = start(&driver, world.poll());
        driver.turn().unwrap();
        driver.unpark();
        driver.park(None).unwrap();
        assert!(poll(&mut op, Waker::noop()).is_pending());
        // Signals of events that were received earlier do not end it.
        let mut read = start(&driver, world.read());
        driver.turn().unwrap();
        assert_eq!(ready(&mut read).result, Ok(8));
        let before = world.kernel.monotonic().unwrap();
        driver.park(Some(Duration::from_secs(1))).unwrap();
        assert!(world.kernel.monotonic().unwrap() - before >= Duration::from_secs(1));
    });
}

#[test]
fn shared_driver_does_the_same_on_one_thread() {
    World::run(|world| {
        let driver = Driver::<_, _, Shared>::shared(4).unwrap();
        let mut ops = [(); 4].map(|()| start(&driver, world.read()));
        assert!(driver.start(world.read()).is_err());
        driver.park(None).unwrap();
        for op in &mut ops {
            assert_eq!(ready(op).result, Ok(8));
        }
        assert_eq!(driver.free(), 4);
        let mut room = std::pin::pin!(driver.room());
        let cx = &mut core::task::Context::from_waker(Waker::noop());
        let Poll::Ready(permit) = room.as_mut().poll(cx) else { panic!("there is room") };
        assert_eq!(driver.free(), 3);
        drop(permit);
    });
}

use core::future::Future;
