//! The kinds of operations: the type parameter `O` of a [`Request`](crate::Request). A request has
//! the options that the kernel supports for its kind.

/// A read or write. It has flags and a priority.
#[derive(Clone, Copy, Debug)]
pub enum Transfer {}

/// An fsync or fdsync. It has neither flags nor a priority.
#[derive(Clone, Copy, Debug)]
pub enum Sync {}

/// A poll. It has events to wait for.
#[derive(Clone, Copy, Debug)]
pub enum Poll {}

/// An operation of any kind, as in a batch. Its options cannot be changed.
#[derive(Clone, Copy, Debug)]
pub enum Any {}
