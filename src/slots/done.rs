//! [`Done`]: the queue of completed requests.

use core::ptr;

/// Ids, first in, first out: at most half as many as there is memory for.
///
/// What is queued lies in one piece. Only when there is too little memory behind it is it moved to the
/// beginning: by then half of the memory has gone past, so an id is moved once at most, on average.
///
/// # Invariants
///
/// `start` leads to memory for ids up to `end`, aligned, used by this queue alone. Not before `start`
/// lies `head`, not before that `tail`, and not before that `end`. From `head` to `tail` ids have been
/// written, at most half as many as there is memory for.
#[derive(Clone, Copy)]
pub(crate) struct Done {
    start: *mut u64,
    end: *mut u64,
    head: *mut u64,
    tail: *mut u64,
}

impl Done {
    /// An empty queue of up to `capacity` ids.
    ///
    /// # Safety
    ///
    /// `start` leads to memory for twice as many, aligned, which nobody else uses for as long as the
    /// queue is used. It need not be initialised.
    pub(crate) const unsafe fn new(start: *mut u64, capacity: usize) -> Self {
        let end = start.wrapping_add(capacity).wrapping_add(capacity);
        Self { start, end, head: start, tail: start }
    }

    /// Sees to it that `count` more ids can be added without moving any.
    ///
    /// # Safety
    ///
    /// With so many more there are `capacity` at most.
    pub(crate) unsafe fn make_room(&mut self, count: usize) {
        if self.head == self.tail {
            // The memory that was used last is at hand.
            (self.head, self.tail) = (self.start, self.start);
        } else {
            // SAFETY: the invariant.
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
    /// [`make_room`](Self::make_room) has made room for it.
    #[inline]
    pub(crate) unsafe fn push(&mut self, id: u64) {
        debug_assert!(self.tail < self.end, "room is made for each id that is queued");
        // SAFETY: there is room: this lies before `end`.
        unsafe { self.tail.write(id) };
        self.tail = self.tail.wrapping_add(1);
    }

    /// Takes the id at the front.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<u64> {
        if self.head == self.tail {
            return None;
        }
        // SAFETY: it lies before `tail`: an id has been written there.
        let id = unsafe { self.head.read() };
        self.head = self.head.wrapping_add(1);
        Some(id)
    }

    /// How many there are.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        // SAFETY: the invariant.
        unsafe { distance(self.head, self.tail) }
    }

    /// Moves what there is to the beginning of the memory.
    #[cold]
    fn start_again(&mut self) {
        let len = self.len();
        // SAFETY: both pieces lie in the memory of the queue, and from `head` on ids have been written.
        unsafe { ptr::copy(self.head, self.start, len) };
        (self.head, self.tail) = (self.start, self.start.wrapping_add(len));
    }
}

/// How many ids there are between the two.
///
/// # Safety
///
/// Both lead to the memory of one queue, `from` not behind `to`.
#[inline]
const unsafe fn distance(from: *mut u64, to: *mut u64) -> usize {
    // SAFETY: the caller says so.
    unsafe { to.offset_from_unsigned(from) }
}
