//! `io_setup` and `io_destroy`.

use super::{State, complete::Context, ring::RingMemory};
use crate::{abi::AioContext, types::Errno};
use std::vec::Vec;

impl State {
    /// # Safety
    ///
    /// `ctxp` is valid for reading and writing.
    pub(super) unsafe fn io_setup(
        &mut self,
        nr_events: u32,
        ctxp: *mut AioContext,
    ) -> Result<(), Errno> {
        /// The largest number of requests: a ring has twice as many entries, and at most 256 MiB.
        const MOST: u32 = 0x1000_0000 / 32 / 2;
        self.allow("io_setup")?;
        // SAFETY: `ctxp` is valid for reading (duty of the caller).
        let before = unsafe { ctxp.read() };
        if before != AioContext::NONE || nr_events == 0 || nr_events > MOST {
            return Err(Errno::EINVAL);
        }
        if self.aio_nr + u64::from(nr_events) > self.aio_max_nr {
            return Err(Errno::EAGAIN);
        }
        if self.entropy.one_in(self.faults.no_memory) {
            return Err(Errno::ENOMEM);
        }
        let ring = RingMemory::new(self.next_context, nr_events);
        let ctx = ring.context();
        self.aio_nr += u64::from(nr_events);
        let number = self.next_context;
        self.next_context += 1;
        let context =
            Context { ring, number, asked: nr_events, posted: Vec::new(), pending: Vec::new() };
        if self.entropy.one_in(self.faults.hostile) {
            context.spoil_header(&mut self.entropy);
        }
        self.contexts.insert(ctx.0, context);
        // SAFETY: `ctxp` is valid for writing (duty of the caller).
        unsafe { ctxp.write(ctx) };
        Ok(())
    }

    /// Cancels polls, executes all other requests, and discards the events that were not taken.
    pub(super) fn io_destroy(&mut self, ctx: AioContext) -> Result<(), Errno> {
        self.allow("io_destroy")?;
        self.context(ctx)?;
        self.cancel_polls(ctx);
        while self.complete_one(ctx) {}
        let context = self.contexts.remove(&ctx.0).expect("found above");
        assert!(context.pending.is_empty(), "nothing is in flight when io_destroy returns");
        self.aio_nr -= u64::from(context.asked);
        Ok(())
    }

    /// Returns the context with this number, as `lookup_ioctx` does. A child has no contexts.
    pub(super) fn context(&mut self, ctx: AioContext) -> Result<&mut Context, Errno> {
        if self.in_child {
            return Err(Errno::EINVAL);
        }
        self.contexts.get_mut(&ctx.0).ok_or(Errno::EINVAL)
    }
}
