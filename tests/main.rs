//! Tests of the crate on the real kernel. Each module tests one part of its behaviour.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    missing_docs,
    unreachable_pub,
    reason = "a test panics when it fails"
)]
#![allow(
    clippy::std_instead_of_core,
    clippy::alloc_instead_of_core,
    clippy::multiple_unsafe_ops_per_block,
    reason = "tests are programs with std, and make several raw calls in a row"
)]

mod buffer_reuse;
mod buffers;
mod busy_poll;
mod cancel;
mod capacity;
mod close_file;
mod completion_info;
mod copy;
mod direct;
mod doctor;
mod driver;
mod driver_drops;
mod driver_shared;
mod drop_in_flight;
mod drop_panics;
mod errors_of_programs;
mod eventfd;
mod failing_device;
mod faulty_kernel;
mod flags_and_priority;
mod fork;
mod fork_direct_reads;
mod full_disk;
mod invalid_memory;
mod kernel_assumptions;
mod leak;
mod log;
mod mixed_operations;
mod move_context;
mod no_rest;
mod owned_files;
mod poll;
mod pool;
mod probe;
mod probe_truth;
mod random_operations;
mod raw_buf;
mod raw_layer;
mod read_write;
mod repeat_request;
mod request_errors;
mod rest;
mod ring_control;
mod ring_fork;
mod ring_inconsistent;
mod ring_reader;
mod ring_wraps;
mod scope_exits;
mod scope_swap;
mod setup_errors;
mod signal_mask;
mod slow_device;
mod spurious_events;
mod static_batch;
mod stats;
mod submit_errors;
mod submit_full;
mod submit_one;
mod submit_refused;
mod support;
mod sync;
mod system_calls;
mod threads;
mod vectored;
mod wait;
mod wait_one;
mod write_and_sync;
