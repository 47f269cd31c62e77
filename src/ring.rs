//! [`Ring`]: the completion ring, read without a system call.
//!
//! An `aio_context_t` is the address of memory that kernel and process share: a header
//! ([`AioRing`](crate::abi::AioRing)), then `nr` places for events. The kernel puts events in at
//! `tail`, the process takes them out at `head`, and both go round. Everything said about the
//! kernel here is in `fs/aio.c`; the names are those of its functions.
//!
//! # The kernel's side
//!
//! 1. `aio_complete` holds `completion_lock`. It writes the event to the place `ctx->tail`, then
//!    does `smp_wmb()`, then stores the next place in `ring->tail`. So whoever sees the new tail,
//!    and reads the event after that, sees the event. It keeps its own tail in `ctx->tail` and never
//!    reads the shared one back.
//! 2. A place is written again only after the process has given it back. `aio_complete` and
//!    `user_refill_reqs_available` load `ring->head` under `completion_lock`, and
//!    `refill_reqs_available` makes from it the number of completed events that have left the ring.
//!    By that number, `put_reqs_available` allows for new requests, one of which is later completed
//!    into the place. From loading head to writing the place leads a chain of dependencies, locks
//!    and atomic operations. So what the process did before it stored head, it did before the place
//!    is written.
//! 3. `aio_read_events_ring` takes events out itself, for `io_getevents`, and stores head as the
//!    process would. It holds `ring_lock` against other system calls, but nothing holds it off
//!    against the process.
//! 4. `aio_migrate_folio` may put another page in the place of one of the ring's. The process does not
//!    notice: it has no access until the copy, made under `completion_lock`, is in place.
//!
//! # The process's side
//!
//! There is one consumer: whoever has `&mut Ring` of the only `Ring` there is for the context, which
//! also needs `&mut` of its owner for `io_getevents`. So point 3 happens in a system call of the
//! consumer, or not at all, and no one but the consumer changes head.
//!
//! What is found in the ring is not trusted: another part of the program can write there, by
//! mistake. `nr` is read once. Head and tail are compared with it each time they are read, and where
//! one is out of range ([`Doubt`]), the ring must not be read again: `io_getevents` looks at the
//! remainders of these numbers, and the next event puts the kernel's own tail back in its place.
//! Each word of an event is read once, so that it cannot change between a check and a use; whether
//! it means anything is for the in-flight table to say.

use crate::{abi::IoEvent, width};
use core::{marker::PhantomData, sync::atomic::Ordering};

mod mapped;
pub(crate) use mapped::Mapped;

/// A way to the memory that a ring consists of, or to a model of it; a clone leads to the same. How the
/// words are accessed is its business; in which order, and with which orderings, is the ring's.
pub(crate) trait Memory: Clone {
    /// Loads `head`.
    fn load_head(&self, order: Ordering) -> u32;

    /// Loads `tail`.
    fn load_tail(&self, order: Ordering) -> u32;

    /// Stores `head`.
    fn store_head(&self, head: u32, order: Ordering);

    /// Copies the event at a place, each word of it once; but for `obj`, which is left 0. It is an
    /// address that nobody must trust, and `data` says which request it is.
    ///
    /// # Safety
    ///
    /// 1. There are more than `place` places.
    /// 2. The kernel does not write to it meanwhile: it lies at or after `head` and before a `tail`
    ///    that was loaded with [`Ordering::Acquire`], and `head` has not been stored since then.
    unsafe fn event(&self, place: u32) -> IoEvent;
}

/// Head or tail is out of range: something besides the kernel has written to the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Doubt;

/// The consumer's end of a completion ring.
///
/// # Invariants
///
/// 1. `memory` has `nr` places, and `nr` is at least 1.
/// 2. There is no other consumer: no other `Ring` for this memory, and no `io_getevents` while a
///    method runs or a [`Drain`] lives.
#[derive(Debug)]
pub(crate) struct Ring<M = Mapped> {
    memory: M,
    /// The number of places, as it was at first. What stands in the header now is not asked.
    nr: u32,
    /// Below `nr`. The tail as it was last seen.
    seen: u32,
}

impl<M: Memory> Ring<M> {
    /// The ring in this memory.
    ///
    /// # Safety
    ///
    /// 1. `memory` has `nr` places, and `nr` is at least 1.
    /// 2. Until the ring is dropped, nobody else takes events out of it while one of its methods
    ///    runs or a [`Drain`] lives; neither another process that shares the memory.
    pub(crate) const unsafe fn over(memory: M, nr: u32) -> Self {
        Self { memory, nr, seen: 0 }
    }

