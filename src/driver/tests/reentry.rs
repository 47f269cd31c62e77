//! Wakers, buffers and files whose code uses the driver, or panics.

use super::{Buffer, Counter, Owner, TestDriver, World, poll, ready, start};
use crate::request::{RawFile, Request};
use core::{
    cell::{Cell, RefCell},
    panic::AssertUnwindSafe,
    task::{RawWaker, RawWakerVTable, Waker},
};
use std::{panic::catch_unwind, rc::Rc, vec::Vec};

/// What a waker of these tests does.
#[derive(Default)]
struct Actions<'a> {
    on_clone: Option<&'a dyn Fn()>,
    on_wake: Option<&'a dyn Fn()>,
    on_drop: Option<&'a dyn Fn()>,
}

/// Calls `f` with a waker that performs actions. The waker and its clones must be dropped before `f`
/// returns, or not be used afterwards.
fn with_waker<R>(actions: &Actions<'_>, f: impl FnOnce(&Waker) -> R) -> R {
    unsafe fn of<'a>(data: *const ()) -> &'a Actions<'a> {
        // SAFETY: the data of the waker is that of `with_waker`, which exists until `f` returns.
        unsafe { &*data.cast() }
    }
    static TABLE: RawWakerVTable = RawWakerVTable::new(
        |data| {
            // SAFETY: this is a function of a waker of `with_waker`.
            if let Some(action) = unsafe { of(data) }.on_clone {
                action();
            }
            RawWaker::new(data, &TABLE)
        },
        |data| {
            // SAFETY: this is a function of a waker of `with_waker`.
            if let Some(action) = unsafe { of(data) }.on_wake {
                action();
            }
        },
        |data| {
            // SAFETY: this is a function of a waker of `with_waker`.
            if let Some(action) = unsafe { of(data) }.on_wake {
                action();
            }
        },
        |data| {
            // SAFETY: this is a function of a waker of `with_waker`.
            if let Some(action) = unsafe { of(data) }.on_drop {
                action();
            }
        },
    );
    let data = core::ptr::from_ref(actions).cast::<()>();
    // SAFETY: the functions use `actions` only, which exists until `f` returns; this test has one
    // thread.
    let waker = unsafe { Waker::from_raw(RawWaker::new(data, &TABLE)) };
    f(&waker)
}

#[test]
fn panicking_wakers_leave_the_other_tasks_to_the_next_turn() {
    World::run(|world| {
        let driver = TestDriver::new(8).unwrap();
        let panics = || panic!("on purpose");
        let actions = Actions { on_wake: Some(&panics), ..Actions::default() };
        let (counter, good) = Counter::new();
        with_waker(&actions, |bad| {
            let mut ops = Vec::new();
            for waker in [bad, bad, &good, bad] {
                let mut op = start(&driver, world.read());
                assert!(poll(&mut op, waker).is_pending());
                ops.push(op);
            }
            let turn = || catch_unwind(AssertUnwindSafe(|| driver.turn()));
            assert!(turn().is_err());
            assert_eq!(counter.get(), 0);
            assert_eq!(
                world.kernel.take_counter(driver.fd().as_raw()).map(|count| count > 0),
                Ok(true)
            );
            assert!(driver.poll_staged(&good).is_ready(), "there are tasks to wake");
            assert!(turn().is_err());
            assert!(turn().is_err());
            assert_eq!(counter.get(), 1);
            assert!(turn().is_ok_and(|turned| turned.is_ok()));
            for op in &mut ops {
                assert_eq!(ready(op).result, Ok(8));
            }
        });
    });
}

#[test]
fn waker_that_starts_a_refused_request_and_turns_does_not_keep_the_turn() {
    World::run(|world| {
        let driver = TestDriver::new(8).unwrap();
        let rounds = Cell::new(0);
        let ops = RefCell::new(Vec::new());
        let waker_cell: Cell<Option<Waker>> = Cell::new(None);
        let again = || {
            rounds.set(rounds.get() + 1);
            assert!(rounds.get() < 100, "the turn does not end");
            let mut op = start(&driver, Request::read(world.file(-1), world.buffer(), 0));
            let waker = waker_cell.take().unwrap();
            assert!(poll(&mut op, &waker).is_pending());
            waker_cell.set(Some(waker));
            driver.turn().unwrap();
            let before = ops.replace(std::vec![op]);
            drop(before);
        };
        let actions = Actions { on_wake: Some(&again), ..Actions::default() };
        with_waker(&actions, |waker| {
            waker_cell.set(Some(waker.clone()));
            let mut op = start(&driver, world.read());
            assert!(poll(&mut op, waker).is_pending());
            driver.turn().unwrap();
            assert_eq!(rounds.get(), 1, "the request that the waker started is for the next turn");
            let readable = world.kernel.take_counter(driver.fd().as_raw());
            assert!(readable.is_ok(), "the eventfd says that there is another turn to make");
            driver.turn().unwrap();
            assert_eq!(rounds.get(), 2);
            waker_cell.take();
            ops.take();
        });
    });
}

