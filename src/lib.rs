//! Linux native asynchronous I/O without std, libc or an allocator.
//!
//! The [`guide`] has pages on buffers, pools, durability, event loops, programs without std, depth and
//! more, and on the way from libaio, Python or io_uring.
//!
//! # The states of a request
//!
//! The kernel needs the file until `io_submit` returns, and the buffer until the request completes.
//! Each state of a request is a type. Buffer and tag move from one to the next:
//!
//! ```text
//! Request<F, B, T> ──push──▶ Batch<F, B, T, K> ──submit──▶ Context<B, T> ──reap, wait──▶ Completion<B, T>
//! what to do;                not submitted yet;            in flight;                    buffer and tag are
//! owns the buffer B          at most K, in order           the file may be closed        returned, with the result
//! ```
//!
//! * `F` keeps the file open: [`Borrowed`] for `&File`, or an owner like `Arc<File>`
//!   ([`IntoFile`]).
//! * `B` is the buffer, an [`IoBuf`]: [`PageBuf`], `Box<[u8]>`, `Vec<u8>`, or within a
//!   [scope](Context::scope) anything borrowed, `&[u8]`, `&mut [u8]`, [`Buf`].
//! * `T` is the tag, of any type. The completion contains it, so that the program can identify the
//!   request.
//!
//! ```
//! use linux_aio::{Batch, Context, PageBuf, Request};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = tempfile::NamedTempFile::new()?.into_temp_path();
//! # std::fs::write(&path, [7; 8192])?;
//! let file = std::fs::File::open(&path)?;
//! let mut cx = Context::<PageBuf, u64>::new(64)?;
//! let mut batch = Batch::<_, _, _, 64>::new();
//! for block in 0..2 {
//!     batch.push(Request::read(&file, PageBuf::new(4096)?, block * 4096).tag(block))?;
//! }
//! cx.submit(&mut batch)?;
//! drop(batch);
//! drop(file); // the kernel has its own reference
//! while cx.outstanding() > 0 {
//!     for done in cx.wait(1, None)? {
//!         let bytes = done.bytes()?;
//!         println!("block {}: {bytes} bytes, the first is {}", done.tag, done.buf[0]);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Guarantees
//!
//! * Safe code cannot access, move, free or re-borrow a buffer that is in flight. Leaking any value
//!   of this crate is safe.
//! * Each request that was submitted has exactly one completion, also if the kernel refused it.
//! * Requests that could not be submitted stay in the batch, in order.
//! * The message of an error says which call or request failed, why, and what to do. So does the
//!   `Debug` form, which `main` prints. (An [`Errno`] alone, such as `done.result` has, names no
//!   call: use [`Completion::bytes`].)
//! * A method that can reject a value has a twin whose name begins with `try_`. The twin returns
//!   the value; the method drops it, so that `?` converts its error to any error type.
//!
//! # Features
//!
//! None is enabled by default. `alloc`: `Box<[u8]>` and `Vec<u8>` as buffers. `std` (includes
//! `alloc`): any type that is `AsFd` as a file, and conversions to `std::io::Error`.

#![no_std]
// docs.rs builds with this cfg and a nightly compiler, which then shows what needs a feature.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod target;

#[cfg(all(test, not(feature = "std")))]
compile_error!("the tests need the feature `std`: cargo test --features std");

/// Runs the programs of the README as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test, linux_aio_fake))]
extern crate std;

pub mod abi;
pub mod direct;
pub mod raw;

/// Random programs on the fake kernel, for tests and the fuzzer. Not part of the public API.
#[cfg(any(test, linux_aio_fake))]
#[doc(hidden)]
pub mod simulation;

#[cfg(any(doc, doctest))]
pub mod guide;

mod buf;
#[cfg(doctest)]
mod compile_fail;
mod completion;
mod context;
mod driver;
mod error;
mod probe;
mod request;
mod ring;
mod slots;
mod sys;
mod types;

pub use buf::{
    Buf, BufPool, IntoBuf, IoBuf, IoBufMut, IoBytes, IoSlice, IoSliceMut, IoVecs, PageBuf,
    PageKind, Pieces, PoolBuf, RawBuf, RawVecs,
};
pub use completion::{Completion, CompletionInfo, Completions, Outcome};
pub use context::{BusyPoll, CancelResult, Context, Stats, scope};
#[cfg(feature = "std")]
pub use driver::Shared;
pub use driver::{Driver, Local, Op, Permit, Room, Sharing};
pub use error::{
    ContextError, DirectError, Error, Full, PieceCountError, RangeError, RequestError, SetupError,
    StartError, SubmitError, SubmitOneError, Submitted, WriteSyncError,
};
pub use probe::{Probe, Support};
pub use request::{Batch, Borrowed, IntoFile, RawFile, Request, RequestInfo, op};
pub use slots::{InFlight, RequestId};
pub use types::{Errno, Fd, Opcode, PollEvents, Priority, PriorityClass, RwFlags, SignalSet};
