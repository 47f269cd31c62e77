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
//! 1. Submit the writes. 2. Take all their completions; submit the rest of each short one. 3. If none failed, submit
//!    one sync. 4. Only when it has succeeded, tell others that the data is there.
//!
//! ```
//! use linux_aio::{Batch, Context, PageBuf, Request};
//! use std::{fs::File, io};
//!
//! /// Writes blocks at the start of a file. When it returns, they are on stable storage.
//! fn write_durably(file: &File, blocks: Vec<PageBuf>) -> io::Result<()> {
//!     let mut cx = Context::<PageBuf, ()>::new(8)?;
//!     let mut batch = Batch::<_, _, _, 8>::new();
//!     let (mut offset, mut blocks) = (0, blocks.into_iter());
//!     loop {
//!         while !batch.is_full() && cx.outstanding() + batch.len() < cx.capacity() {
//!             let Some(block) = blocks.next() else { break };
//!             let len = block.len() as u64;
//!             batch.push(Request::write(file, block, offset))?;
//!             offset += len;
//!         }
//!         if batch.is_empty() && cx.outstanding() == 0 {
//!             break;
//!         }
//!         cx.submit(&mut batch)?;
//!         for done in cx.wait(1, None)? {
//!             match done.into_rest_aligned(file, 4096) {
//!                 Ok(rest) => batch.push(rest)?,
//!                 Err(done) if done.result == Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
//!                 Err(done) => drop(done.bytes()?), // all of it, or an error
//!             }
//!         }
//!     }
//!     cx.submit_one(Request::fdsync(file).with_buf(PageBuf::empty()))?;
//!     for synced in cx.wait_all(None)? {
//!         synced.bytes()?;
//!     }
//!     Ok(())
//! }
//! # fn main() -> io::Result<()> {
//! # let file = tempfile::tempfile()?;
//! # let blocks = (0..20).map(|_| PageBuf::new(4096)).collect::<Result<Vec<_>, _>>()?;
//! # write_durably(&file, blocks)?;
//! # assert_eq!(file.metadata()?.len(), 20 * 4096);
//! # Ok(())
//! # }
//! ```
//!
//! (Returning early with an error is safe: the context waits for what is in flight when it is dropped.)
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
//! [`Request::fdsync`]: crate::Request::fdsync
//! [`Request::fsync`]: crate::Request::fsync
//! [`RwFlags::ATOMIC`]: crate::RwFlags::ATOMIC
//! [`RwFlags::DSYNC`]: crate::RwFlags::DSYNC
//! [`RwFlags::SYNC`]: crate::RwFlags::SYNC
