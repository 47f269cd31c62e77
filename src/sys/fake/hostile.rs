//! Behaviour that no real kernel has. The crate trusts an event for a request in flight, and
//! nothing else: with this behaviour, it must still keep all guarantees that do not depend on such
//! an event.

use super::{State, complete::Context, entropy::Entropy};
use crate::abi::{AioContext, AioRing, IoEvent};
use core::mem::offset_of;

/// The offsets of the words of the header.
const HEADER: [usize; 8] = [
    offset_of!(AioRing, id),
    offset_of!(AioRing, nr),
    offset_of!(AioRing, head),
    offset_of!(AioRing, tail),
    offset_of!(AioRing, magic),
    offset_of!(AioRing, compat_features),
    offset_of!(AioRing, incompat_features),
    offset_of!(AioRing, header_length),
];

impl Context {
    /// Overwrites a word of the header. It does not set `nr` to a larger number that a ring could
    /// have: the program could not detect that, and would read beyond the ring.
    pub(super) fn spoil_header(&self, entropy: &mut Entropy) {
        let word = HEADER[entropy.below(8) as usize];
        let value = index_or_not(entropy, self.ring.nr);
        let beyond =
            word == offset_of!(AioRing, nr) && (self.ring.nr + 1..=1 << 24).contains(&value);
        if !beyond {
            self.ring.set(word, value);
        }
    }
}

impl State {
    /// Changes the ring or the requests in flight in a way that no real kernel does.
    pub(super) fn be_hostile(&mut self, ctx: AioContext) {
        let Some(context) = self.contexts.get_mut(&ctx.0) else { return };
        if !self.entropy.one_in(self.faults.hostile) {
            return;
        }
        let nr = context.ring.nr;
        match self.entropy.below(6) {
            // The words of the header that the program reads each time.
            0 => context.ring.set(offset_of!(AioRing, head), index_or_not(&mut self.entropy, nr)),
            1 => context.ring.set(offset_of!(AioRing, tail), index_or_not(&mut self.entropy, nr)),
            2 => context.spoil_header(&mut self.entropy),
            3 => {
                let event = self.made_up(ctx);
                let index = self.entropy.below(nr);
                self.contexts[&ctx.0].ring.write_event(index, event);
            }
            4 => {
                let event = self.made_up(ctx);
                self.post(ctx, event);
            }
            // A request is lost, with or without an event. Its buffer is not accessed any more.
            _ => {
                let count = context.pending.len() as u32;
                if count > 0 {
                    let lost = self.entropy.below(count) as usize;
                    let lost = context.pending.remove(lost);
                    if self.entropy.one_in(2) {
                        let res = result(&mut self.entropy);
                        self.post(ctx, IoEvent { data: lost.data, obj: 0, res, res2: 1 });
                    }
                }
            }
        }
    }

    /// Returns the number of received events, or a wrong number.
    pub(super) fn count(&mut self, count: usize) -> usize {
        if !self.entropy.one_in(self.faults.hostile) {
            return count;
        }
        match self.entropy.below(4) {
            0 => 0,
            1 => count + 1,
            2 => count / 2,
            _ => 1 << 40,
        }
    }

    /// Returns the number of accepted requests, or a number that is too large. (If the number were
    /// too small, the kernel would use buffers of requests that the program believes to be refused.
    /// No program can detect that.)
    pub(super) fn count_accepted(&mut self, count: usize) -> usize {
        if !self.entropy.one_in(self.faults.hostile) {
            return count;
        }
        if self.entropy.one_in(2) { count + 1 } else { 1 << 40 }
    }

    /// Returns an event that was posted before, or one with an arbitrary id.
    fn made_up(&mut self, ctx: AioContext) -> IoEvent {
        // Only ids of this context: another context at the same address may have the same ids.
        let known = &self.contexts[&ctx.0].posted;
        let data = match self.entropy.below(3) {
            0 if !known.is_empty() => known[self.entropy.below(known.len() as u32) as usize],
            1 => u64::from(self.entropy.below(64)) << 32 | u64::from(self.entropy.below(8)),
            _ => self.entropy.word(),
        };
        // Not the id of a request in flight: the program would use its buffer while the kernel
        // does.
        let in_flight = self
            .contexts
            .values()
            .any(|context| context.pending.iter().any(|request| request.data == data));
        let data = if in_flight { u64::MAX } else { data };
        IoEvent { data, obj: self.entropy.word(), res: result(&mut self.entropy), res2: 0 }
    }
}

/// Returns a number at or near the limits of an index in a ring of `nr` entries, or any number.
fn index_or_not(entropy: &mut Entropy, nr: u32) -> u32 {
    match entropy.below(8) {
        0 => 0,
        1 => nr - 1,
        2 => nr,
        3 => nr + 1,
        4 => u32::MAX,
        5 => entropy.word() as u32,
        _ => entropy.below(nr),
    }
}

/// Returns a possible or impossible result.
fn result(entropy: &mut Entropy) -> i64 {
    match entropy.below(8) {
        0 => i64::MAX,
        1 => i64::MIN,
        2 => -4096,
        3 => -4095,
        4 => entropy.word().cast_signed(),
        5 => -i64::from(entropy.below(140)),
        _ => entropy.below(5000).into(),
    }
}
