//! Numbers between the kernel's types and Rust's. Nothing is lost: the crate is for targets where
//! `usize` has 64 bits ([`target`](crate::target) refuses every other).

#![expect(clippy::as_conversions, reason = "usize has 64 bits")]

/// A length, a count or an address, as the kernel's structs have it.
pub(crate) const fn to_u64(value: usize) -> u64 {
    value as u64
}

/// A number of the kernel's structs, as a register has it.
pub(crate) const fn from_u64(value: u64) -> usize {
    value as usize
}

/// What the kernel has in the low 16 bits of a number: the events of a poll.
pub(crate) const fn low_16(value: u64) -> u16 {
    value as u16
}

/// An index or a count, for arithmetic with lengths.
pub(crate) const fn from_u32(value: u32) -> usize {
    value as usize
}

/// A file descriptor, as a register has it: sign-extended.
pub(crate) const fn from_i32(value: i32) -> usize {
    value as usize
}

/// A file descriptor that the kernel has returned.
pub(crate) const fn to_i32(value: usize) -> i32 {
    value as i32
}

/// The page of an address, in 32 bits: a number that differs between mappings.
pub(crate) const fn page_of(address: u64) -> u32 {
    (address >> 12) as u32
}

/// A count that need not be exact beyond what any table holds.
pub(crate) const fn saturating_u32(value: usize) -> u32 {
    if value > from_u32(u32::MAX) { u32::MAX } else { value as u32 }
}
