//! The memory for data: a fixed number of blocks in three sizes, made when the server starts.
//!
//! A block belongs to a connection from the moment a request takes it until the reply is sent. Two
//! rules keep one client from taking the blocks of the others:
//!
//! * Each connection can have one block of each size, at any time. As many as there are connections
//!   without one are kept back for them.
//! * Of the rest, a connection takes at most twice as many as are left. So one client alone can
//!   have two thirds of them, two that want all have 2/5 each, and there is always something left
//!   for the next.

use linux_aio::{BufPool, Errno, PageKind, PoolBuf};

/// A block of memory that can be the buffer of a request.
pub type Block = PoolBuf;

/// The sizes of the blocks. An unaligned request of 4 KiB fits in the smallest. A request that is
/// longer than the largest is carried out in pieces.
const SIZES: [usize; 3] = [8 << 10, 32 << 10, LARGE];

/// The largest size.
pub const LARGE: usize = 128 << 10;

/// How many blocks a connection has, of each size.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held([usize; SIZES.len()]);

/// All blocks.
#[derive(Debug)]
pub struct Blocks([Shelf; SIZES.len()]);

impl Blocks {
    /// Makes the blocks for so many connections, and for one client alone to have `depth` small
    /// requests in progress, half as many of medium size, and an eighth of the largest, or 15. The
    /// memory is not touched before it is used.
    ///
    /// # Errors
    ///
    /// The errno of `mmap`.
    pub fn new(depth: usize, connections: usize) -> Result<Self, Errno> {
        let [small, medium, large] = SIZES;
        let shelf = |len, count: usize, pages| {
            let total = count + count.div_ceil(2) + connections;
            let pool = BufPool::with_pages(total, len, pages)?;
            Ok::<_, Errno>(Shelf { pool, without: connections })
        };
        Ok(Self([
            shelf(small, depth, PageKind::Base)?,
            shelf(medium, depth.div_ceil(2).max(8), PageKind::Base)?,
            // A transfer of this length is cheaper from a huge page.
            shelf(large, depth.div_ceil(8).max(14), PageKind::Transparent)?,
        ]))
    }

    /// Takes a block of at least `len` bytes, or a large one if `len` is more than that.
    pub fn take(&mut self, len: usize, held: &mut Held) -> Option<Block> {
        let fits = |(_, size): &(_, &usize)| len <= **size || **size == LARGE;
        let ((shelf, held), _) = self.0.iter_mut().zip(&mut held.0).zip(&SIZES).find(fits)?;
        shelf.take(held)
    }

    /// Takes back a block that the connection has.
    pub fn give(&mut self, block: Block, held: &mut Held) {
        let fits = |(_, size): &(_, &usize)| block.len() == **size;
        let shelf = self.0.iter_mut().zip(&mut held.0).zip(&SIZES).find(fits);
        if let Some(((shelf, held), _)) = shelf {
            shelf.give(block, held);
        }
    }

    /// Returns how many blocks there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.iter().map(|shelf| shelf.pool.count()).sum()
    }

    /// Returns how many blocks are in use.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.0.iter().map(|shelf| shelf.pool.count() - shelf.pool.available()).sum()
    }
}

/// The blocks of one size. The pool has the lowest free block taken first, so that memory which is
/// never needed is never touched.
#[derive(Debug)]
struct Shelf {
    pool: BufPool,
    /// The connections that have none.
    without: usize,
}

impl Shelf {
    fn take(&mut self, held: &mut usize) -> Option<Block> {
        if *held > 0 {
            let shared = self.pool.available().saturating_sub(self.without);
            if *held > 2 * shared {
                return None;
            }
        }
        let block = self.pool.take()?;
        if *held == 0 {
            self.without = self.without.saturating_sub(1);
        }
        *held += 1;
        Some(block)
    }

    fn give(&mut self, block: Block, held: &mut usize) {
        drop(block);
        *held = held.saturating_sub(1);
        if *held == 0 {
            self.without += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn take_all(blocks: &mut Blocks, held: &mut Held) -> Vec<Block> {
        core::iter::from_fn(|| blocks.take(4096, held)).collect()
    }

    #[test]
    fn one_client_alone_reaches_the_depth() {
        let mut blocks = Blocks::new(64, 16).unwrap();
        let taken = take_all(&mut blocks, &mut Held::default()).len();
        assert!((64..=66).contains(&taken), "{taken}");
    }

    #[test]
    fn greedy_clients_leave_a_block_for_every_other() {
        for (depth, connections) in [(1, 1), (1, 4), (64, 16), (8, 100)] {
            let mut blocks = Blocks::new(depth, connections).unwrap();
            for _ in 0..connections {
                let mut held = Held::default();
                assert!(!take_all(&mut blocks, &mut held).is_empty());
            }
        }
    }

    #[test]
    fn blocks_that_are_given_back_can_be_taken_again() {
        let mut blocks = Blocks::new(16, 2).unwrap();
        let mut held = Held::default();
        let taken = take_all(&mut blocks, &mut held);
        let count = taken.len();
        for block in taken {
            blocks.give(block, &mut held);
        }
        assert_eq!(blocks.in_use(), 0);
        assert_eq!(take_all(&mut blocks, &mut held).len(), count);
    }
}
