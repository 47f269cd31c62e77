//! [`Ring`]: takes events from the completion ring without a system call.
//!
//! An `aio_context_t` is the address of memory that the kernel and the process share: a header
//! ([`AioRing`](crate::abi::AioRing)), then `nr` entries for events. The kernel adds events at
//! index `tail`, the process takes them at index `head`, and both indexes wrap to 0. All statements
//! about the kernel refer to `fs/aio.c`; the names are those of its functions.
//!
//! # The kernel's side
//!
//! 1. `aio_complete` holds `completion_lock`. It writes the event to the entry `ctx->tail`, then
//!    executes `smp_wmb()`, then stores the next index in `ring->tail`. So a process that loads the
//!    new tail, and reads the event after that, reads the complete event. The kernel keeps its own
//!    tail in `ctx->tail` and never reads the shared one.
//! 2. The kernel writes an entry again only after the process has released it. `aio_complete` and
//!    `user_refill_reqs_available` load `ring->head` under `completion_lock`, and
//!    `refill_reqs_available` computes from it how many events were taken from the ring.
//!    `put_reqs_available` then allows that number of new requests. The completion of one of them
//!    is written to the entry. Between the load of head and the write to the entry is a chain of
//!    dependencies, locks and atomic operations. So everything that the process did before it
//!    stored head happens before the write.
//! 3. `aio_read_events_ring` takes events for `io_getevents`, and stores head as the process does.
//!    `ring_lock` excludes other system calls, but not the process.
//! 4. `aio_migrate_folio` may replace a page of the ring by another one. This has no effect on the
//!    process: the page is not mapped until its content was copied under `completion_lock`.
//!
//! # The process's side
//!
//! There is one consumer: the code that has `&mut Ring` of the only `Ring` of the context. A call
//! of `io_getevents` needs `&mut` of the same owner. So point 3 happens only in a system call of
//! the consumer, and only the consumer changes head.
//!
//! The content of the ring is not trusted, because another part of the program can write to it by
//! mistake. `nr` is read once. Head and tail are compared with it each time they are read. If one
//! is out of range ([`Inconsistent`]), the ring must not be read again: `io_getevents` uses the
//! remainders of both numbers modulo `nr`, and with the next event the kernel stores its own tail
//! again. Each word of an event is read once, so that it cannot change between a check and its use.
//! The table of requests in flight decides whether the event is valid.

use crate::{abi::IoEvent, types::cast};
use core::{marker::PhantomData, sync::atomic::Ordering};

mod mapped;
pub(crate) use mapped::Mapped;

/// Access to the memory of a ring, or in tests to its representation in loom. A clone accesses the
/// same memory.
///
/// The implementation decides how each word is accessed; [`Ring`] decides the sequence of the
/// accesses and their orderings.
pub(crate) trait Memory: Clone {
    /// Loads `head`.
    fn load_head(&self, order: Ordering) -> u32;

    /// Loads `tail`.
    fn load_tail(&self, order: Ordering) -> u32;

    /// Stores `head`.
    fn store_head(&self, head: u32, order: Ordering);

    /// Copies the event at an index, reading each word once, except for `obj`, which is 0 in the
    /// copy. (`obj` is an address, which is not trusted; `data` identifies the request.)
    ///
    /// # Safety
    ///
    /// 1. There are more than `index` entries.
    /// 2. The kernel does not write to the entry during the call: the entry is at or after `head`
    ///    and before a `tail` that was loaded with [`Ordering::Acquire`], and `head` was not stored
    ///    since.
    unsafe fn event(&self, index: u32) -> IoEvent;

    /// Copies the `obj` of the event at an index.
    ///
    /// # Safety
    ///
    /// Both duties of [`event`](Self::event).
    unsafe fn obj(&self, index: u32) -> u64;
}

/// Head or tail is out of range: something other than the kernel has written to the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inconsistent;

