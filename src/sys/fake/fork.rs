//! A forked child, played by the same thread.

use super::{State, memory::Contents};

impl State {
    /// The calls come from a child from now on, which has a copy of the process's private memory.
    pub(super) fn enter_child(&mut self) -> Contents {
        assert!(!self.in_child, "a child of a child is not modelled");
        self.in_child = true;
        self.mappings.fork()
    }

    /// They come from the parent again, whose memory the child could not change.
    pub(super) fn leave_child(&mut self, contents: &Contents) {
        self.in_child = false;
        self.mappings.put_back(contents);
    }
}
