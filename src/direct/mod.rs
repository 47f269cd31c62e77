//! Direct I/O: how to open a file for it, what must be aligned to what, and unaligned ends.
//!
//! Native AIO is asynchronous for direct I/O only. Direct transfers bypass the page cache, so the
//! kernel requires three numbers to be multiples of an [`Alignment`]: the address of the memory,
//! the offset in the file, and the length. Otherwise the request completes with `EINVAL`.
//!
//! | to | use |
//! |---|---|
//! | open a file for direct I/O | `OpenDirect::open_direct` (feature `std`), or the flag [`O_DIRECT`] |
//! | find out the alignment | [`Alignment::of`] |
//! | have aligned memory | [`PageBuf`](crate::PageBuf) |
//! | read any part of a file | [`Alignment::blocks`] |
//! | write a file of any length | [`Alignment::align_up_len`], then `set_len`, as below |
//!
//! # Reading to the end of a file
//!
//! Read whole blocks, also the last one, which is longer than the rest of the file. The result is
//! the number of bytes that the file has there; the remainder of the buffer is unchanged.
//!
//! The length is where `seek` finds the end, for files and for block devices. The length in the
//! `metadata` of a block device is 0.
//!
//! ```
//! use linux_aio::{Batch, Context, PageBuf, Request, direct::{Alignment, OpenDirect}};
//! use std::{fs::File, io::{self, Seek as _, SeekFrom}};
//!
//! # fn main() -> io::Result<()> {
//! # let path = tempfile::NamedTempFile::new()?.into_temp_path();
//! # std::fs::write(&path, [7; 10_000])?;
//! let file = File::options().read(true).open_direct(&path)?;
//! let block = Alignment::of(&file)?.align_up_len(4096).ok_or(io::ErrorKind::InvalidInput)?;
//! let len = (&file).seek(SeekFrom::End(0))?;
//!
//! let mut cx = Context::<PageBuf, ()>::new(4)?;
//! let mut batch = Batch::<_, _, _, 4>::new();
//! for offset in (0..len).step_by(block) {
//!     batch.push(Request::read(&file, PageBuf::new(block)?, offset))?;
//! }
//! cx.submit(&mut batch)?;
//! let mut bytes = 0;
//! for done in cx.wait_all(None)? {
//!     bytes += done.bytes()?; // `done.transferred()` is the data
//! }
//! assert_eq!(bytes as u64, len); // otherwise a read was short: the file was truncated, or its device failed
//! # Ok(())
//! # }
//! ```
//!
//! # Writing a file of any length
//!
//! Write whole blocks: pad the last one with zeros. Then give the file its length with `set_len`,
//! and only then sync, since the length must be on stable storage too.
//! [`Context::write_and_sync`](crate::Context::write_and_sync) syncs before that. After it, call
//! `set_len` and `sync_data` all the same.
//!
//! ```
//! use linux_aio::{Context, PageBuf, Request, direct::{Alignment, OpenDirect}};
//! use std::{fs::File, io};
//!
//! # fn main() -> io::Result<()> {
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("file");
//! let data = [7; 10_000];
//! let file = File::options().write(true).create(true).truncate(true).open_direct(&path)?;
//! let padded = Alignment::of(&file)?.align_up_len(data.len()).ok_or(io::ErrorKind::InvalidInput)?;
//! let mut buf = PageBuf::new(padded)?; // zeros
//! buf[..data.len()].copy_from_slice(&data);
//!
//! let mut cx = Context::<PageBuf, ()>::new(1)?;
//! cx.submit_one(Request::write(&file, buf, 0))?;
//! for done in cx.wait_all(None)? {
//!     assert_eq!(done.bytes()?, padded);
//! }
//! file.set_len(data.len() as u64)?;
//! file.sync_data()?;
//! # drop(file);
//! # assert_eq!(std::fs::read(&path)?, data);
//! # Ok(())
//! # }
//! ```
//!
//! # Changing a part of a file
//!
//! Read the blocks that contain the part, change them in memory, and write them.
//! [`Alignment::blocks`] computes where they are. If the last block reaches beyond the end of the
//! file, the write extends the file: call `set_len` afterwards, with the length that it had.
//!
//! **This is not the way to append to a log.** The write replaces a block whose other bytes are
//! valid, and a crash meanwhile may damage them too. Begin what is appended in a new block:
//! `guide::durability` has a program.
//!
//! ```
//! use linux_aio::{Context, PageBuf, Request, direct::{Alignment, OpenDirect}};
//! use std::{fs::File, io};
//!
//! # fn main() -> io::Result<()> {
//! # let path = tempfile::NamedTempFile::new()?.into_temp_path();
//! # std::fs::write(&path, [7; 10_000])?;
//! let (offset, new) = (9_990, b"replaced"); // in the last block, which the file has in part
//! let file = File::options().read(true).write(true).open_direct(&path)?;
//! let len = file.metadata()?.len();
//! let blocks = Alignment::of(&file)?.blocks(offset, new.len()).ok_or(io::ErrorKind::InvalidInput)?;
//!
//! let mut cx = Context::<PageBuf, ()>::new(1)?;
//! cx.submit_one(Request::read(&file, PageBuf::new(blocks.len)?, blocks.offset))?;
//! let read = cx.wait_one(None)?.ok_or(io::ErrorKind::Other)?;
//! read.bytes()?; // fewer bytes than `blocks.len` at the end of the file; zeros follow
//! let mut buf = read.buf;
//! buf[blocks.part].copy_from_slice(new);
//! cx.submit_one(Request::write(&file, buf, blocks.offset))?;
//! let written = cx.wait_one(None)?.ok_or(io::ErrorKind::Other)?;
//! assert_eq!(written.bytes()?, blocks.len);
//! file.set_len(len)?; // not for a block device, which has no padding
//! file.sync_data()?;
//! # drop(file);
//! # let now = std::fs::read(&path)?;
//! # assert_eq!((now.len(), &now[9_990..9_998], now[9_998]), (10_000, &new[..], 7));
//! # Ok(())
//! # }
//! ```
//!
//! These are several steps. Another program that changes the same block, or the same program with
//! two requests in flight for one block, can undo a change. A crash between the steps leaves the
//! padding in the file: a reader must know the length of the data in another way (a header, a
//! checksum).
//!
//! Do not mix direct and buffered writes of the same range, nor direct I/O and `mmap`.

mod alignment;
mod blocks;
mod find;
#[cfg(feature = "std")]
mod open;
#[cfg(test)]
mod tests;

#[doc(inline)]
pub use crate::abi::O_DIRECT;
pub use alignment::Alignment;
pub use blocks::Blocks;
#[cfg(feature = "std")]
pub use open::OpenDirect;
