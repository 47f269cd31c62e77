//! Writes, then syncs; what may be lost, and when.
//!
//! # When data is on stable storage
//!
//! A completed write is not durable, neither buffered nor direct: a direct write bypasses the page cache, but
//! the device has a cache of its own, and the file system keeps the file's length and the place of new blocks in
//! memory. Durable is what a sync, or a write with a flag, has confirmed:
//!
//! | | |
//! |---|---|
//! | [`Request::fdsync`] | the data that was written before, and what is needed to read it (the length) |
//! | [`Request::fsync`] | the same, and all other metadata (times) |
//! | [`RwFlags::DSYNC`] on a write | this write, when it completes, as with `fdsync` |
//! | [`RwFlags::SYNC`] on a write | this write, as with `fsync` |
//!
//! **A sync does not wait for writes in flight.** It covers the writes whose completions were taken before it was
//! submitted. A sync in the same batch as its writes confirms nothing.
//!
//! # Several writes, one sync
//!
//! [`Context::write_and_sync`] executes the writes of a batch, continues short ones, and syncs the file when all are
//! complete. `Ok` means that everything is on stable storage:
//!
//! ```
//! use linux_aio::{Batch, Context, PageBuf, Request};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let file = tempfile::tempfile()?;
//! let mut cx = Context::<PageBuf, ()>::new(8)?;
//! let mut batch = Batch::<_, _, _, 8>::new();
//! for block in 0..8 {
//!     batch.push(Request::write(&file, PageBuf::new(4096)?, block * 4096))?;
//! }
//! cx.write_and_sync(&mut batch, &file, |_done| {})?;
//! println!("the 8 blocks are on stable storage");
//! # Ok(())
//! # }
//! ```
//!
//! It waits until all is done, in a context with nothing else in flight. A program that has other requests in flight makes
//! the steps itself:
//!
//! 1. It submits the writes.
//! 2. It takes all their completions, and submits the rest of each short one.
//! 3. If none failed, it submits one sync.
//! 4. Only when that has succeeded, it tells others that the data is there.
//!
//! One sync for many writes is much cheaper than a flag on each. A log that acknowledges records collects those
//! that arrive while a sync is in flight, writes them together, and syncs once: *group commit*. With
//! [`RwFlags::DSYNC`] no second step is needed, which is simpler for single writes.
//!
//! # New files
//!
//! A new file is found after a crash only if its directory was synced too. The usual order: write to a temporary
//! name, sync the file, rename it, sync the directory. [`Request::fsync`] takes a directory
//! (`File::open("dir")`).
//!
//! # When a sync fails
//!
//! The kernel reports a failed write to the disk once for each open file, by the next sync. Then it forgets it: the
//! next sync may succeed although the data is lost. So do not repeat a sync that failed with `EIO`, `ENOSPC` or
//! `EDQUOT`. Treat everything that was written since the last successful sync as lost, and write it again, best to
//! another file, or end.
//!
//! # What is not promised
//!
//! * A write that is interrupted by a crash may be there in part. Even the blocks of one write may be there in any
//!   combination. Use checksums, or [`RwFlags::ATOMIC`], which few devices have.
//! * Two writes in flight are executed in any order. To order them, wait for the first, and sync if the order must
//!   survive a crash.
//!
//! [`Context::write_and_sync`]: crate::Context::write_and_sync
//! [`Request::fdsync`]: crate::Request::fdsync
//! [`Request::fsync`]: crate::Request::fsync
//! [`RwFlags::ATOMIC`]: crate::RwFlags::ATOMIC
//! [`RwFlags::DSYNC`]: crate::RwFlags::DSYNC
//! [`RwFlags::SYNC`]: crate::RwFlags::SYNC
