//! The behaviour of the crate on the real kernel: one module a behaviour.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    missing_docs,
    unreachable_pub,
    reason = "tests stop at the first surprise"
)]

mod buffers;
mod read_write;
mod setup_errors;
mod submit_full;
mod submit_refused;
mod submit_stopped;
mod support;
mod wait;
