//! [`FreeList`]: which blocks of a pool are free, and how many values use the memory.

use crate::sys::atomic;
use core::sync::atomic::{AtomicUsize, Ordering};

/// A word of a [`FreeList`]. In tests, it is the atomic type of the memory model checker.
pub(super) trait Word {
    fn load(&self, order: Ordering) -> usize;
    fn fetch_and(&self, bits: usize, order: Ordering) -> usize;
    fn fetch_or(&self, bits: usize, order: Ordering) -> usize;
    fn fetch_add(&self, count: usize, order: Ordering) -> usize;
    fn fetch_sub(&self, count: usize, order: Ordering) -> usize;
}

impl Word for AtomicUsize {
    #[inline]
    fn load(&self, order: Ordering) -> usize {
        self.load(order)
    }

    #[inline]
    fn fetch_and(&self, bits: usize, order: Ordering) -> usize {
        atomic::fetch_and(self, bits, order)
    }

    #[inline]
    fn fetch_or(&self, bits: usize, order: Ordering) -> usize {
        atomic::fetch_or(self, bits, order)
    }

    #[inline]
    fn fetch_add(&self, count: usize, order: Ordering) -> usize {
        atomic::fetch_add(self, count, order)
    }

    #[inline]
    fn fetch_sub(&self, count: usize, order: Ordering) -> usize {
        atomic::fetch_sub(self, count, order)
    }
}

/// The number of blocks that one word describes.
pub(super) const PER_WORD: usize = 64;

/// The state of the blocks of a pool.
///
/// A block is free or taken. Whoever takes it is the only owner until it gives it back. Besides,
/// the values that use the memory are counted: the pool, and each block that is taken. The last of
/// them unmaps the memory.
///
/// There are no locks: a thread that is stopped, or a process that is forked, at any point leaves a
/// valid state.
///
/// # Invariants
///
/// In `words`, a bit is 1 only if its block is free. `users` is the number of values that were
/// counted and that have not called [`leave`](Self::leave).
#[derive(Clone, Copy, Debug)]
pub(super) struct FreeList<'a, W> {
    users: &'a W,
    words: &'a [W],
}

impl<'a, W: Word> FreeList<'a, W> {
    /// Returns the list in this memory.
    pub(super) const fn new(users: &'a W, words: &'a [W]) -> Self {
        Self { users, words }
    }

    /// Takes the free block with the lowest index at or after `first`, and counts its owner as a
    /// user. The caller is a user.
    #[inline]
    pub(super) fn take_from(self, first: usize) -> Option<usize> {
        let (start, skipped) = (first / PER_WORD, first % PER_WORD);
        let mut wanted = usize::MAX << skipped;
        for (index, word) in self.words.iter().enumerate().skip(start) {
            // Relaxed: it is only a hint. `fetch_and` decides.
            while let free = word.load(Ordering::Relaxed) & wanted
                && free != 0
            {
                let bit = free & free.wrapping_neg();
                // Acquire pairs with the release in `give_back`: what the previous owner did with
                // the block happens before what the new owner does.
                if word.fetch_and(!bit, Ordering::Acquire) & bit != 0 {
                    // Relaxed: the caller is a user, so the number is at least 1 before and after,
                    // and no decision depends on it now.
                    self.users.fetch_add(1, Ordering::Relaxed);
                    return Some(index * PER_WORD + trailing_zeros(bit));
                }
                // Another thread has taken this block.
            }
            wanted = usize::MAX;
        }
        None
    }

    /// Makes a block free that was [taken](Self::take_from). The owner is still a user.
    #[inline]
    pub(super) fn give_back(self, index: usize) {
        if let Some(word) = self.words.get(index / PER_WORD) {
            // Release: see `take_from`.
            word.fetch_or(1 << (index % PER_WORD), Ordering::Release);
        }
    }

    /// Ends the use of the memory by a user. Returns `true` to the last user, which unmaps the
    /// memory. Other users do not access it afterwards.
    #[inline]
    #[must_use]
    pub(super) fn leave(self) -> bool {
        // Release: what this user did happens before the last user unmaps the memory. Acquire: the
        // last user's unmapping happens after it.
        self.users.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Returns the number of free blocks. Other threads may change it at any time.
    pub(super) fn count(self) -> usize {
        self.words.iter().map(|word| ones(word.load(Ordering::Relaxed))).sum()
    }
}

fn trailing_zeros(bits: usize) -> usize {
    crate::types::cast::from_u32(bits.trailing_zeros())
}

fn ones(bits: usize) -> usize {
    crate::types::cast::from_u32(bits.count_ones())
}