#[test]
fn completion_that_comes_while_the_waker_is_cloned_is_seen() {
    World::run(|world| {
        let driver = TestDriver::new(8).unwrap();
        let turns = || driver.turn().unwrap();
        let actions = Actions { on_clone: Some(&turns), ..Actions::default() };
        with_waker(&actions, |waker| {
            let mut op = start(&driver, world.read());
            let core::task::Poll::Ready(done) = poll(&mut op, waker) else {
                panic!("the completion was missed");
            };
            assert_eq!(done.result, Ok(8));
        });
    });
}

#[test]
fn room_that_comes_while_the_waker_is_cloned_is_seen() {
    World::run(|world| {
        let driver = TestDriver::new(1).unwrap();
        let op = RefCell::new(Some(start(&driver, world.read())));
        let frees = || drop(op.take());
        let actions = Actions { on_clone: Some(&frees), ..Actions::default() };
        with_waker(&actions, |waker| {
            let mut room = std::boxed::Box::pin(driver.room());
            assert!(poll(&mut room, waker).is_ready());
        });
    });
}

#[test]
fn wakers_that_use_the_driver_when_dropped_find_it_unlocked() {
    World::run(|world| {
        let driver = TestDriver::new(8).unwrap();
        let calls = Cell::new(0);
        let uses = || {
            calls.set(calls.get() + 1);
            driver.turn().unwrap();
            drop(start(&driver, world.read()));
        };
        let actions = Actions { on_drop: Some(&uses), on_wake: Some(&uses), on_clone: Some(&uses) };
        with_waker(&actions, |waker| {
            let (_counter, other) = Counter::new();
            let mut op = start(&driver, world.poll());
            assert!(poll(&mut op, waker).is_pending());
            assert!(poll(&mut op, &other).is_pending(), "drops the first waker");
            assert!(poll(&mut op, waker).is_pending());
            drop(op);
            assert!(driver.poll_staged(waker).is_ready() || driver.poll_staged(waker).is_pending());
            driver.turn().unwrap();
            driver.turn().unwrap();
        });
        assert!(calls.get() >= 4);
    });
}

#[test]
fn buffers_and_files_that_use_the_driver_when_dropped_find_it_unlocked() {
    World::run(|world| {
        let driver = Rc::new(TestDriver::new(8).unwrap());
        let calls = Rc::new(Cell::new(0));
        let buffer = || {
            let (driver, calls) = (Rc::downgrade(&driver), Rc::clone(&calls));
            Buffer::new(move || {
                calls.set(calls.get() + 1);
                if let Some(driver) = driver.upgrade() {
                    driver.turn().unwrap();
                }
            })
        };
        let request = || Request::read(world.file(world.file), buffer(), 0);
        drop(start(&driver, request())); // staged
        let op = start(&driver, request());
        driver.flush().unwrap();
        drop(op); // in flight
        driver.turn().unwrap();
        let op = start(&driver, request());
        driver.turn().unwrap();
        drop(op); // held
        assert_eq!((calls.get(), driver.free()), (3, 8));
    });
    // The owner of a file that uses the driver is dropped after io_submit.
    World::run(|world| {
        struct Turns(std::rc::Weak<Driver>, #[expect(dead_code, reason = "for its drop")] Owner);
        type Driver = super::Driver<Buffer, Turns>;
        impl Drop for Turns {
            fn drop(&mut self) {
                if let Some(driver) = self.0.upgrade() {
                    driver.turn().unwrap();
                }
            }
        }
        let driver = Rc::new(Driver::new(8).unwrap());
        let request = || {
            let owner = Turns(Rc::downgrade(&driver), Owner::new(&world.owners));
            // SAFETY: the number is passed to the fake kernel only, which does not close it.
            Request::read(unsafe { RawFile::new(world.file, owner) }, world.buffer(), 0)
        };
        let mut ops = [(); 4].map(|()| driver.start(request()).unwrap());
        driver.turn().unwrap();
        for op in &mut ops {
            assert!(poll(op, Waker::noop()).is_ready());
        }
    });
}

#[test]
fn future_that_is_polled_by_a_waker_of_the_same_turn_is_ready() {
    World::run(|world| {
        let driver = TestDriver::new(8).unwrap();
        let second = RefCell::new(Some(start(&driver, world.read())));
        let dropped = RefCell::new(Some(start(&driver, world.read())));
        let takes = || {
            if let Some(mut op) = second.take() {
                assert_eq!(ready(&mut op).result, Ok(8), "its own waker was not called yet");
            }
            drop(dropped.take());
        };
        let actions = Actions { on_wake: Some(&takes), ..Actions::default() };
        with_waker(&actions, |waker| {
            let mut last = start(&driver, world.read());
            // The first in the queue is that of `second`, so its turn comes before; poll all.
            assert!(poll(second.borrow_mut().as_mut().unwrap(), waker).is_pending());
            assert!(poll(&mut last, waker).is_pending());
            driver.turn().unwrap();
            assert_eq!(ready(&mut last).result, Ok(8));
            assert_eq!(driver.free(), 8);
        });
    });
}
