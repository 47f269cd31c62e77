//! Linux native asynchronous I/O without std, libc or an allocator.
//!
//! # The life of a request
//!
//! The kernel needs the file until `io_submit` returns, and the buffer until the completion is
//! there. Each state is a type, and buffer and tag move through them one way:
//!
//! ```text
//! Request<'fd, B, T> ──push──▶ Batch<'fd, B, T, K> ──submit──▶ Context<B, T, N> ──reap, wait──▶ Completion<B, T>
//! what to do;                  not yet the kernel's;           in the kernel's hands;           buffer and tag are
//! owns the buffer B            at most K, in order             the file may be closed           back, with the result
//! ```
//!
//! * `B` is the buffer, an [`IoBuf`]: [`PageBuf`], `Box<[u8]>`, `Vec<u8>`, or within a
//!   [scope](Context::scope) anything borrowed, `&[u8]`, `&mut [u8]`, [`Buf`].
//! * `T` is the tag, any type: what the program wants to know again when the request is over.
//!
//! ```
//! use linux_aio::{Batch, Context, PageBuf, Request};
//!
//! # fn main() -> std::io::Result<()> {
//! # let path = tempfile::NamedTempFile::new()?.into_temp_path();
//! # std::fs::write(&path, [7; 8192])?;
//! let file = std::fs::File::open(&path)?;
//! let mut cx = Context::<PageBuf, u64, 64>::new()?;
//! let mut batch = Batch::<_, _, 64>::new();
//! for block in 0..2 {
//!     batch.push(Request::read(&file, PageBuf::new(4096)?, block * 4096).tag(block))?;
//! }
//! cx.submit(&mut batch)?;
//! drop(batch);
//! drop(file); // the kernel has its own reference now
//! while cx.in_flight() > 0 {
//!     for done in cx.wait(1, None)? {
//!         let bytes = done.result?;
//!         println!("block {}: {bytes} bytes, the first is {}", done.tag, done.buf[0]);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! * Safe code cannot touch, move away, free or borrow again a buffer that is in flight. Leaking
//!   anything is safe.
//! * Each request that was submitted has exactly one completion, also if the kernel refused it.
//! * What could not be submitted stays in the batch, in order.
//! * An error says what happened, to what, and what to do.
//!
//! # Features
//!
//! None by default. `alloc`: `Box<[u8]>` and `Vec<u8>` as buffers. `std` (with `alloc`): anything
//! `AsFd` as a file, and conversions to `std::io::Error`.

#![no_std]

mod target;

/// The programs in the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test, fuzzing, miri, linux_aio_model))]
extern crate std;

pub mod abi;
pub mod raw;

/// Scripts for the fuzzer, on a model of the kernel. Not a part of the crate.
#[cfg(any(test, fuzzing, linux_aio_model))]
#[doc(hidden)]
pub mod model {
    pub use crate::script::{Answer, Played, Script, quietly};
}

mod batch;
mod borrowed;
mod buf;
mod cancel;
mod completion;
mod context;
mod deadline;
mod errno;
mod error;
mod fd;
mod flags;
mod fork;
mod in_flight;
mod limits;
mod memory;
#[cfg(doctest)]
mod misuse;
mod notify;
mod outcome;
mod own_fd;
mod page;
mod pages;
mod pieces;
mod priority;
mod probe;
mod reap;
mod request;
mod ring;
mod scope;
#[cfg(any(test, fuzzing, linux_aio_model))]
mod script;
mod signals;
mod slots;
mod stats;
mod submit;
mod sys;
mod vectored;
mod wait;
#[cfg(test)]
mod watchdog;
mod width;

pub use batch::Batch;
pub use borrowed::{Buf, IntoBuf};
pub use buf::{IoBuf, IoBufMut, IoBytes, IoVecs};
pub use cancel::Cancel;
pub use completion::{Completion, Completions};
pub use context::Context;
pub use errno::Errno;
pub use error::{
    ContextError, Error, Full, OutOfRange, PieceCount, RequestError, SetupError, SubmitError,
    Submitted,
};
pub use fd::Fd;
pub use flags::{Opcode, PollEvents, RwFlags};
pub use in_flight::{InFlight, RequestId};
pub use outcome::Outcome;
pub use page::PageBuf;
pub use pieces::Pieces;
pub use priority::{Priority, PriorityClass};
pub use probe::{Probe, Support};
pub use request::{Any, Poll, Request, Sync, Transfer};
pub use scope::scope;
pub use signals::SignalSet;
pub use stats::Stats;
pub use vectored::{IoSlice, IoSliceMut};
