//! An account of what was submitted: everything comes back, once, and nothing else does.

use std::collections::HashMap;

/// Tags that are out, with the addresses of their buffers.
#[derive(Default)]
pub struct Ledger {
    out: HashMap<usize, usize>,
    returned: usize,
}

impl Ledger {
    /// Notes a request on its way.
    pub fn lend(&mut self, tag: usize, buf: &[u8]) {
        let before = self.out.insert(tag, buf.as_ptr().addr());
        assert_eq!(before, None, "tag {tag} is out already");
    }

    /// Notes that a request has come back, with its own buffer.
    pub fn take_back(&mut self, tag: usize, buf: &[u8]) {
        let address = self.out.remove(&tag);
        let address = address.unwrap_or_else(|| panic!("tag {tag} is not out: it came twice"));
        assert_eq!(address, buf.as_ptr().addr(), "tag {tag} came back with another's buffer");
        self.returned += 1;
    }

    /// Says how many have come back, after which none may be out.
    pub fn settle(self) -> usize {
        assert!(self.out.is_empty(), "{} never came back: {:?}", self.out.len(), self.out.keys());
        self.returned
    }
}
