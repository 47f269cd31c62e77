//! Futures and drivers that are dropped or leaked in every state.

use super::{Counter, TestDriver, World, poll, ready, start};
use crate::types::Errno;
use core::{mem, task::Waker};

/// The states of a future.
#[derive(Clone, Copy, Debug)]
enum State {
    Staged,
    InFlight,
    Completed,
    Taken,
}

const STATES: [State; 4] = [State::Staged, State::InFlight, State::Completed, State::Taken];

/// Runs `end` for a future in each state, in a driver with one place.
fn in_each_state(
    end: impl Fn(&World, &TestDriver, super::Op<'_, super::Buffer, super::Owner>, State),
) {
    for state in STATES {
        World::run(|world| {
            let driver = TestDriver::new(1).unwrap();
            let mut op = start(&driver, world.poll());
            assert!(poll(&mut op, Waker::noop()).is_pending());
            if !matches!(state, State::Staged) {
                driver.turn().unwrap();
            }
            if matches!(state, State::Completed | State::Taken) {
                world.fill_pipe();
                driver.turn().unwrap();
            }
            if matches!(state, State::Taken) {
                drop(ready(&mut op));
            }
            end(world, &driver, op, state);
        });
    }
}

#[test]
fn dropped_future_gives_its_place_and_buffer_back() {
    in_each_state(|world, driver, op, state| {
        drop(op);
        let at_once = !matches!(state, State::InFlight);
        assert_eq!(
            (world.dropped.get(), driver.free()),
            (at_once.into(), at_once.into()),
            "{state:?}"
        );
        assert_eq!(driver.orphans(), usize::from(!at_once));
        driver.turn().unwrap(); // cancels the poll
        world.kernel.settle();
        driver.turn().unwrap();
        assert_eq!((world.dropped.get(), driver.free(), driver.orphans()), (1, 1, 0), "{state:?}");
        assert_eq!(world.owners.get(), 0);
        if matches!(state, State::Staged) {
            assert_eq!(driver.stats().accepted, 0, "it was not submitted");
        }
    });
}

#[test]
fn leaked_future_keeps_its_place_until_the_driver_ends() {
    in_each_state(|world, driver, op, state| {
        mem::forget(op);
        driver.turn().unwrap();
        driver.turn().unwrap();
        let taken = matches!(state, State::Taken);
        assert_eq!((world.dropped.get(), driver.free()), (taken.into(), taken.into()), "{state:?}");
        assert_eq!(world.owners.get(), 0, "the file was closed when the request was submitted");
    });
}

#[test]
fn driver_that_ends_drops_what_it_has() {
    World::run(|world| {
        let driver = TestDriver::new(4).unwrap();
        let (counter, waker) = Counter::new();
        let mut held = start(&driver, world.read());
        assert!(poll(&mut held, &waker).is_pending());
        driver.turn().unwrap();
        let mut in_flight = start(&driver, world.poll());
        assert!(poll(&mut in_flight, &waker).is_pending());
        driver.turn().unwrap();
        let queued = start(&driver, world.read());
        driver.flush().unwrap();
        let staged = start(&driver, world.poll());
        for op in [held, in_flight, queued, staged] {
            mem::forget(op);
        }
        assert_eq!((driver.free(), driver.staged(), world.owners.get()), (0, 1, 1));
        assert_eq!(world.dropped.get(), 0);
        drop(driver);
        assert_eq!((world.dropped.get(), world.owners.get(), counter.get()), (4, 0, 1));
        drop(waker);
        assert_eq!(std::sync::Arc::strong_count(&counter), 1, "the wakers were dropped");
        assert_eq!(world.kernel.in_use(), (0, 0), "contexts and mappings");
    });
}

#[test]
fn driver_whose_context_cannot_be_destroyed_leaks_its_buffers() {
    World::run(|world| {
        let driver = TestDriver::new(4).unwrap();
        let op = start(&driver, world.poll());
        driver.turn().unwrap();
        mem::forget(op);
        world.kernel.forbid("io_destroy", Errno::EPERM);
        drop(driver);
        assert_eq!(world.dropped.get(), 0, "the kernel may still use the buffer");
        world.kernel.allow_all();
    });
}

#[test]
fn driver_is_not_usable_in_a_forked_child() {
    World::run(|world| {
        let driver = TestDriver::new(4).unwrap();
        let mut in_flight = start(&driver, world.poll());
        driver.turn().unwrap();
        let mut held = start(&driver, world.read());
        driver.turn().unwrap();
        let (counter, waker) = Counter::new();
        world.kernel.in_child(|| {
            let forked = crate::ContextError::Forked;
            assert_eq!(driver.turn(), Err(forked));
            assert_eq!(driver.park(None), Err(forked));
            assert_eq!(driver.flush(), Err(forked));
            assert_eq!(driver.start(world.read()).unwrap_err().cause, forked);
            assert!(poll(&mut held, &waker).is_pending(), "the result belongs to the parent");
            assert!(poll(&mut in_flight, &waker).is_pending());
        });
        assert_eq!(ready(&mut held).result, Ok(8));
        world.fill_pipe();
        driver.turn().unwrap();
        assert_eq!((ready(&mut in_flight).result, counter.get()), (Ok(1), 0));
    });
}
