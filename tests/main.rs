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
#![allow(
    clippy::std_instead_of_core,
    clippy::alloc_instead_of_core,
    clippy::multiple_unsafe_ops_per_block,
    reason = "tests are programs with std, and play out several raw calls in a row"
)]

mod bad_buffers;
mod buffers;
mod cancel;
mod close_file;
mod conversions;
mod copy;
mod drop_in_flight;
mod drop_panics;
mod explanations;
mod failing_device;
mod fork;
mod full_disk;
mod interference;
mod kernel_facts;
mod leak;
mod mixed;
mod moves;
mod notify;
mod options;
mod poll;
mod probe;
mod random_operations;
mod raw_layer;
mod read_write;
mod ring_counts;
mod ring_doubt;
mod ring_fork;
mod ring_peek;
mod ring_wraps;
mod scope_exits;
mod scope_swap;
mod setup_errors;
mod signal_mask;
mod slow_device;
mod strays;
mod submit_full;
mod submit_refused;
mod submit_stopped;
mod support;
mod sync;
mod threads;
mod vectored;
mod wait;
