//! A first program: direct reads of a file, eight at a time.
//!
//! ```toml
//! [dependencies]
//! linux-aio = { version = "0.1", features = ["std"] }
//! ```
//!
//! The programs of the guide are in edition 2024 (`edition = "2024"` in `[package]`).
//!
//! Without the feature `std`, the compiler says "`&File` is not a file for a request", and that
//! `From<SetupError>` is not implemented for `std::io::Error`.
//!
//! ```
//! use linux_aio::{Batch, Context, PageBuf, Request, direct::OpenDirect as _};
//! use std::{
//!     fs::File,
//!     io::{Seek as _, SeekFrom},
//!     path::Path,
//! };
//!
//! const BLOCK: usize = 65_536; // a multiple of the block size of the device, 512 or 4096
//! const DEPTH: usize = 8; // requests in flight
//!
//! /// Returns the sum of all bytes of a file or disk.
//! fn sum(path: &Path) -> Result<u64, Box<dyn std::error::Error>> {
//!     let file = File::options().read(true).open_direct(path)?;
//!     let len = (&file).seek(SeekFrom::End(0))?; // `metadata` says 0 for a disk
//!     let mut cx = Context::<PageBuf, u64>::new(DEPTH)?;
//!     let mut batch = Batch::<_, _, _, DEPTH>::new();
//!
//!     // The first blocks, in one system call. The tag is the offset.
//!     let mut next = 0;
//!     while next < len && !batch.is_full() {
//!         batch.push(Request::read(&file, PageBuf::new(BLOCK)?, next).tag(next))?;
//!         next += BLOCK as u64;
//!     }
//!     cx.submit(&mut batch)?;
//!
//!     // Each block that completes makes room for another one, in the same buffer.
//!     let mut sum = 0;
//!     while cx.outstanding() > 0 {
//!         for done in cx.wait(1, None)? {
//!             let bytes = done.bytes()?; // or an error that says what to do
//!             if bytes as u64 != (len - done.tag).min(BLOCK as u64) {
//!                 return Err(format!("only {bytes} bytes were read at {}", done.tag).into());
//!             }
//!             sum += done.transferred().iter().map(|&byte| u64::from(byte)).sum::<u64>();
//!             if next < len {
//!                 batch.push(Request::read(&file, done.buf, next).tag(next))?;
//!                 next += BLOCK as u64;
//!             }
//!         }
//!         cx.submit(&mut batch)?;
//!     }
//!     Ok(sum)
//! }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = tempfile::NamedTempFile::new()?.into_temp_path();
//! # std::fs::write(&path, vec![1; 1_000_001])?;
//! # if File::options().read(true).open_direct(&path).is_err() {
//! #     return Ok(()); // a file system without direct I/O
//! # }
//! # assert_eq!(sum(&path)?, 1_000_001);
//! # Ok(())
//! # }
//! ```
//!
//! What happens here:
//!
//! * [`PageBuf`](crate::PageBuf) begins at a page, as direct I/O requires. The offset and the length must
//!   be multiples of the block size too.
//! * `wait(1, None)` returns when at least one request has completed, with all that have.
//! * The last block is read in full too: the result is the number of bytes that the file has there. Any other short
//!   read is an error here: the file was truncated meanwhile, or the kernel stopped in the middle, before a block that
//!   the device cannot read. A program that wants to know which submits the [rest](super::short_transfers).
//! * The length is where `seek` finds the end, which works for files and for disks (block devices). The length in the
//!   `metadata` of a disk is 0, and a program that relies on it reads nothing.
//! * The buffer of a completion is used for the next request. A batch that is empty is submitted without
//!   a system call.
//! * `wait` returns an iterator that borrows the context, so a loop over it cannot call `cx.submit_one` (the compiler
//!   says E0499). It pushes to a batch, as here; or the loop is
//!   `while let Some(done) = cx.`[`wait_one`](crate::Context::wait_one)`(None)?`, which borrows nothing.
//!
//! # In order
//!
//! Completions come in any order. A program that needs the blocks in the order of the file, to compute a hash or to write
//! to a pipe, keeps those that are early:
//!
//! ```
//! use linux_aio::{BufPool, Context, PoolBuf, Request};
//! use std::{
//!     collections::BTreeMap,
//!     fs::File,
//!     io::{Seek as _, SeekFrom},
//! };
//!
//! /// Passes the blocks of a file or disk to a function, in order.
//! fn blocks(mut file: &File, mut f: impl FnMut(&[u8])) -> Result<(), Box<dyn std::error::Error>> {
//!     let len = file.seek(SeekFrom::End(0))?;
//!     let pool = BufPool::new(8, 65_536)?;
//!     let mut cx = Context::<PoolBuf, u64>::new(8)?;
//!     let (mut next, mut passed, mut early) = (0, 0, BTreeMap::new());
//!     while passed < len {
//!         // An early block keeps its buffer, so the pool limits how far the reads are ahead.
//!         while next < len && let Some(buf) = pool.take() {
//!             cx.submit_one(Request::read(file, buf, next).tag(next))?;
//!             next += 65_536;
//!         }
//!         for done in cx.wait(1, None)? {
//!             if done.bytes()? as u64 != (len - done.tag).min(65_536) {
//!                 return Err("a short read: the file was truncated, or its device failed".into());
//!             }
//!             early.insert(done.tag, done);
//!         }
//!         while let Some(done) = early.remove(&passed) {
//!             f(done.transferred());
//!             passed += done.transferred().len() as u64;
//!         }
//!     }
//!     Ok(())
//! }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = tempfile::NamedTempFile::new()?.into_temp_path();
//! # let content = (0..1_000_001_u32).map(|index| (index / 1000) as u8).collect::<Vec<_>>();
//! # std::fs::write(&path, &content)?;
//! # let mut read = Vec::new();
//! # blocks(&File::open(&path)?, |block| read.extend_from_slice(block))?;
//! # assert_eq!(read, content);
//! # Ok(())
//! # }
//! ```
//!
//! # If it does not work
//!
//! | what happens | why |
//! |---|---|
//! | `open_direct` fails with the kind `Unsupported` | the file system has no direct I/O, as some in memory |
//! | a read completes with `EINVAL` | address, offset or length is not a multiple of what the device needs: [`Alignment::of`] says what that is, and [`Alignment::suits`] whether a buffer and an offset are |
//! | a read succeeds with 0 bytes | the offset is at or after the end of the file; or the buffer has no bytes: a `Vec` is read into up to its length, not its capacity (`vec![0; 4096]`, not `Vec::with_capacity(4096)`) |
//! | a program reads nothing of a disk | it takes the length from `metadata`, which is 0: use `seek(SeekFrom::End(0))` |
//! | `Context::new` fails with `EAGAIN` | `fs.aio-max-nr` is used up; the message has the numbers |
//! | `Context::new` fails with `ENOSYS` or `EPERM` | a sandbox or an emulator: [`kernels`](super::kernels) |
//! | it is not faster than `read` | [`Stats::completed_in_submit`](crate::Stats::completed_in_submit) is close to `accepted`: the kernel executed the requests in `submit`. See [`when_not`](super::when_not) |
//!
//! The number of `O_DIRECT` differs between x86_64 and aarch64. [`direct::O_DIRECT`](crate::direct::O_DIRECT) has the
//! right one, for other ways to open a file. The module [`direct`](crate::direct) also shows how files of any length are
//! read and written.
//!
//! [`Alignment::of`]: crate::direct::Alignment::of
//! [`Alignment::suits`]: crate::direct::Alignment::suits
