//! Conversions between the kernel's integer types and Rust's. They are lossless unless their names
//! say otherwise: `usize` has 64 bits ([`target`](crate::target) refuses other targets).

#![expect(clippy::as_conversions, reason = "usize has 64 bits")]

/// Converts a length, a count or an address to the type that the kernel's structs use.
pub(crate) const fn to_u64(value: usize) -> u64 {
    value as u64
}

/// Converts a number of the kernel's structs to the width of a register.
pub(crate) const fn from_u64(value: u64) -> usize {
    value as usize
}

/// Returns the low 16 bits: of the result of a poll, its events.
pub(crate) const fn low_16(value: u64) -> u16 {
    value as u16
}

/// Returns the upper 32 bits: of a request's id, its generation.
pub(crate) const fn high_32(value: u64) -> u32 {
    (value >> 32) as u32
}

/// Converts an index or a count, for arithmetic with lengths.
pub(crate) const fn from_u32(value: u32) -> usize {
    value as usize
}

/// Converts a file descriptor to the width of a register, sign-extended.
pub(crate) const fn from_i32(value: i32) -> usize {
    value as usize
}

/// Converts a file descriptor that a system call returned.
pub(crate) const fn to_i32(value: usize) -> i32 {
    value as i32
}

/// Converts a count; counts above `u32::MAX` become `u32::MAX`.
pub(crate) const fn saturating_u32(value: usize) -> u32 {
    if value > from_u32(u32::MAX) { u32::MAX } else { value as u32 }
}
