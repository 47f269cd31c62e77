//! [`Pending`]: requests in flight, and their completion.

use super::{
    State,
    entropy::Entropy,
    faults::Faults,
    file::{OpenFile, bits},
    ring::RingMemory,
    transfer::Transfer,
};
use crate::{
    abi::{AioContext, IoEvent},
    types::Errno,
};
use core::cell::Cell;
use std::{rc::Rc, vec::Vec};

/// A context: its ring, and its requests in flight.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) ring: RingMemory,
    /// The number of contexts that were made before this one.
    pub(super) number: u32,
    /// The number of requests with which the context counts against the limit.
    pub(super) asked: u32,
    /// The ids of the requests whose events were posted.
    pub(super) posted: Vec<u64>,
    /// The requests in flight, in the order of submission.
    pub(super) pending: Vec<Pending>,
}

/// A request in flight. The iocb was copied; only its address is still used.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) data: u64,
    pub(super) obj: u64,
    pub(super) file: Rc<OpenFile>,
    pub(super) eventfd: Option<Rc<Cell<u64>>>,
    pub(super) work: Work,
}

/// The operation of a request.
#[derive(Debug)]
pub(super) enum Work {
    Transfer(Transfer),
    Sync,
    /// A poll that waits for these events.
    Poll(u16),
    Cancelled,
}

/// An event that was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Posted {
    pub(crate) ctx: AioContext,
    pub(crate) data: u64,
    pub(crate) res: i64,
}

impl Pending {
    /// Returns whether the request uses some of this memory.
    pub(super) fn uses(&self, address: usize, len: usize) -> bool {
        let Work::Transfer(transfer) = &self.work else { return false };
        transfer.pieces.iter().any(|piece| {
            piece.len > 0 && piece.address < address + len && address < piece.address + piece.len
        })
    }

    /// Returns whether the request can complete now.
    fn can_complete(&self) -> bool {
        match self.work {
            Work::Poll(events) => self.file.ready() & events != 0,
            Work::Transfer(_) | Work::Sync | Work::Cancelled => true,
        }
    }

    /// Executes the request, and returns its result.
    fn run(&self, entropy: &mut Entropy, faults: &Faults) -> i64 {
        match &self.work {
            Work::Transfer(transfer) => {
                // SAFETY: the buffers are valid until the event was received (duty 3 of the caller
                // of `io_submit`), and the event is posted after this.
                match unsafe { transfer.run(&self.file, entropy, faults) } {
                    Ok(count) => count as i64,
                    Err(errno) => -i64::from(errno.raw()),
                }
            }
            Work::Sync if entropy.one_in(faults.error) => -i64::from(Errno::EIO.raw()),
            Work::Sync | Work::Cancelled => 0,
            Work::Poll(events) => {
                let ready = self.file.ready();
                // The kernel may report more events than were requested.
                let more = if entropy.one_in(faults.short) { ready } else { 0 };
                i64::from(ready & events | more)
            }
        }
    }
}

impl State {
    /// Accepts a request, and executes it now or later.
    pub(super) fn accept(&mut self, ctx: AioContext, request: Pending) {
        if let Some(res) = self.answer.take() {
            let Pending { data, obj, .. } = request;
            return self.post(ctx, IoEvent { data, obj, res, res2: 0 });
        }
        let later = match request.work {
            Work::Transfer(_) => self.entropy.one_in(self.faults.late),
            Work::Sync => !self.entropy.one_in(self.faults.late),
            Work::Poll(_) => !request.can_complete(),
            Work::Cancelled => true,
        };
        if later {
            self.contexts.get_mut(&ctx.0).expect("the context exists").pending.push(request);
        } else {
            self.finish(ctx, request);
        }
    }

    /// Completes a random request in flight that can complete. Returns whether there was one.
    pub(super) fn complete_one(&mut self, ctx: AioContext) -> bool {
        let Some(context) = self.contexts.get_mut(&ctx.0) else { return false };
        let ready =
            (0..context.pending.len()).filter(|&index| context.pending[index].can_complete());
        let count = ready.clone().count();
        if count == 0 {
            return false;
        }
        let nth = self.entropy.below(count as u32) as usize;
        let index = ready.clone().nth(nth).expect("counted");
        let request = context.pending.remove(index);
        self.finish(ctx, request);
        true
    }

    /// Returns all contexts, in the order in which they were made, which does not depend on the
    /// addresses of their rings.
    pub(super) fn contexts_by_age(&self) -> Vec<AioContext> {
        let mut contexts = self.contexts.iter().collect::<Vec<_>>();
        contexts.sort_by_key(|(_, context)| context.number);
        contexts.into_iter().map(|(&ctx, _)| AioContext(ctx)).collect()
    }

    /// Completes some of the requests in flight that can complete, or none.
    pub(super) fn progress(&mut self) {
        for ctx in self.contexts_by_age() {
            while self.entropy.one_in(2) && self.complete_one(ctx) {}
            self.be_hostile(ctx);
        }
    }

    /// Completes all requests in flight that can complete.
    pub(super) fn settle(&mut self) {
        for ctx in self.contexts_by_age() {
            while self.complete_one(ctx) {}
        }
    }

    /// Cancels all polls of a context. Their events follow.
    pub(super) fn cancel_polls(&mut self, ctx: AioContext) {
        let context = self.contexts.get_mut(&ctx.0).expect("the context exists");
        for request in &mut context.pending {
            if matches!(request.work, Work::Poll(_)) {
                request.work = Work::Cancelled;
            }
        }
    }

    /// Executes a request, posts its event, then signals its eventfd and closes its file.
    fn finish(&mut self, ctx: AioContext, request: Pending) {
        let res = request.run(&mut self.entropy, &self.faults);
        if matches!(request.work, Work::Transfer(_)) {
            self.wake();
        }
        self.post(ctx, IoEvent { data: request.data, obj: request.obj, res, res2: 0 });
        if let Some(counter) = &request.eventfd {
            counter.set(counter.get().saturating_add(1));
            self.wake();
        }
    }

    /// Completes polls of files that have become ready, as `aio_poll_wake` does. Some of them
    /// complete later, as if a worker thread completed them.
    pub(super) fn wake(&mut self) {
        for ctx in self.contexts_by_age() {
            let mut index = 0;
            while let Some(request) = self.contexts[&ctx.0].pending.get(index) {
                let is_poll = matches!(request.work, Work::Poll(_));
                if is_poll && request.can_complete() && !self.entropy.one_in(self.faults.late) {
                    let context = self.contexts.get_mut(&ctx.0).expect("the context exists");
                    let request = context.pending.remove(index);
                    self.finish(ctx, request);
                    index = 0;
                } else {
                    index += 1;
                }
            }
        }
    }

    /// Posts an event to the ring.
    pub(super) fn post(&mut self, ctx: AioContext, event: IoEvent) {
        let context = self.contexts.get_mut(&ctx.0).expect("the context exists");
        context.ring.post(event);
        context.posted.push(event.data);
        self.posted.push(Posted { ctx, data: event.data, res: event.res });
    }
}

/// The events that every poll waits for.
pub(super) const ALWAYS: u16 = bits::ERR | bits::HUP;
