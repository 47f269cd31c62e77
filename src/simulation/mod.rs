//! Programs: programs made of random bytes, played on the fake kernel, with a plain oracle of what
//! must come back. The property tests and the fuzzer share them.
//!
//! A [`Program`] is bytes only, so that whoever makes it, makes a valid one. Eight bytes are one
//! [`Operation`]; others are the decisions of the kernel. What is asserted is in [`oracle`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a part of the tests: it stops at the first surprise"
)]
#![allow(clippy::std_instead_of_core, reason = "there is std wherever this is compiled")]

mod answer;
mod buffer;
mod driver;
mod oracle;
mod owner;
mod program;
mod single;
#[cfg(test)]
pub(crate) mod watchdog;
mod world;

#[cfg(test)]
mod properties;

pub use answer::Answer;

use crate::{
    buf::Pieces,
    sys::fake::{Entropy, Faults, Kernel},
};
use buffer::{Heap, HeapPieces, Tracked};
use owner::Owner;
use program::Operation;
use std::vec::Vec;
use world::World;

/// A program and the decisions of its kernel.
#[derive(Clone, Default)]
pub struct Program {
    /// What kind of kernel, and of buffers.
    pub setup: [u8; 4],
    /// What the kernel decides, in turn. When they are used up, nothing surprising happens any more.
    pub kernel: Vec<u8>,
    /// What the program does.
    pub operations: Vec<[u8; 8]>,
}

impl Program {
    /// A random program of at most so many operations.
    #[must_use]
    pub fn random(seed: u64, most: u32) -> Self {
        let mut entropy = Entropy::Noise(seed);
        let setup = entropy.word().to_le_bytes();
        let operations = (0..=entropy.below(most)).map(|_| entropy.word().to_le_bytes()).collect();
        let kernel = (0..entropy.below(256)).map(|_| entropy.below(256) as u8).collect();
        Self { setup: setup[..4].try_into().unwrap(), kernel, operations }
    }

    /// Plays it on a kernel that keeps the rules.
    ///
    /// # Panics
    ///
    /// If the crate breaks one of its promises.
    pub fn play(&self) -> Played {
        let faults = if self.setup[0] & 1 == 0 { Faults::ALL } else { Faults::NONE };
        self.play_on(faults)
    }

    /// Plays it on a kernel that makes up rings, events and counts.
    ///
    /// # Panics
    ///
    /// If the crate breaks one of the promises that it can keep nevertheless.
    pub fn play_hostile(&self) -> Played {
        self.play_on(Faults::HOSTILE)
    }

    fn play_on(&self, faults: Faults) -> Played {
        let world = World::new(Entropy::bytes(self.kernel.clone()), faults, self.setup);
        let kernel = world.kernel.clone();
        let operations = self.operations.iter().map(Operation::of).collect::<Vec<_>>();
        kernel.run(|| match self.setup[1] % 3 {
            0 => Owner::<Tracked, Heap>::new(world, Heap, 4).play(&operations),
            1 => Owner::<Tracked, Heap>::new(world, Heap, 1).play(&operations),
            _ => {
                Owner::<Pieces<Tracked, 3>, HeapPieces>::new(world, HeapPieces, 4).play(&operations)
            }
        })
    }
}

impl core::fmt::Debug for Program {
    /// As a program, to be read.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Program")
            .field("setup", &self.setup)
            .field("kernel", &self.kernel)
            .field("operations", &self.operations.iter().map(Operation::of).collect::<Vec<_>>())
            .finish()
    }
}

/// Runs `f` on a kernel that has no files, and no surprises.
pub fn quietly<R>(f: impl FnOnce() -> R) -> R {
    Kernel::quiet().run(f)
}

/// How much happened in a program.
#[derive(Clone, Copy, Debug, Default)]
pub struct Played {
    /// Requests that left a batch.
    pub submitted: u64,
    /// Completions that were taken, and checked.
    pub completed: u64,
    /// Of these, successes.
    pub succeeded: u64,
    /// Scopes that were entered.
    pub scopes: u64,
    /// Requests that ended with their context or scope, or were leaked with it.
    pub abandoned: u64,
}

impl core::ops::AddAssign for Played {
    fn add_assign(&mut self, more: Self) {
        self.submitted += more.submitted;
        self.completed += more.completed;
        self.succeeded += more.succeeded;
        self.scopes += more.scopes;
        self.abandoned += more.abandoned;
    }
}
