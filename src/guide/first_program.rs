//! A first program: direct reads of a file, eight at a time.
//!
//! ```toml
//! [dependencies]
//! linux-aio = { version = "0.1", features = ["std"] }
//! ```
//!
//! Without the feature `std`, the compiler says "`&File` is not a file for a request", and that
//! `From<SetupError>` is not implemented for `std::io::Error`.
//!
//! ```
//! use linux_aio::{Batch, Context, PageBuf, Request, direct::OpenDirect as _};
//! use std::{fs::File, path::Path};
//!
//! const BLOCK: usize = 65_536; // a multiple of the block size of the device, 512 or 4096
//! const DEPTH: usize = 8; // requests in flight
//!
//! /// Returns the sum of all bytes of a file.
//! fn sum(path: &Path) -> Result<u64, Box<dyn std::error::Error>> {
//!     let file = File::options().read(true).open_direct(path)?;
//!     let mut cx = Context::<PageBuf, u64>::new(DEPTH)?;
//!     let mut batch = Batch::<_, _, _, DEPTH>::new();
//!
//!     // The first blocks, in one system call. The tag is the offset.
//!     let mut next = 0;
//!     for _ in 0..DEPTH {
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
//!             sum += done.transferred().iter().map(|&byte| u64::from(byte)).sum::<u64>();
//!             if bytes == BLOCK {
//!                 batch.push(Request::read(&file, done.buf, next).tag(next))?;
//!                 next += BLOCK as u64;
//!             } // a shorter read has reached the end of the file
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
//! * The buffer of a completion is used for the next request. A batch that is empty is submitted without
//!   a system call.
//!
//! # In order
//!
//! Completions come in any order. A program that needs the blocks in the order of the file, to compute a hash or to write
//! to a pipe, keeps those that are early:
//!
//! ```
//! use linux_aio::{BufPool, Context, PoolBuf, Request};
//! use std::{collections::BTreeMap, fs::File};
//!
//! /// Passes the blocks of a file to a function, in order.
//! fn blocks(file: &File, mut f: impl FnMut(&[u8])) -> Result<(), Box<dyn std::error::Error>> {
//!     let len = file.metadata()?.len();
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
//!                 return Err("a short read: the file was changed meanwhile".into());
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
//! | a read completes with `EINVAL` | address, offset or length is not a multiple of what the device needs: [`Alignment::of`] says what that is |
//! | `Context::new` fails with `EAGAIN` | `fs.aio-max-nr` is used up; the message has the numbers |
//! | `Context::new` fails with `ENOSYS` or `EPERM` | a sandbox or an emulator: [`kernels`](super::kernels) |
//! | it is not faster than `read` | [`Stats::completed_in_submit`](crate::Stats::completed_in_submit) is close to `accepted`: the kernel executed the requests in `submit`. See [`when_not`](super::when_not) |
//!
//! The number of `O_DIRECT` differs between x86_64 and aarch64. [`direct::O_DIRECT`](crate::direct::O_DIRECT) has the
//! right one, for other ways to open a file. The module [`direct`](crate::direct) also shows how files of any length are
//! read and written.
//!
//! [`Alignment::of`]: crate::direct::Alignment::of
