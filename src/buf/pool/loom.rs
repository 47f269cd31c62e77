//! Tests of the free list in [loom], which executes all interleavings and reorderings that a weak
//! memory model allows. Other tests weaken an ordering, which loom must detect.
//!
//! [loom]: https://docs.rs/loom

#![cfg(loom)]

use super::free::{FreeList, Word};
use ::loom::{
    cell::UnsafeCell,
    model::Builder,
    sync::{Arc, atomic::AtomicUsize},
    thread,
};
use core::sync::atomic::Ordering;
use std::vec::Vec;

/// The fault that a test introduces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Nothing,
    TakeRelaxed,
    GiveRelaxed,
    LeaveRelaxed,
}

/// A word that weakens the orderings.
struct Weak {
    word: AtomicUsize,
    fault: Fault,
}

impl Weak {
    fn order(&self, fault: Fault, order: Ordering) -> Ordering {
        if self.fault == fault { Ordering::Relaxed } else { order }
    }
}

impl Word for Weak {
    fn load(&self, order: Ordering) -> usize {
        self.word.load(order)
    }

    fn fetch_and(&self, bits: usize, order: Ordering) -> usize {
        self.word.fetch_and(bits, self.order(Fault::TakeRelaxed, order))
    }

    fn fetch_or(&self, bits: usize, order: Ordering) -> usize {
        self.word.fetch_or(bits, self.order(Fault::GiveRelaxed, order))
    }

    fn fetch_add(&self, count: usize, order: Ordering) -> usize {
        self.word.fetch_add(count, order)
    }

    fn fetch_sub(&self, count: usize, order: Ordering) -> usize {
        self.word.fetch_sub(count, self.order(Fault::LeaveRelaxed, order))
    }
}

/// A pool. Loom reports each access to a cell that is not ordered after the last conflicting one.
struct Pool {
    users: Weak,
    words: Vec<Weak>,
    blocks: Vec<UnsafeCell<u64>>,
    /// Whether the memory is mapped.
    mapped: UnsafeCell<bool>,
}

impl Pool {
    fn new(blocks: usize, users: usize, fault: Fault) -> Self {
        let word = |value| Weak { word: AtomicUsize::new(value), fault };
        Self {
            users: word(users),
            words: std::vec![word((1 << blocks) - 1)],
            blocks: (0..blocks).map(|_| UnsafeCell::new(0)).collect(),
            mapped: UnsafeCell::new(true),
        }
    }

    fn list(&self) -> FreeList<'_, Weak> {
        FreeList::new(&self.users, &self.words)
    }

    /// Takes a block, writes to it, gives it back.
    fn use_block(&self) -> bool {
        // SAFETY: loom panics if this access conflicts with another one.
        assert!(self.mapped.with(|mapped| unsafe { *mapped }), "used after it was unmapped");
        let Some(index) = self.list().take_from(0) else {
            return false;
        };
        // SAFETY: as above.
        self.blocks[index].with_mut(|block| unsafe { *block += 1 });
        self.list().give_back(index);
        // The pool's own user is still there.
        assert!(!self.list().leave());
        true
    }

    fn leave(&self) {
        if self.list().leave() {
            // SAFETY: as above.
            self.mapped.with_mut(|mapped| unsafe { *mapped = false });
        }
    }
}

/// Two threads take blocks from a pool of this size, and end their use of it.
fn explore(blocks: usize, fault: Fault) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let pool = Arc::new(Pool::new(blocks, 2, fault));
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let used = pool.use_block();
                pool.leave();
                used
            })
        };
        let used = pool.use_block();
        pool.leave();
        let also = other.join().unwrap();
        assert!(used || also);
        // With a block for each, nobody finds the pool empty.
        assert!(blocks < 2 || (used && also));
        assert_eq!(pool.list().count(), blocks);
        // SAFETY: as above.
        assert!(!pool.mapped.with(|mapped| unsafe { *mapped }), "nobody has unmapped it");
    });
}

#[test]
fn blocks_have_one_owner_at_a_time() {
    explore(1, Fault::Nothing);
    explore(2, Fault::Nothing);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_detects_relaxed_take() {
    explore(1, Fault::TakeRelaxed);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_detects_relaxed_give_back() {
    explore(1, Fault::GiveRelaxed);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_detects_relaxed_leave() {
    explore(2, Fault::LeaveRelaxed);
}
