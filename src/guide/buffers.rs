//! Owned or borrowed buffers, several types of them, and types of your own.
//!
//! | the program | buffer | context |
//! |---|---|---|
//! | uses direct I/O | [`PageBuf`], or a [pool](super::pools) | [`Context::new`] |
//! | uses the heap | `Vec<u8>`, `Box<[u8]>` (feature `alloc`) | [`Context::new`] |
//! | reads into memory that it has already | `&mut [u8]`, `&[u8]` | a [scope](crate::scope) |
//! | transfers several pieces at once | [`Pieces`]; in a scope `&mut [IoSliceMut]`, `&[IoSlice]` | either |
//! | mixes types | an `enum`, or in a scope [`Buf`] | either |
//! | shares memory with others: guests, devices | [`RawBuf`], [`RawVecs`] (unsafe) | [`Context::new`] |
//!
//! # Owned buffers
//!
//! A buffer moves into the request, and back out with the completion. So it cannot be used while the
//! kernel does, and leaking anything is safe. A context of owned buffers can be stored in a struct,
//! returned, and sent to another thread.
//!
//! ```
//! use linux_aio::{Context, Request};
//!
//! # fn main() -> std::io::Result<()> {
//! # let file = tempfile::tempfile()?;
//! let mut cx = Context::<Vec<u8>, &str>::new(2)?;
//! cx.submit_one(Request::write(&file, b"hello".to_vec(), 0).tag("greeting"))?;
//! for done in cx.wait_all(None)? {
//!     let buf: Vec<u8> = done.buf; // returned
//!     assert_eq!((done.tag, buf.len()), ("greeting", 5));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Of a `Vec`, the bytes up to its length are used, not its capacity: make it with `vec![0; n]`.
//! [`range`](crate::Request::range) restricts a request to a part of its buffer.
//!
//! # Borrowed buffers
//!
//! They are used in a scope. Whatever ends the scope, it returns only when the kernel has released
//! every buffer:
//!
//! ```
//! use linux_aio::{Context, Request};
//!
//! # fn main() -> std::io::Result<()> {
//! # let file = tempfile::tempfile()?;
//! let (head, tail) = ([1; 16], [2; 16]);
//! let mut cx = Context::<(), ()>::new(2)?;
//! cx.scope(|cx| -> std::io::Result<()> {
//!     cx.submit_one(Request::write(&file, &head[..], 0))?;
//!     cx.submit_one(Request::write(&file, &tail[..], 16))?;
//!     for done in cx.wait_all(None)? {
//!         done.bytes()?;
//!     }
//!     Ok(())
//! })?;
//! # Ok(())
//! # }
//! ```
//!
//! One context serves many scopes, one after the other. [`scope`](crate::scope), the function, makes a
//! context for one. Ending a context takes tens of milliseconds, so a program with many scopes keeps
//! its context.
//!
//! Arrays are not buffers, since their bytes move with them: borrow them, `&array[..]`.
//!
//! # Several types in one context
//!
//! All requests of a context have the same type of buffer. For a sync among reads and writes,
//! [`with_buf`] gives it an empty buffer, which the completion returns:
//!
//! ```
//! use linux_aio::{Context, PageBuf, Request};
//!
//! # fn main() -> std::io::Result<()> {
//! # let file = tempfile::tempfile()?;
//! let mut cx = Context::<PageBuf, ()>::new(2)?;
//! cx.submit_one(Request::write(&file, PageBuf::new(4096)?, 0))?;
//! cx.wait_all(None)?.try_for_each(|done| done.bytes().map(drop))?;
//! cx.submit_one(Request::fdsync(&file).with_buf(PageBuf::empty()))?;
//! cx.wait_all(None)?.try_for_each(|done| done.bytes().map(drop))?;
//! # Ok(())
//! # }
//! ```
//!
//! Without it, the compiler reports mismatched types: "expected `Request<_, PageBuf, ..>`, found
//! `Request<_, (), ..>`". `Option<B>` is a buffer too, `None` the empty one. In a scope,
//! [`into_buf`](crate::Request::into_buf) converts the buffer of any request to a [`Buf`].
//!
//! # A type of your own
//!
//! Wrap one of the types above, or implement the unsafe traits [`IoBuf`] and [`IoBytes`], and
//! [`IoBufMut`] for reads. Their documentation numbers the duties. In short: the bytes stay where they
//! are when the value moves, nobody else uses them meanwhile, and a leaked value is never freed.
//!
//! ```
//! use linux_aio::{Context, IoBuf, IoBufMut, IoBytes, Request};
//!
//! /// A block of the heap that begins at a multiple of 4096.
//! struct Block(Box<Aligned>);
//!
//! #[repr(align(4096))]
//! struct Aligned([u8; 4096]);
//!
//! // SAFETY: (1) the bytes are in the box, and do not move with the value; (2) and (3) the value owns
//! // them; (4) the methods return the same each time; (5) all values are equal in length.
//! unsafe impl IoBuf for Block {
//!     fn io_ptr(&mut self) -> *mut u8 {
//!         self.0.0.as_mut_ptr()
//!     }
//!
//!     fn io_len(&self) -> usize {
//!         4096
//!     }
//! }
//!
//! // SAFETY: `io_ptr` points to `io_len` bytes.
//! unsafe impl IoBytes for Block {}
//! // SAFETY: the box is owned, so its bytes may be written.
//! unsafe impl IoBufMut for Block {}
//!
//! # fn main() -> std::io::Result<()> {
//! # let file = tempfile::tempfile()?;
//! # std::io::Write::write_all(&mut &file, b"hello")?;
//! let mut cx = Context::<Block, ()>::new(1)?;
//! cx.submit_one(Request::read(&file, Block(Box::new(Aligned([0; 4096]))), 0))?;
//! for done in cx.wait_all(None)? {
//!     assert_eq!(&done.buf.0.0[..done.bytes()?], b"hello");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`Buf`]: crate::Buf
//! [`Context::new`]: crate::Context::new
//! [`IoBuf`]: crate::IoBuf
//! [`IoBufMut`]: crate::IoBufMut
//! [`IoBytes`]: crate::IoBytes
//! [`PageBuf`]: crate::PageBuf
//! [`Pieces`]: crate::Pieces
//! [`RawBuf`]: crate::RawBuf
//! [`RawVecs`]: crate::RawVecs
//! [`with_buf`]: crate::Request::with_buf
