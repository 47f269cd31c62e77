//! [`Queue`]: the queue of the ids of completed requests.

use core::ptr;

/// A queue of up to `capacity` ids (first in, first out), in memory for twice as many.
///
/// The ids in the queue are contiguous. They are moved to the beginning of the memory if there is
/// not enough memory after them. More than `capacity` ids are removed between two such moves, so
/// on average each id is moved at most once.
///
/// # Invariants
///
/// 1. From `start` to `end` is aligned memory for twice `capacity` ids, which only this queue uses.
/// 2. `start <= head <= tail <= end`.
/// 3. From `head` to `tail` are initialised ids, at most `capacity`.
#[derive(Clone, Copy)]
pub(crate) struct Queue {
    start: *mut u64,
    end: *mut u64,
    head: *mut u64,
    tail: *mut u64,
}

impl Queue {
    /// Makes an empty queue of up to `capacity` ids.
    ///
    /// # Safety
    ///
    /// `start` points to aligned memory for twice `capacity` ids. No other code uses the memory as
    /// long as the queue is used. It need not be initialised.
    pub(crate) const unsafe fn new(start: *mut u64, capacity: usize) -> Self {
        let end = start.wrapping_add(capacity).wrapping_add(capacity);
        Self { start, end, head: start, tail: start }
    }

    /// Makes room for `count` more ids at the end.
    ///
    /// # Safety
    ///
    /// The queue does not have more than `capacity` ids after `count` more were added.
    pub(crate) unsafe fn make_room(&mut self, count: usize) {
        if self.head == self.tail {
            // The beginning of the memory is probably in the processor's cache.
            (self.head, self.tail) = (self.start, self.start);
        } else {
            // SAFETY: `tail <= end`, in the same memory (invariants 1 and 2).
            let room = unsafe { distance(self.tail, self.end) };
            if room < count {
                self.start_again();
            }
        }
    }

    /// Adds an id at the end.
    ///
    /// # Safety
    ///
    /// [`make_room`](Self::make_room) has made room for the id.
    #[inline]
    pub(crate) unsafe fn push(&mut self, id: u64) {
        debug_assert!(self.tail < self.end, "make_room was called before push");
        // SAFETY: there is room (duty of the caller), so `tail` is before `end` in the queue's
        // memory.
        unsafe { self.tail.write(id) };
        self.tail = self.tail.wrapping_add(1);
    }

    /// Removes the id at the front and returns it.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<u64> {
        if self.head == self.tail {
            return None;
        }
        // SAFETY: `head` is before `tail`, so it points to an initialised id (invariant 3).
        let id = unsafe { self.head.read() };
        self.head = self.head.wrapping_add(1);
        Some(id)
    }

    /// Removes an id for which `is_it` returns `true`, from anywhere in the queue.
    #[cold]
    pub(crate) fn remove(&mut self, is_it: impl Fn(u64) -> bool) -> Option<u64> {
        let len = self.len();
        for index in 0..len {
            let at = self.head.wrapping_add(index);
            // SAFETY: `index` is below `len`, so `at` points to an initialised id (invariant 3).
            let id = unsafe { at.read() };
            if is_it(id) {
                let after = at.wrapping_add(1);
                // SAFETY: the ids after `at`, up to `tail`, are initialised (invariant 3). They are
                // moved down by one, within the memory of the queue.
                unsafe { ptr::copy(after, at, len - index - 1) };
                self.tail = self.tail.wrapping_sub(1);
                return Some(id);
            }
        }
        None
    }

    /// Returns the number of ids.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        // SAFETY: `head <= tail`, in the same memory (invariants 1 and 2), or both are null.
        unsafe { distance(self.head, self.tail) }
    }

    /// Moves the ids to the beginning of the memory.
    #[cold]
    fn start_again(&mut self) {
        let len = self.len();
        // SAFETY: the `len` ids from `head` on are initialised (invariant 3), and the memory from
        // `start` has room for them (invariants 1 and 3).
        unsafe { ptr::copy(self.head, self.start, len) };
        (self.head, self.tail) = (self.start, self.start.wrapping_add(len));
    }
}

/// Returns the number of ids between two pointers.
///
/// # Safety
///
/// Both point into the memory of one queue, and `from <= to`; or they are equal.
#[inline]
const unsafe fn distance(from: *mut u64, to: *mut u64) -> usize {
    // SAFETY: both are equal, or point into one allocation with `from <= to` (duty of the caller).
    unsafe { to.offset_from_unsigned(from) }
}