/// The consumer of a completion ring.
///
/// # Invariants
///
/// 1. `memory` has `nr` entries, and `nr` is at least 1.
/// 2. There is no other consumer: no other `Ring` for this memory, and no `io_getevents` while a
///    method runs or a [`Drain`] lives.
#[derive(Debug)]
pub(crate) struct Ring<M = Mapped> {
    memory: M,
    /// The number of entries. It was read once; the current value in the header is not used.
    nr: u32,
    /// The tail that a method with `&mut self` loaded last. Below `nr`.
    seen: u32,
}

impl<M: Memory> Ring<M> {
    /// Makes the consumer of the ring in this memory.
    ///
    /// # Safety
    ///
    /// 1. `memory` has `nr` entries, and `nr` is at least 1.
    /// 2. Until the ring is dropped, no other code takes events from it while one of its methods
    ///    runs or a [`Drain`] exists. This includes other processes that share the memory.
    pub(crate) const unsafe fn over(memory: M, nr: u32) -> Self {
        Self { memory, nr, seen: 0 }
    }

    /// Takes the events that are in the ring now, oldest first. Events that the iterator has not
    /// returned when it is dropped stay in the ring.
    ///
    /// # Errors
    ///
    /// [`Inconsistent`]; no event was taken, and nothing was changed.
    #[inline]
    pub(crate) fn drain(&mut self) -> Result<Drain<'_, M>, Inconsistent> {
        let (head, tail) = self.bounds()?;
        self.seen = tail;
        let memory = self.memory.clone();
        Ok(Drain { memory, ring: PhantomData, nr: self.nr, head, next: head, tail })
    }

    /// Returns whether there is no event in the ring now.
    ///
    /// # Errors
    ///
    /// [`Inconsistent`].
    #[inline]
    pub(crate) fn is_empty(&self) -> Result<bool, Inconsistent> {
        self.bounds().map(|(head, tail)| head == tail)
    }

    /// Returns the number of events in the ring now.
    ///
    /// # Errors
    ///
    /// [`Inconsistent`].
    #[inline]
    pub(crate) fn len(&mut self) -> Result<u32, Inconsistent> {
        let (head, tail) = self.bounds()?;
        self.seen = tail;
        Ok(distance(head, tail, self.nr))
    }

    /// Counts the events for which `which` returns `true`, among those that were added to the ring
    /// since the last call of a method with `&mut self`. They stay in the ring.
    ///
    /// # Errors
    ///
    /// [`Inconsistent`].
    #[inline]
    pub(crate) fn count_new(
        &mut self,
        mut which: impl FnMut(&IoEvent) -> bool,
    ) -> Result<u32, Inconsistent> {
        let (head, tail) = self.bounds()?;
        let len = distance(head, tail, self.nr);
        // The kernel may have taken the events before `seen`, and added new ones after it.
        let known = distance(head, self.seen, self.nr);
        let mut index = if known <= len { self.seen } else { head };
        self.seen = tail;
        let mut count = 0;
        while index != tail {
            // SAFETY:
            // 1. `index` begins below `nr` (`seen`, or `head` by `bounds`) and `wrapped` keeps it
            //    below.
            // 2. `index` begins at head or after it, and the loop ends at the tail that `bounds`
            //    loaded with acquire. Head is not stored meanwhile: this is the only consumer
            //    (invariant 2).
            let event = unsafe { self.memory.event(index) };
            count += u32::from(which(&event));
            index = wrapped(index + 1, self.nr);
        }
        Ok(count)
    }

    /// Loads head and tail, both below `nr`.
    #[inline]
    fn bounds(&self) -> Result<(u32, u32), Inconsistent> {
        // Relaxed: only the consumer changes head, by a store or by a call of `io_getevents`. So
        // this loads the value that the same thread stored last, or a thread that has sent the ring
        // to this one, which synchronizes the two.
        let head = self.memory.load_head(Ordering::Relaxed);
        // Acquire pairs with the write barrier before the store of `ring->tail` in `aio_complete`:
        // the kernel wrote the events before this tail before it stored the tail, and they are read
        // after the tail was loaded. (In `aio_read_events_ring`, `smp_rmb()` does the same.)
        let tail = self.memory.load_tail(Ordering::Acquire);
        if head < self.nr && tail < self.nr { Ok((head, tail)) } else { Err(Inconsistent) }
    }
}