    /// Takes out the events that are there now, oldest first. Those that the iterator has not come
    /// to when it is dropped stay.
    ///
    /// # Errors
    ///
    /// [`Doubt`]; nothing was taken or changed.
    #[inline]
    pub(crate) fn drain(&mut self) -> Result<Drain<'_, M>, Doubt> {
        let (head, tail) = self.bounds()?;
        self.seen = tail;
        let memory = self.memory.clone();
        Ok(Drain { memory, ring: PhantomData, nr: self.nr, head, next: head, tail })
    }

    /// Whether there is no event now.
    ///
    /// # Errors
    ///
    /// [`Doubt`].
    #[inline]
    pub(crate) fn is_empty(&self) -> Result<bool, Doubt> {
        self.bounds().map(|(head, tail)| head == tail)
    }

    /// How many events are there now.
    ///
    /// # Errors
    ///
    /// [`Doubt`].
    #[inline]
    pub(crate) fn len(&mut self) -> Result<u32, Doubt> {
        let (head, tail) = self.bounds()?;
        self.seen = tail;
        Ok(distance(head, tail, self.nr))
    }

    /// How many events that `which` picks have come since the ring was last looked at, by any
    /// method with `&mut self`. They stay.
    ///
    /// # Errors
    ///
    /// [`Doubt`].
    #[inline]
    pub(crate) fn count_new(
        &mut self,
        mut which: impl FnMut(&IoEvent) -> bool,
    ) -> Result<u32, Doubt> {
        let (head, tail) = self.bounds()?;
        let len = distance(head, tail, self.nr);
        // What was seen may have been taken since, by the kernel.
        let known = distance(head, self.seen, self.nr);
        let mut place = if known <= len { self.seen } else { head };
        self.seen = tail;
        let mut count = 0;
        while place != tail {
            // SAFETY:
            // 1. `place` starts below `nr` (`seen`, or `head` by `bounds`) and `wrapped` keeps it there.
            // 2. It starts at head or after it, and ends at the tail that `bounds` loaded with
            //    acquire. Nobody stores head meanwhile.
            let event = unsafe { self.memory.event(place) };
            count += u32::from(which(&event));
            place = wrapped(place + 1, self.nr);
        }
        Ok(count)
    }

    /// Head and tail, both below `nr`.
    #[inline]
    fn bounds(&self) -> Result<(u32, u32), Doubt> {
        // Relaxed: only the consumer changes head, by storing it or by asking `io_getevents` to, so
        // what is loaded is what the same thread stored last (or one that handed the ring over, and
        // with it all it had done).
        let head = self.memory.load_head(Ordering::Relaxed);
        // Acquire pairs with the write barrier before `ring->tail` in `aio_complete`: the events
        // before this tail were written before it was stored, and are read after it is loaded. (In
        // `aio_read_events_ring` it is `smp_rmb()` that does the same.)
        let tail = self.memory.load_tail(Ordering::Acquire);
        if head < self.nr && tail < self.nr { Ok((head, tail)) } else { Err(Doubt) }
    }
}

/// How many places it is from one to the other, going round. Both are below `nr`.
#[inline]
const fn distance(from: u32, to: u32, nr: u32) -> u32 {
    if from <= to { to - from } else { nr - from + to }
}

/// A place, or 0 if it is `nr`: the ring wraps by comparison, since `nr` is not a power of two.
#[inline]
const fn wrapped(place: u32, nr: u32) -> u32 {
    if place == nr { 0 } else { place }
}

/// Events on their way out of the ring. What was taken is given back to the kernel all at once,
/// when this is dropped.
///
/// # Invariants
///
/// 1. `memory` is that of the ring, which nobody else uses for as long as this borrows it.
/// 2. `head` and `tail` are below `nr`, the number of places of `memory`. `head` is what stands in
///    the ring, and `tail` was loaded from it with acquire.
/// 3. `next` lies between `head` and `tail`, going round, where `nr` can stand for 0.
#[derive(Debug)]
pub(crate) struct Drain<'ring, M: Memory = Mapped> {
    /// A clone, and not by way of the ring, so that it stays in a register.
    memory: M,
    ring: PhantomData<&'ring mut Ring<M>>,
    nr: u32,
    head: u32,
    next: u32,
    tail: u32,
}

impl<M: Memory> Drain<'_, M> {
    /// Takes the event at `next`.
    ///
    /// # Safety
    ///
    /// `next` is below `nr`, and is not `tail`.
    #[inline]
    unsafe fn copy_out(&mut self) -> IoEvent {
        // SAFETY:
        // 1. There are `nr` places, and the caller says that `next` is less.
        // 2. It lies at or after `head` and before `tail`, which was loaded with acquire: the event
        //    is complete. `aio_complete` writes to the place again only once a head beyond it has
        //    been stored, by `drop` below.
        let event = unsafe { self.memory.event(self.next) };
        // At once: should the caller panic over this event, it is taken, and only once.
        self.next += 1;
        event
    }

    /// Goes round.
    #[inline]
    const fn wrap(&mut self) {
        self.next = wrapped(self.next, self.nr);
    }

    /// The events are those from `next` to here, in one piece. Not empty, if `next` is not `tail`.
    #[inline]
    const fn end(&self) -> u32 {
        if self.next < self.tail { self.tail } else { self.nr }
    }
}

impl<M: Memory> Iterator for Drain<'_, M> {
    type Item = IoEvent;

    #[inline]
    fn next(&mut self) -> Option<IoEvent> {
        self.wrap();
        if self.next == self.tail {
            return None;
        }
        // SAFETY: `wrap` has seen to that it is below `nr`.
        Some(unsafe { self.copy_out() })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = width::from_u32(distance(wrapped(self.next, self.nr), self.tail, self.nr));
        (len, Some(len))
    }

    /// All of them: in two pieces at most, so that nothing goes round in the inner loop.
    #[inline]
    fn fold<A, F: FnMut(A, IoEvent) -> A>(mut self, mut folded: A, mut f: F) -> A {
        loop {
            self.wrap();
            if self.next == self.tail {
                return folded;
            }
            let end = self.end();
            while self.next < end {
                // SAFETY: it is below `end`, hence below `nr`, and does not come past `tail`.
                folded = f(folded, unsafe { self.copy_out() });
            }
        }
    }
}

impl<M: Memory> ExactSizeIterator for Drain<'_, M> {}

impl<M: Memory> Drop for Drain<'_, M> {
    #[inline]
    fn drop(&mut self) {
        self.wrap();
        // An empty ring is only looked at: its cache line stays shared.
        if self.next != self.head {
            // Release pairs with the load of `ring->head` under `completion_lock`, in `aio_complete`
            // and `user_refill_reqs_available`: the copies in `copy_out` were made before this, and what
            // the kernel writes to these places, it writes because it has seen this.
            self.memory.store_head(self.next, Ordering::Release);
        }
    }
}

/// Under `--cfg loom`.
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
