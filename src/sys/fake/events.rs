//! `io_getevents`, `io_pgetevents` and `io_cancel`.

use super::{
    State,
    complete::{Pending, Work},
};
use crate::{
    abi::{AioContext, AioSigset, IoEvent, Iocb, Timespec},
    types::Errno,
};
use core::{mem::offset_of, time::Duration};
use std::thread;

impl State {
    /// # Safety
    ///
    /// The duties of `aio::io_getevents`.
    pub(super) unsafe fn io_getevents(
        &mut self,
        ctx: AioContext,
        min_nr: isize,
        nr: isize,
        events: *mut IoEvent,
        timeout: *const Timespec,
    ) -> Result<usize, Errno> {
        self.allow("io_getevents")?;
        // SAFETY: the caller has the same duties.
        unsafe { self.getevents(ctx, min_nr, nr, events, timeout) }
    }

    /// # Safety
    ///
    /// The duties of `aio::io_pgetevents`.
    pub(super) unsafe fn io_pgetevents(
        &mut self,
        ctx: AioContext,
        min_nr: isize,
        nr: isize,
        events: *mut IoEvent,
        timeout: *const Timespec,
        usig: *const AioSigset,
    ) -> Result<usize, Errno> {
        self.allow("io_pgetevents")?;
        if !usig.is_null() {
            // SAFETY: `usig` is valid for reading (duty 3 of the caller).
            let set = unsafe { usig.read() };
            if !set.sigmask.is_null() && set.sigsetsize != size_of::<u64>() {
                return Err(Errno::EINVAL);
            }
        }
        // SAFETY: the caller has the duties of `aio::io_getevents` too.
        unsafe { self.getevents(ctx, min_nr, nr, events, timeout) }
    }

    /// Does the work of `do_io_getevents`.
    ///
    /// # Safety
    ///
    /// The duties of `aio::io_getevents`.
    unsafe fn getevents(
        &mut self,
        ctx: AioContext,
        min_nr: isize,
        nr: isize,
        events: *mut IoEvent,
        timeout: *const Timespec,
    ) -> Result<usize, Errno> {
        self.context(ctx)?;
        self.be_hostile(ctx);
        if min_nr < 0 || min_nr > nr {
            return Err(Errno::EINVAL);
        }
        let (min, most) = (min_nr as usize, nr as usize);
        let deadline = if timeout.is_null() {
            None
        } else {
            // SAFETY: `timeout` is valid for reading (duty 1 of the caller).
            self.deadline(unsafe { timeout.read() })
        };
        let mut got = 0;
        loop {
            while got < most
                && let Some(event) = self.context(ctx)?.ring.take()
            {
                // SAFETY: `events` is valid for writing `nr` events (duty 1 of the caller).
                unsafe { events.wrapping_add(got).write(event) };
                got += 1;
            }
            if got >= min || deadline.is_some_and(|deadline| self.now >= deadline) {
                return Ok(self.count(got));
            }
            if self.entropy.one_in(self.faults.signal) {
                self.now += Duration::from_micros(1);
                return if got > 0 { Ok(got) } else { Err(Errno::EINTR) };
            }
            self.wait_for_one(ctx, deadline)?;
        }
    }

    /// Waits until a request completes, or until the deadline.
    fn wait_for_one(&mut self, ctx: AioContext, deadline: Option<Duration>) -> Result<(), Errno> {
        let span = Duration::from_micros(self.entropy.below(100).into());
        if let Some(deadline) = deadline
            && self.now + span > deadline
        {
            self.now = deadline;
            return Ok(());
        }
        self.now += span;
        if self.complete_one(ctx) {
            return Ok(());
        }
        match deadline {
            Some(deadline) => self.now = deadline,
            // A hostile kernel may have lost the request.
            None if self.faults.hostile > 0 || thread::panicking() => return Err(Errno::EINVAL),
            None => panic!("io_getevents would wait for ever: nothing in flight can complete"),
        }
        Ok(())
    }

    /// Returns the end of a wait with this timeout. With a negative timeout there is none.
    fn deadline(&self, timeout: Timespec) -> Option<Duration> {
        let seconds = u64::try_from(timeout.tv_sec).ok()?;
        let nanoseconds = u64::try_from(timeout.tv_nsec).ok()?;
        let span = Duration::from_secs(seconds).checked_add(Duration::from_nanos(nanoseconds))?;
        self.now.checked_add(span)
    }

    /// # Safety
    ///
    /// `iocb` is valid for reading.
    pub(super) unsafe fn io_cancel(
        &mut self,
        ctx: AioContext,
        iocb: *mut Iocb,
    ) -> Result<(), Errno> {
        self.allow("io_cancel")?;
        if iocb.addr() < 4096 {
            return Err(Errno::EFAULT);
        }
        let key = iocb.cast::<u32>().wrapping_byte_add(offset_of!(Iocb, aio_key));
        // SAFETY: `iocb` is valid for reading (duty of the caller), and `key` points to its field.
        let key = unsafe { key.read() };
        if key != 0 {
            return Err(Errno::EINVAL);
        }
        let context = self.context(ctx)?;
        let obj = iocb.addr() as u64;
        let is_it =
            |request: &&mut Pending| request.obj == obj && matches!(request.work, Work::Poll(_));
        let request = context.pending.iter_mut().find(is_it).ok_or(Errno::EINVAL)?;
        request.work = Work::Cancelled;
        Err(Errno::EINPROGRESS)
    }
}