/// Returns the number of entries from one index to another, wrapping at `nr`. Both are below `nr`.
#[inline]
const fn distance(from: u32, to: u32, nr: u32) -> u32 {
    if from <= to { to - from } else { nr - from + to }
}

/// Returns `index`, or 0 if it is `nr`. The index wraps by a comparison, since `nr` need not be a
/// power of two.
#[inline]
const fn wrapped(index: u32, nr: u32) -> u32 {
    if index == nr { 0 } else { index }
}

/// Takes events from the ring. When it is dropped, it releases all entries of taken events to the
/// kernel with one store.
///
/// # Invariants
///
/// 1. `memory` is that of the ring, which is borrowed exclusively, so there is no other consumer.
/// 2. `head` and `tail` are below `nr`, the number of entries of `memory`. `head` is the current
///    head of the ring, and `tail` was loaded from the ring with acquire.
/// 3. `next` is between `head` and `tail`, wrapping at `nr`. It may be `nr` instead of 0.
#[derive(Debug)]
pub(crate) struct Drain<'ring, M: Memory = Mapped> {
    /// A clone of the ring's `memory`, so that the address stays in a register.
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
        // 1. There are `nr` entries (invariant 2), and `next` is below `nr` (duty of the caller).
        // 2. `next` is at or after `head` (invariant 3) and before `tail` (duty of the caller),
        //    which was loaded with acquire. Head is not stored before `drop`, so `aio_complete`
        //    does not write to the entry.
        let event = unsafe { self.memory.event(self.next) };
        // Advances before the event is used: if the caller panics, the event was taken exactly
        // once.
        self.next += 1;
        event
    }

    /// Takes the next event, including its `obj`.
    pub(crate) fn next_whole(&mut self) -> Option<IoEvent> {
        self.wrap();
        if self.next == self.tail {
            return None;
        }
        // SAFETY: (1) there are `nr` entries (invariant 2), and `next` is below `nr` after `wrap`;
        // (2) `next` is at or after `head` (invariant 3) and before `tail`, which was loaded with
        // acquire, and head is not stored before `drop`.
        let obj = unsafe { self.memory.obj(self.next) };
        // SAFETY: `next` is below `nr` after `wrap`, and is not `tail`.
        let event = unsafe { self.copy_out() };
        Some(IoEvent { obj, ..event })
    }

    /// Wraps `next` to 0 at `nr`.
    #[inline]
    const fn wrap(&mut self) {
        self.next = wrapped(self.next, self.nr);
    }

    /// Returns the end of the entries from `next` on that do not wrap. It is above `next`, unless
    /// `next` is `tail`.
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
        // SAFETY: `next` is below `nr` after `wrap`, and is not `tail`.
        Some(unsafe { self.copy_out() })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = cast::from_u32(distance(wrapped(self.next, self.nr), self.tail, self.nr));
        (len, Some(len))
    }

    /// Takes all events, in at most two ranges, so that the inner loop does not wrap.
    #[inline]
    fn fold<A, F: FnMut(A, IoEvent) -> A>(mut self, mut folded: A, mut f: F) -> A {
        loop {
            self.wrap();
            if self.next == self.tail {
                return folded;
            }
            let end = self.end();
            while self.next < end {
                // SAFETY: `next` is below `end`, so it is below `nr` and not `tail`.
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
        // If no event was taken, nothing is stored: the cache line stays in the shared state.
        if self.next != self.head {
            // Release pairs with the load of `ring->head` under `completion_lock`, in
            // `aio_complete` and `user_refill_reqs_available`: `copy_out` has read the entries
            // before this store, and the kernel writes to them only after it has loaded the new
            // head.
            self.memory.store_head(self.next, Ordering::Release);
        }
    }
}

/// Compiled with `--cfg loom` only.
#[cfg(test)]
mod loom;
#[cfg(test)]
mod tests;
