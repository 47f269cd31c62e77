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
//! One sync for many writes is much cheaper than a flag on each. With [`RwFlags::DSYNC`] no second step is needed, which
//! is simpler for single writes.
//!
//! A file whose length is not a multiple of the block size gets its length by `set_len`, after the writes. The sync of
//! `write_and_sync` comes before that, so it does not cover the length: call `sync_data` after `set_len`, as
//! [`direct`](crate::direct#writing-a-file-of-any-length) shows. Or keep the padding, and let the data say where it ends.
//!
//! # Many small records: group commit
//!
//! A log acknowledges a record when it is on stable storage. The records that arrive while a sync is in flight form the
//! next group, which is written and synced together. `write_and_sync` blocks until its group is durable, so
//! it runs in a thread of its own, which takes from a channel whatever has come meanwhile:
//!
//! ```
//! use linux_aio::{Batch, Context, PageBuf, Request};
//! use std::{fs::File, sync::mpsc, thread};
//!
//! const BLOCK: usize = 4096;
//!
//! /// A record, and whom to tell that it is durable.
//! type Append = (Vec<u8>, mpsc::Sender<()>);
//!
//! /// Writes records until all senders are gone. Each group begins in a block of its own.
//! fn committer(file: &File, records: &mpsc::Receiver<Append>) -> Result<(), linux_aio::Error> {
//!     let mut cx = Context::<PageBuf, ()>::new(1)?;
//!     let mut offset = 0; // a real log continues behind its last valid group
//!     while let Ok(first) = records.recv() {
//!         let (mut group, mut waiting) = (Vec::new(), Vec::new());
//!         for (record, durable) in [first].into_iter().chain(records.try_iter()) {
//!             group.extend(record); // a real log adds its length and a checksum
//!             waiting.push(durable);
//!         }
//!         let padded = group.len().next_multiple_of(BLOCK);
//!         let mut buf = PageBuf::new(padded)?;
//!         buf[..group.len()].copy_from_slice(&group);
//!         let mut batch = Batch::<_, _, _, 1>::new();
//!         batch.push(Request::write(file, buf, offset))?;
//!         cx.write_and_sync(&mut batch, file, drop)?;
//!         offset += padded as u64;
//!         // Who has stopped waiting is not told. After an error nobody is: the channels are closed.
//!         waiting.iter().for_each(|durable| drop(durable.send(())));
//!     }
//!     Ok(())
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let file = tempfile::tempfile()?;
//! # let copy = file.try_clone()?;
//! let (log, records) = mpsc::channel();
//! let thread = thread::spawn(move || committer(&file, &records));
//! let (durable, is_durable) = mpsc::channel();
//! log.send((b"a record".to_vec(), durable))?;
//! is_durable.recv()?; // now it is on stable storage; an error if the log has failed
//! drop(log);
//! thread.join().expect("the committer does not panic")?;
//! # assert_eq!(copy.metadata()?.len(), 4096);
//! # Ok(())
//! # }
//! ```
//!
//! The package has a whole log in `examples/log`, with checksums, recovery, a limit for groups, and a check that kills it.
//! Three rules of it:
//!
//! * **It never writes a block again that holds acknowledged records.** A crash during the write may damage the
//!   whole block, also the part that was there before. So each group begins in a new block.
//! * It extends the file ahead of time, by megabytes. A write that extends a file is executed inside of `io_submit`, and
//!   its sync has to write metadata too. `fallocate` reserves the space but leaves it unwritten, and the first write of
//!   each block still changes metadata; only an overwrite of blocks that were written before does not. See
//!   [`when_not`](super::when_not#what-runs-inside-of-io_submit).
//! * After a failed write or sync it appends nothing more, since it does not know what is in the file.
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
