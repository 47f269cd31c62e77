//! The system calls for eventfds: `eventfd2`, `read` and `ppoll`.

use super::{Kernel, State};
use crate::types::Errno;
use core::time::Duration;
use std::thread;

impl Kernel {
    pub(crate) fn make_eventfd(&self) -> Result<i32, Errno> {
        self.state().allow("eventfd2")?;
        Ok(self.eventfd())
    }

    pub(crate) fn take_counter(&self, fd: i32) -> Result<u64, Errno> {
        let mut state = self.state();
        let during_read = state.faults.during_read;
        if state.entropy.one_in(during_read) {
            state.progress();
        }
        let file = state.descriptors.get(&fd).ok_or(Errno::EBADF)?;
        match file.counter().ok_or(Errno::EINVAL)?.take() {
            0 => Err(Errno::EAGAIN),
            count => Ok(count),
        }
    }

    pub(crate) fn wait_readable(&self, fd: i32, timeout: Option<Duration>) -> Result<bool, Errno> {
        let mut state = self.state();
        state.allow("ppoll")?;
        let deadline = timeout.and_then(|span| state.now.checked_add(span));
        loop {
            let file = state.descriptors.get(&fd).ok_or(Errno::EBADF)?;
            if file.counter().ok_or(Errno::EINVAL)?.get() > 0 {
                return Ok(true);
            }
            if deadline.is_some_and(|deadline| state.now >= deadline) {
                return Ok(false);
            }
            if state.interrupted() {
                return Err(Errno::EINTR);
            }
            state.wait_for_any(deadline)?;
        }
    }
}

impl State {
    /// Returns whether a signal interrupts a wait now.
    fn interrupted(&mut self) -> bool {
        let interrupted = self.entropy.one_in(self.faults.signal);
        self.now += Duration::from_micros(interrupted.into());
        interrupted
    }

    /// Waits until a request of any context completes, or until the deadline.
    fn wait_for_any(&mut self, deadline: Option<Duration>) -> Result<(), Errno> {
        let contexts = self.contexts_by_age();
        if contexts.into_iter().any(|ctx| self.complete_one(ctx)) {
            self.now += Duration::from_micros(10);
            return Ok(());
        }
        match deadline {
            Some(deadline) => self.now = deadline,
            // A hostile kernel may have lost the request.
            None if self.faults.hostile > 0 || thread::panicking() => return Err(Errno::EINVAL),
            None => panic!("ppoll would wait for ever: nothing in flight can complete"),
        }
        Ok(())
    }
}
