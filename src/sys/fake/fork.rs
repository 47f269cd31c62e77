//! A forked child, which the same thread executes.

use super::{State, memory::Contents};

impl State {
    /// Starts the execution of a child, with a copy of the process's private memory.
    pub(super) fn enter_child(&mut self) -> Contents {
        assert!(!self.in_child, "the fake kernel does not support a child of a child");
        self.in_child = true;
        self.mappings.fork()
    }

    /// Continues the execution of the parent, with its own memory.
    pub(super) fn leave_child(&mut self, contents: &Contents) {
        self.in_child = false;
        self.mappings.put_back(contents);
    }
}
