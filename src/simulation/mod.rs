//! Random programs on the fake kernel, with an oracle that checks the results. The property tests
//! and the fuzzer use them.
//!
//! A [`Program`] consists of bytes, and all bytes are valid. Eight bytes are one [`Operation`];
//! others are decisions of the kernel. The assertions are described in [`oracle`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a part of the tests, which stop at the first error"
)]
#![allow(clippy::std_instead_of_core, reason = "std is available in all builds with this module")]

mod answer;
mod buffer;
mod driver;
mod futures;
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
use buffer::{Blocks, Heap, HeapPieces, Pooled, Tracked};
use owner::Owner;
use program::Operation;
use std::vec::Vec;
use world::World;

/// A program and the decisions of its kernel.
#[derive(Clone, Default)]
pub struct Program {
    /// Selects the kind of kernel and of buffers.
    pub setup: [u8; 4],
    /// The decisions of the kernel, in order. After the last one there are no more faults.
    pub kernel: Vec<u8>,
    /// The operations of the program.
    pub operations: Vec<[u8; 8]>,
}

impl Program {
    /// Makes a random program of at most `most` operations.
    #[must_use]
    pub fn random(seed: u64, most: u32) -> Self {
        let mut entropy = Entropy::Noise(seed);
        let setup = entropy.word().to_le_bytes();
        let operations = (0..=entropy.below(most)).map(|_| entropy.word().to_le_bytes()).collect();
        let kernel = (0..entropy.below(256)).map(|_| entropy.below(256) as u8).collect();
        Self { setup: setup[..4].try_into().unwrap(), kernel, operations }
    }

    /// Runs the program on a kernel that behaves like a real one.
    ///
    /// # Panics
    ///
    /// If the crate violates one of its guarantees.
    pub fn play(&self) -> Played {
        let faults = if self.setup[0] & 1 == 0 { Faults::ALL } else { Faults::NONE };
        self.play_on(faults)
    }

    /// Runs the program on a hostile kernel, which returns invalid rings, events and counts.
    ///
    /// # Panics
    ///
    /// If the crate violates a guarantee that does not depend on the kernel.
    pub fn play_hostile(&self) -> Played {
        self.play_on(Faults::HOSTILE)
    }

    /// Runs the program as one of tasks that await futures of a driver, on a kernel that behaves like
    /// a real one. See [`futures`].
    ///
    /// # Panics
    ///
    /// If the crate violates one of its guarantees.
    pub fn play_futures(&self) -> Played {
        let faults = if self.setup[0] & 1 == 0 { Faults::ALL } else { Faults::NONE };
        self.play_futures_on(faults)
    }

    /// Does the same as [`play_futures`](Self::play_futures), on a hostile kernel.
    ///
    /// # Panics
    ///
    /// If the crate violates a guarantee that does not depend on the kernel.
    pub fn play_futures_hostile(&self) -> Played {
        self.play_futures_on(Faults::HOSTILE)
    }

    fn play_futures_on(&self, faults: Faults) -> Played {
        let world = World::new(Entropy::bytes(self.kernel.clone()), faults, self.setup);
        let kernel = world.kernel.clone();
        kernel.run(|| futures::play(world, self.setup, &self.operations))
    }

    fn play_on(&self, faults: Faults) -> Played {
        let world = World::new(Entropy::bytes(self.kernel.clone()), faults, self.setup);
        let kernel = world.kernel.clone();
        let operations = self.operations.iter().map(Operation::of).collect::<Vec<_>>();
        kernel.run(|| match self.setup[1] % 4 {
            0 => Owner::<Tracked, Heap>::new(world, Heap, 4).play(&operations),
            1 => Owner::<Tracked, Heap>::new(world, Heap, 1).play(&operations),
            2 => Owner::<Pooled, Blocks>::new(world, Blocks::default(), 4).play(&operations),
            _ => {
                Owner::<Pieces<Tracked, 3>, HeapPieces>::new(world, HeapPieces, 4).play(&operations)
            }
        })
    }
}

impl core::fmt::Debug for Program {
    /// Formats the decoded operations.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Program")
            .field("setup", &self.setup)
            .field("kernel", &self.kernel)
            .field("operations", &self.operations.iter().map(Operation::of).collect::<Vec<_>>())
            .finish()
    }
}

/// Runs `f` on a kernel without files and without faults.
pub fn quietly<R>(f: impl FnOnce() -> R) -> R {
    Kernel::quiet().run(f)
}

/// The numbers of events in a program.
#[derive(Clone, Copy, Debug, Default)]
pub struct Played {
    /// The number of requests that were submitted.
    pub submitted: u64,
    /// The number of completions that were taken and checked.
    pub completed: u64,
    /// The number of these completions that succeeded.
    pub succeeded: u64,
    /// The number of scopes that were entered.
    pub scopes: u64,
    /// The number of requests that were dropped or leaked with their context or scope.
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
