//! Where buffers come from when there are many requests.
//!
//! Making a buffer is slow: a [`PageBuf`] is a mapping of its own, which is made and removed by system
//! calls, and whose pages the kernel clears when they are touched first. So make buffers once, and use
//! them again.
//!
//! # The buffer of the completion
//!
//! A loop that keeps the same number of requests in flight needs no pool. It makes a buffer for each of
//! them at the start, and each completion returns one, as in [`first_program`](super::first_program).
//!
//! # A pool
//!
//! [`BufPool`] is for everything else: when the number of requests varies, when buffers go through
//! channels and other threads, when data is kept for a while. All buffers are in one mapping, if possible
//! in huge pages, which makes large direct transfers faster. A [`PoolBuf`] goes back to its pool when it is
//! dropped, wherever that happens, without a system call.
//!
//! ```
//! use linux_aio::{BufPool, Context, PoolBuf, Request};
//! use std::io::{Seek as _, SeekFrom};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let file = tempfile::tempfile()?;
//! # file.set_len(1 << 20)?;
//! let len = (&file).seek(SeekFrom::End(0))?; // of a disk too, where `metadata` says 0
//! let pool = BufPool::new(4, 65_536)?;
//! let mut cx = Context::<PoolBuf, u64>::new(4)?;
//! let (mut next, mut total) = (0, 0);
//! while next < len || cx.outstanding() > 0 {
//!     // As many requests as there are buffers. The pool is the limit of the memory.
//!     while next < len && let Some(buf) = pool.take() {
//!         cx.submit_one(Request::read(&file, buf, next).tag(next))?;
//!         next += 65_536;
//!     }
//!     for done in cx.wait(1, None)? {
//!         total += done.bytes()? as u64;
//!         // `done.buf` goes back to the pool here.
//!     }
//! }
//! assert_eq!((total, pool.available()), (len, 4));
//! # Ok(())
//! # }
//! ```
//!
//! Each request that fails, is dropped in a batch, or is given back by an error, gives its buffer back to
//! the pool too. A buffer in flight stays with the kernel until its request completes.
//!
//! # Pages
//!
//! [`BufPool::new`] asks for transparent huge pages, which the kernel gives if it has them. [`BufPool::with_pages`] can
//! ask for others, and the pool says what it has:
//!
//! ```
//! use linux_aio::{BufPool, PageKind};
//!
//! # fn main() -> Result<(), linux_aio::Error> {
//! let mut pool = BufPool::with_pages(16, 262_144, PageKind::HugeTlb)?;
//! pool.touch(); // all memory is there now, so that no transfer waits for it
//! match pool.pages() {
//!     PageKind::HugeTlb => println!("in huge pages of the reserve"),
//!     PageKind::Transparent => println!("{:?} bytes are in huge pages", pool.huge_bytes()),
//!     pages => println!("in pages of the kind {pages:?}"),
//! }
//! assert_eq!((pool.count(), pool.len_bytes()), (16, 262_144));
//! # Ok(())
//! # }
//! ```
//!
//! # How large
//!
//! The memory in use is the number of buffers times their length: 64 buffers of 256 KiB are 16 MiB.
//! [`depth_and_batch`](super::depth_and_batch) says how many are useful.
//!
//! [`BufPool`]: crate::BufPool
//! [`BufPool::new`]: crate::BufPool::new
//! [`BufPool::with_pages`]: crate::BufPool::with_pages
//! [`PageBuf`]: crate::PageBuf
//! [`PoolBuf`]: crate::PoolBuf
