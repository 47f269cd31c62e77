//! What no kernel does. The crate must keep its promises as far as it can: it believes that an
//! event for a request in flight is true, and nothing else.

use super::{State, complete::Context, entropy::Entropy};
use crate::abi::{AioContext, AioRing, IoEvent};
use core::mem::offset_of;

/// Every word of the header.
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
    /// Makes the header something else than it should be. Numbers of places that memory has none for
    /// are not among it: nobody could find out.
    pub(super) fn spoil_header(&self, entropy: &mut Entropy) {
        let word = HEADER[entropy.below(8) as usize];
        let value = awkward(entropy, self.ring.nr);
        let beyond =
            word == offset_of!(AioRing, nr) && (self.ring.nr + 1..=1 << 24).contains(&value);
        if !beyond {
            self.ring.set(word, value);
        }
    }
}

impl State {
    /// Writes to the ring what does not belong there.
    pub(super) fn be_hostile(&mut self, ctx: AioContext) {
        let Some(context) = self.contexts.get_mut(&ctx.0) else { return };
        if !self.entropy.one_in(self.faults.hostile) {
            return;
        }
        let nr = context.ring.nr;
        match self.entropy.below(6) {
            // Not `nr` and the rest of the header: they were looked at when the context was made.
            0 => context.ring.set(offset_of!(AioRing, head), awkward(&mut self.entropy, nr)),
            1 => context.ring.set(offset_of!(AioRing, tail), awkward(&mut self.entropy, nr)),
            2 => context.spoil_header(&mut self.entropy),
            3 => {
                let event = self.made_up(ctx);
                let place = self.entropy.below(nr);
                self.contexts[&ctx.0].ring.write_event(place, event);
            }
            4 => {
                let event = self.made_up(ctx);
                self.post(ctx, event);
            }
            // A request is lost, with or without an event: nobody touches its buffer any more.
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

    /// How many events were received, true or not.
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

    /// How many requests were accepted, true or too many. (Too few would be a kernel that works on
    /// buffers behind the back of the program, against which nothing can be done.)
    pub(super) fn count_accepted(&mut self, count: usize) -> usize {
        if !self.entropy.one_in(self.faults.hostile) {
            return count;
        }
        if self.entropy.one_in(2) { count + 1 } else { 1 << 40 }
    }

    /// An event that was posted before, or that never could be.
    fn made_up(&mut self, ctx: AioContext) -> IoEvent {
        // Of this context: another one at the same address will have the same ids again.
        let known = &self.contexts[&ctx.0].posted;
        let data = match self.entropy.below(3) {
            0 if !known.is_empty() => known[self.entropy.below(known.len() as u32) as usize],
            1 => u64::from(self.entropy.below(64)) << 32 | u64::from(self.entropy.below(8)),
            _ => self.entropy.word(),
        };
        // Not that of a request in flight: its buffer would be given back while it is in use.
        let in_flight = self
            .contexts
            .values()
            .any(|context| context.pending.iter().any(|request| request.data == data));
        let data = if in_flight { u64::MAX } else { data };
        IoEvent { data, obj: self.entropy.word(), res: result(&mut self.entropy), res2: 0 }
    }
}

/// A number that is likely to cause trouble in a ring of `nr`.
fn awkward(entropy: &mut Entropy, nr: u32) -> u32 {
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

/// A result, of a kernel or not.
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
