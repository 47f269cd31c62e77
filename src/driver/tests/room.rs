//! Waiting for room.

use super::{Counter, TestDriver, World, poll, ready, start};
use crate::error::ContextError;
use core::{
    mem,
    task::{Poll, Waker},
};
use std::{boxed::Box, vec::Vec};

#[test]
fn full_driver_returns_the_request() {
    World::run(|world| {
        let driver = TestDriver::new(1).unwrap();
        let _op = start(&driver, world.read());
        let error = driver.try_start(world.read()).unwrap_err();
        assert_eq!(error.cause, ContextError::Full);
        drop(error.request);
        assert_eq!(world.dropped.get(), 1);
    });
}

#[test]
fn room_is_given_in_the_order_of_waiting() {
    World::run(|world| {
        let driver = TestDriver::new(2).unwrap();
        let mut ops = [(); 2].map(|()| start(&driver, world.read()));
        let mut waiting = (0..5)
            .map(|_| {
                let (counter, waker) = Counter::new();
                let mut room = Box::pin(driver.room());
                assert!(poll(&mut room, &waker).is_pending());
                (room, counter)
            })
            .collect::<Vec<_>>();
        driver.turn().unwrap();
        let woken = |waiting: &[(_, std::sync::Arc<Counter>)]| {
            waiting.iter().map(|(_, counter)| counter.get()).collect::<Vec<_>>()
        };
        assert_eq!(woken(&waiting), [0; 5]);
        drop(ready(&mut ops[0]));
        assert_eq!(woken(&waiting), [1, 0, 0, 0, 0]);
        // The room is reserved for the first.
        assert_eq!(driver.start(world.read()).unwrap_err().cause, ContextError::Full);
        assert!(poll(&mut Box::pin(driver.room()), Waker::noop()).is_pending());
        // The second gives up. The first does not use its room: the third gets it.
        drop(waiting.remove(1));
        let Poll::Ready(permit) = poll(&mut waiting[0].0, Waker::noop()) else { panic!("no room") };
        drop(permit);
        assert_eq!(woken(&waiting), [1, 1, 0, 0]);
        // The third gives up without looking.
        drop(waiting.remove(1));
        assert_eq!(woken(&waiting), [1, 1, 0]);
        let Poll::Ready(permit) = poll(&mut waiting[1].0, Waker::noop()) else { panic!("no room") };
        let op = permit.start(world.read()).unwrap();
        assert_eq!((driver.free(), woken(&waiting)), (0, [1, 1, 0].to_vec()));
        drop(op);
        assert_eq!(woken(&waiting), [1, 1, 1]);
    });
}

#[test]
fn orphan_gives_its_room_to_who_waits() {
    World::run(|world| {
        let driver = TestDriver::new(1).unwrap();
        let op = start(&driver, world.poll());
        driver.turn().unwrap();
        let (counter, waker) = Counter::new();
        let mut room = Box::pin(driver.room());
        assert!(poll(&mut room, &waker).is_pending());
        drop(op);
        assert_eq!(counter.get(), 0);
        driver.turn().unwrap(); // cancels the poll
        world.kernel.settle();
        driver.turn().unwrap();
        assert_eq!(counter.get(), 1);
        assert!(poll(&mut room, &waker).is_ready());
    });
}

#[test]
fn leaked_waiter_and_permit_keep_their_room_only() {
    World::run(|world| {
        let driver = TestDriver::new(3).unwrap();
        let mut ops = [(); 3].map(|()| start(&driver, world.read()));
        let mut first = Box::pin(driver.room());
        assert!(poll(&mut first, Waker::noop()).is_pending());
        let first = Box::leak(Box::new(first));
        let (counter, waker) = Counter::new();
        let mut second = Box::pin(driver.room());
        assert!(poll(&mut second, &waker).is_pending());
        driver.turn().unwrap();
        for op in &mut ops {
            drop(ready(op));
        }
        assert_eq!((counter.get(), driver.free()), (1, 1));
        let Poll::Ready(permit) = poll(&mut second, &waker) else { panic!("there is room") };
        mem::forget(permit);
        assert_eq!(driver.free(), 1);
        let mut op = start(&driver, world.read());
        driver.turn().unwrap();
        drop(ready(&mut op));
        // SAFETY: it comes from `Box::leak`.
        drop(unsafe { Box::from_raw(first) });
        assert_eq!(driver.free(), 2);
    });
}

#[test]
fn driver_may_be_moved_and_dropped_after_waiters_were_leaked() {
    World::run(|world| {
        let driver = TestDriver::new(1).unwrap();
        mem::forget(start(&driver, world.read()));
        let mut room = Box::pin(driver.room());
        assert!(poll(&mut room, Waker::noop()).is_pending());
        // SAFETY: the room stays where it is.
        let room = Box::into_raw(unsafe { core::pin::Pin::into_inner_unchecked(room) });
        let leaked =
            room.cast::<mem::ManuallyDrop<crate::Room<'static, super::Buffer, super::Owner>>>();
        let moved = Box::new(driver);
        let mut room = Box::pin(moved.room());
        assert!(poll(&mut room, Waker::noop()).is_pending());
        drop(room);
        drop(moved);
        assert_eq!(world.dropped.get(), 1);
        // Only the memory is freed, so that leak detectors do not report it: the driver is gone.
        // SAFETY: it comes from a box of the same layout.
        drop(unsafe { Box::from_raw(leaked) });
    });
}

#[test]
fn permit_is_used_up_although_a_waker_panics() {
    struct Panics;
    impl std::task::Wake for Panics {
        fn wake(self: std::sync::Arc<Self>) {
            panic!("on purpose");
        }
    }
    World::run(|world| {
        let driver = TestDriver::new(1).unwrap();
        let Poll::Ready(permit) = poll(&mut Box::pin(driver.room()), Waker::noop()) else {
            panic!("there is room");
        };
        assert!(driver.poll_staged(&std::sync::Arc::new(Panics).into()).is_pending());
        let start = core::panic::AssertUnwindSafe(|| permit.start(world.read()).is_ok());
        assert!(std::panic::catch_unwind(start).is_err());
        assert_eq!((driver.free(), world.dropped.get()), (1, 1));
    });
}
