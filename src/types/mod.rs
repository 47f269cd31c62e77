//! The kernel's small types: error numbers, descriptors, flags, priorities, signal sets.

pub(crate) mod cast;
pub(crate) mod errno;
mod fd;
mod flags;
mod priority;
mod sigset;

pub use errno::Errno;
pub use fd::Fd;
pub use flags::{Opcode, PollEvents, RwFlags};
pub use priority::{Priority, PriorityClass};
pub use sigset::SignalSet;
