//! Ends of files, short reads and writes, and requests to repeat.
//!
//! A transfer may be shorter than its buffer, and this is not an error:
//!
//! | operation | result | why |
//! |---|---|---|
//! | read | less than asked for | the file ends there; or the kernel stopped, after an error in the middle or a signal during buffered I/O |
//! | read | 0 | the offset is at or after the end of the file |
//! | write | less than asked for | the device or the limit of the file's size is full, or an error in the middle; the next write reports it |
//! | either | 0x7ffff000 | one request transfers no more (with pages of 4 KiB) |
//!
//! So a program that must have all bytes submits the rest, until nothing is left.
//! [`into_rest`](crate::Completion::into_rest) makes that request, with the same buffer, options and tag. It
//! returns the completion if there is no rest: everything was transferred, or nothing, or the request failed.
//!
//! ```
//! use linux_aio::{Batch, Context, PageBuf, Request};
//! use std::{fs::File, io};
//!
//! /// Reads blocks until they are full. Returns how many bytes the file had.
//! fn read_blocks(file: &File, blocks: u64) -> io::Result<usize> {
//!     let mut cx = Context::<PageBuf, u64>::new(8)?;
//!     let mut batch = Batch::<_, _, _, 8>::new();
//!     for block in 0..blocks {
//!         batch.push(Request::read(file, PageBuf::new(4096)?, block * 4096).tag(block))?;
//!     }
//!     let mut total = 0;
//!     while !batch.is_empty() || cx.outstanding() > 0 {
//!         cx.submit(&mut batch)?;
//!         for done in cx.wait(1, None)? {
//!             match done.into_rest(file) {
//!                 Ok(rest) => batch.push(rest)?, // at most as many as were in flight: there is room
//!                 // Its range begins where an earlier, short transfer has stopped.
//!                 Err(done) => total += done.info().range().start + done.bytes()?,
//!             }
//!         }
//!     }
//!     Ok(total)
//! }
//! # fn main() -> io::Result<()> {
//! # let file = tempfile::tempfile()?;
//! # file.set_len(10_000)?;
//! # assert_eq!(read_blocks(&file, 4)?, 10_000);
//! # Ok(())
//! # }
//! ```
//!
//! # Direct I/O
//!
//! The rest must begin at a block. [`into_rest_aligned`](crate::Completion::into_rest_aligned) goes back to the
//! last block boundary, and transfers a few bytes again. A direct read that stops in the middle of a block has
//! reached the end of the file. So for direct reads a result that is not a multiple of the block size is the
//! end, and no rest is needed. A short result that is a multiple may be the end, or the blocks before one that the device
//! cannot read: the rest completes with 0 bytes, or with the errno. A program that knows the length of the file need
//! not ask: what is shorter than the file is an error, as in [`first_program`](super::first_program).
//!
//! A direct write of a file whose length is not a multiple of the block size writes the last block in full, and
//! then the program sets the length (`File::set_len`). The module [`direct`](crate::direct) has the programs, and
//! [`Alignment`](crate::direct::Alignment) the size of a block.
//!
//! # Requests to repeat
//!
//! | errno | when | what to do |
//! |---|---|---|
//! | `EAGAIN` | with [`RwFlags::NOWAIT`](crate::RwFlags::NOWAIT), or a non-blocking file | repeat it without the flag, or when a poll says so |
//! | `EINTR` | a signal came before anything was transferred | repeat it |
//!
//! [`into_request`](crate::Completion::into_request) makes the same request again. Other errnos of a request do not
//! go away by repeating it.
