//! `?`, the errno, the explanation, and what was rejected.
//!
//! # Three kinds of failure
//!
//! | what failed | where it is reported | what becomes of the requests |
//! |---|---|---|
//! | a call: `Context::new`, `submit`, `wait`, ... | the error of the method | they are in the batch, in flight or completed, as before |
//! | a request | its completion: [`bytes`], [`outcome`], [`result`] | the buffer and the tag are in the completion |
//! | no room, or a wrong argument | the error of the method | dropped by `push`, returned by `try_push` |
//!
//! # `?`
//!
//! It converts every error to `Box<dyn Error>`, `anyhow::Error` and [`linux_aio::Error`](crate::Error), and with the
//! feature `std` to `std::io::Error`. The messages say what failed, why, and what to do, with one exception, below.
//! `main` and `unwrap` print the `Debug` form, which contains the message:
//!
//! ```text
//! Error: SetupError("io_setup: asked for 4000000 requests, but 8 of 65536 are in use machine-wide: ask for
//! fewer, close contexts, or raise the limit (sysctl fs.aio-max-nr)")
//! ```
//!
//! An [`Errno`](crate::Errno) alone has its name and general meaning, but no call: `done.result?` and the errors of
//! `PageBuf::new` and `BufPool::new` say "EINVAL: Invalid argument (os error 22)", and as a `std::io::Error` what `std`
//! says. For requests use `done.bytes()?`. For buffers, a program that wants more adds it:
//! `.map_err(|errno| format!("a pool of {count} buffers: {errno}"))?`.
//!
//! With anyhow, import its trait without the name, which is that of [`Context`](crate::Context) here:
//! `use anyhow::{Context as _, Result};`.
//!
//! For an error type of your own, implement `From<linux_aio::Error>`, and write
//! `.map_err(linux_aio::Error::from)?`.
//!
//! # The result of a request
//!
//! | | `Ok` | `Err` |
//! |---|---|---|
//! | [`result`] | bytes; for a poll the bits of the events, for a sync 0 | [`Errno`](crate::Errno), to compare |
//! | [`bytes`] | bytes | [`RequestError`](crate::RequestError): the errno with its meaning for the operation |
//! | [`outcome`] | [`Outcome`](crate::Outcome), by operation | the same |
//!
//! ```
//! use linux_aio::{Context, Errno, PageBuf, Request};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let file = std::fs::File::open("/dev/null")?; // not open for writing
//! let mut cx = Context::<PageBuf, ()>::new(1)?;
//! cx.submit_one(Request::write(&file, PageBuf::new(4096)?, 0))?;
//! for done in cx.wait_all(None)? {
//!     match done.result {
//!         Err(Errno::ENOSPC) => println!("the disk is full"),
//!         _ => match done.bytes() {
//!             Ok(bytes) => println!("{bytes} bytes"),
//!             Err(error) => println!("{error}"), // write of 4096 bytes at 0: EBADF: ...: the file is not open for writing, ...
//!         },
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What was rejected
//!
//! [`Batch::push`] drops a request for which there is no room. That is right if it cannot happen, as with a
//! batch that is as large as the number of requests. Where it can happen:
//!
//! * ask first: [`Batch::is_full`];
//! * or use [`Batch::try_push`], whose error contains the request.
//!
//! The same holds for [`Context::submit_one`], `Driver::start`, `Permit::start`, `Request::range`, `readv`, `writev` and
//! `Pieces::push`: each has a twin whose name begins with `try_`. The errors of the twins borrow what the request
//! borrows, so `?` cannot convert them to `Box<dyn Error>` and `anyhow::Error`.
//!
//! ```
//! use linux_aio::{Context, ContextError, PageBuf, Request};
//! use std::{collections::VecDeque, fs::File};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let file = std::sync::Arc::new(File::open("/proc/self/exe")?);
//! let mut cx = Context::<PageBuf, u64>::new(2)?;
//! let mut later = VecDeque::new();
//! for block in 0..5 {
//!     let request = Request::read(file.clone(), PageBuf::new(4096)?, block * 4096).tag(block);
//!     match cx.try_submit_one(request) {
//!         Ok(_id) => {}
//!         Err(error) if error.cause == ContextError::Full => later.push_back(error.request),
//!         Err(error) => return Err(error.cause.into()),
//!     }
//! }
//! assert_eq!(later.len(), 3);
//! # Ok(())
//! # }
//! ```
//!
//! # Errors of `submit`
//!
//! [`SubmitError`](crate::SubmitError) has the cause and the numbers of requests that were submitted before. The others
//! are in the batch, in order. After [`ContextError::Again`](crate::ContextError::Again), take completions and submit again.
//! A full context is not an error of `submit`: the rest stays in the batch, so `while !batch.is_empty()` with a
//! `wait` in the loop is enough.
//!
//! [`Batch::is_full`]: crate::Batch::is_full
//! [`Batch::push`]: crate::Batch::push
//! [`Batch::try_push`]: crate::Batch::try_push
//! [`Context::submit_one`]: crate::Context::submit_one
//! [`bytes`]: crate::Completion::bytes
//! [`outcome`]: crate::Completion::outcome
//! [`result`]: crate::Completion::result
