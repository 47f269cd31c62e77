//! [`Ledger`]: checks that each request completes once, with its own buffer.

use std::collections::HashMap;

/// The tags of the requests that have not completed, with the addresses of their buffers.
#[derive(Default)]
pub struct Ledger {
    pending: HashMap<usize, usize>,
    completed: usize,
}

impl Ledger {
    /// Records a request that is about to be submitted.
    pub fn add(&mut self, tag: usize, buf: &[u8]) {
        let before = self.pending.insert(tag, buf.as_ptr().addr());
        assert_eq!(before, None, "tag {tag} is in use");
    }

    /// Records that a request has completed, with its own buffer.
    pub fn complete(&mut self, tag: usize, buf: &[u8]) {
        let address = self.pending.remove(&tag);
        let address = address.unwrap_or_else(|| panic!("tag {tag} completed before"));
        assert_eq!(address, buf.as_ptr().addr(), "tag {tag} completed with another buffer");
        self.completed += 1;
    }

    /// Checks that all requests have completed, and returns how many these are.
    pub fn finish(self) -> usize {
        let pending = self.pending.keys().collect::<Vec<_>>();
        assert!(pending.is_empty(), "the requests {pending:?} have not completed");
        self.completed
    }
}
