//! Files by Linux native AIO under tokio, without a thread for each request.
//!
//! * [`file`] has [`File`](file::File), with `read_at`, `write_at`, `read_exact_at`, `write_all_at` and
//!   `sync_data`. It works under any executor.
//! * [`local`] has the task that runs the driver on a current-thread runtime (or any `LocalSet`).
//! * [`shared`] has the thread that runs the driver for a multi-thread runtime.
//!
//! Copy what you need. Direct I/O (`O_DIRECT`) is what makes native AIO asynchronous: see
//! [`file::open_direct`].

pub mod file;
pub mod local;
pub mod shared;
