//! How many requests in flight, how many in a batch, how large each.
//!
//! | number | what it is | a good start |
//! |---|---|---|
//! | depth | requests in flight: how many the program keeps submitted, up to the [capacity](crate::Context::new) | 32 for flash of any kind, 4 to 16 for a rotating disk |
//! | batch | requests of one `io_submit`: the `K` of [`Batch`](crate::Batch), and how many are in it | 8 to 64 |
//! | length | bytes of a request | 4 to 16 KiB if that is what is needed; 128 KiB to 1 MiB for a whole file |
//!
//! Then measure on the disk that counts, with twice and half of each. The example `copy` measures by itself, and has the
//! options `--depth` and `--block`.
//!
//! # Depth
//!
//! The throughput is the depth divided by the time of one request, until the device is at its limit. From there on, more
//! requests only wait longer. For small reads of a fast disk the limit is often near 32 to 128. Large requests
//! reach it with less: four of 1 MiB are usually enough.
//!
//! The memory is depth times length. A device has a limit of its own (`/sys/block/*/queue/nr_requests`): if it is
//! reached, `io_submit` waits.
//!
//! `capacity` counts against `fs.aio-max-nr`, 65,536 requests for the whole machine by default, also while nothing is in
//! flight. Ask for what is used.
//!
//! # Batch
//!
//! A system call for each batch: in a batch of 32, a request takes less than a third of the instructions of a request
//! submitted alone. More than 64 in a batch gain little. But a batch must not be waited for: a loop that collects 32
//! requests before it submits keeps the device idle meanwhile. Take what has completed, push a new request for each, and
//! submit once: at a high load the batches become large by themselves.
//!
//! `K` can be smaller than the capacity. If the batch is full, submit it and go on.
//!
//! # How long to wait
//!
//! | call | for |
//! |---|---|
//! | `wait(1, None)` | the usual loop: at least one, and all that have completed |
//! | `wait(n, Some(timeout))` | fewer and larger batches, at the price of latency |
//! | `reap()` | to take what is there and do something else; reads shared memory, without a system call |
//! | `wait_all(None)` | the end of a phase, such as before a sync |
//!
//! # Low depth
//!
//! With one to four requests in flight, most of the time is that of going to sleep and waking up.
//! [`Context::set_busy_poll`](crate::Context::set_busy_poll) makes a wait look at the completion ring for a while before it
//! sleeps. It costs CPU time.
//!
//! ```
//! use linux_aio::{BusyPoll, Context, PageBuf};
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), linux_aio::Error> {
//! let mut cx = Context::<PageBuf, ()>::new(4)?;
//! cx.set_busy_poll(BusyPoll::Adaptive(Duration::from_micros(150)));
//! if !cx.busy_polls() {
//!     println!("the completion ring cannot be read here, so waits sleep");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Check that it is asynchronous
//!
//! None of this helps if the kernel executes the requests inside `io_submit`.
//! [`Stats::completed_in_submit`](crate::Stats::completed_in_submit) close to `accepted` says so:
//!
//! ```
//! use linux_aio::{Context, PageBuf, Request};
//!
//! # fn main() -> std::io::Result<()> {
//! let file = std::fs::File::open("/proc/self/exe")?; // through the page cache
//! let mut cx = Context::<PageBuf, ()>::new(1)?;
//! for block in 0..8 {
//!     cx.submit_one(Request::read(&file, PageBuf::new(4096)?, block * 4096))?;
//!     cx.wait_one(None)?;
//! }
//! let stats = cx.stats();
//! if cx.reads_ring() {
//!     assert_eq!((stats.accepted, stats.completed_in_submit), (8, 8)); // not asynchronous
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`when_not`](super::when_not) lists the reasons.
