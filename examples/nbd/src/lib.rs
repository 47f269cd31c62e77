//! An NBD server on one thread, for reading: how an event loop on `linux_aio` is written.
//!
//! | file | |
//! |---|---|
//! | `server/` | the event loop |
//! | `queue.rs` | the requests of a turn, and what their tags mean |
//! | `conn/` | a client: from bytes to requests, and back to replies |
//! | `input.rs`, `output.rs` | its socket |
//! | `wire.rs`, `handshake.rs`, `geometry.rs` | the protocol, as functions from bytes to values |
//! | `work.rs`, `slow.rs` | what connections share; TRIM and WRITE_ZEROES |
//! | `disk/`, `export.rs` | the file, by AIO and by other calls |
//! | `blocks.rs` | the memory for data |
//! | `args.rs`, `listener.rs`, `signals.rs`, `log.rs`, `stats.rs`, `slab.rs` | the rest |

#![forbid(unsafe_code)]

pub mod args;
pub mod blocks;
pub mod conn;
pub mod disk;
pub mod export;
pub mod geometry;
pub mod handshake;
pub mod input;
pub mod listener;
pub mod log;
pub mod output;
pub mod queue;
pub mod server;
pub mod signals;
pub mod slab;
pub mod slow;
pub mod stats;
pub mod wire;
pub mod work;
