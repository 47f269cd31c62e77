//! The behaviour of the crate on the real kernel: one module a behaviour.
