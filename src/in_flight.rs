//! [`InFlight`] and [`RequestId`]: what the kernel has, by name.

use crate::flags::Opcode;

/// The name of one request in flight, within its context.
///
/// It stays the same when the context moves, and is not used again for the next 2^32 requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub(crate) u64);

/// A request that the kernel has, or has just completed.
#[derive(Debug)]
#[non_exhaustive]
pub struct InFlight<'cx, T> {
    /// By which to [cancel](crate::Context::cancel) it.
    pub id: RequestId,
    /// What was attached to it.
    pub tag: &'cx T,
    /// What it does.
    pub opcode: Opcode,
}
