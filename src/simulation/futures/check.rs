//! What must hold after each step, and at the end of a driver.

use super::{
    play::Player,
    task::{Futures, SimDriver, Task, Waiting},
};
use crate::{simulation::buffer::ledger, types::Errno};
use core::{cell::RefCell, mem, pin::Pin, time::Duration};
use std::{boxed::Box, collections::BTreeSet};

impl Player {
    fn is_readable(&self, driver: &SimDriver) -> bool {
        let (world, fd) = (self.world.borrow(), driver.fd().as_raw());
        loop {
            match world.kernel.wait_readable(fd, Some(Duration::ZERO)) {
                Err(Errno::EINTR) => {}
                readable => return readable == Ok(true),
            }
        }
    }

    /// Checks what must hold after each step.
    pub(super) fn check(&self, driver: &SimDriver, futures: &RefCell<Futures<'_>>) {
        let futures = futures.borrow();
        let world = self.world.borrow();
        world.check();
        futures.tasks.iter().for_each(Task::check);
        let held = futures.tasks.iter().filter(|task| task.op.phase().is_some()).count();
        assert_eq!(held, futures.tasks.len(), "a future without a request");
        if !world.hostile && driver.has_events() && !world.ignores_eventfds {
            assert!(self.is_readable(driver), "events, and the eventfd is not readable");
        }
        let used = driver.capacity() - driver.free();
        let granted = used as isize
            - (futures.tasks.len() + futures.permits.len() + driver.orphans() + futures.leaked)
                as isize;
        assert!(
            granted >= 0 && granted <= futures.waiting.len() as isize,
            "{granted} were granted"
        );
        let woken =
            |waiting: &Waiting<'_>| waiting.mark.as_ref().is_some_and(|mark| mark.woken.get() > 0);
        assert!(futures.waiting.iter().is_sorted_by_key(|waiting| !woken(waiting)), "out of order");
        if driver.free() > 0 {
            assert!(futures.waiting.iter().all(woken), "there is room, and a task waits for it");
        }
        assert_eq!(
            futures.waiting.iter().filter(|waiting| woken(waiting)).count() as isize,
            granted
        );
    }

    /// Drops or leaks the futures. Returns the addresses of the buffers that the driver may have.
    pub(super) fn end_futures(
        &mut self,
        futures: Futures<'_>,
        operation: [u8; 8],
    ) -> BTreeSet<usize> {
        let Futures { tasks, waiting, permits, leaked_buffers: mut outstanding, .. } = futures;
        for task in tasks {
            outstanding.insert(task.expect.address);
            if operation[1].is_multiple_of(2) {
                // Dropping the driver drops its waker.
                mem::forget(task.op);
            }
        }
        for Waiting { room, .. } in waiting {
            if operation[3].is_multiple_of(4) {
                self.leaked_wakers = true;
                // SAFETY: the room stays where it is, until its memory is freed without a drop.
                let room = Box::into_raw(unsafe { Pin::into_inner_unchecked(room) });
                self.leaked_rooms.push(room.cast());
            }
        }
        drop(permits);
        outstanding
    }

    /// Drops the driver, perhaps in a sandbox that forbids `io_destroy`.
    pub(super) fn end_driver(
        &mut self,
        driver: SimDriver,
        mut outstanding: BTreeSet<usize>,
        operation: [u8; 8],
    ) {
        let forbidden = operation[2].is_multiple_of(8) && operation[0] != 0;
        let kernel = self.world.borrow().kernel.clone();
        if forbidden {
            kernel.forbid("io_destroy", Errno::EPERM);
        }
        drop(driver);
        kernel.allow_all();
        let hostile = self.world.borrow().hostile;
        if forbidden || hostile {
            self.leaked_wakers = true;
            // Also the buffers of orphans.
            outstanding.extend(ledger(|ledger| ledger.addresses()));
            self.world.borrow_mut().leaked_buffers.extend(outstanding);
        }
        let leaked = self.world.borrow().leaked_buffers.clone();
        let left = ledger(|ledger| ledger.addresses());
        assert!(left.is_subset(&leaked), "the driver drops all buffers: {left:?}, not {leaked:?}");
        self.world.borrow().check();
    }
}
