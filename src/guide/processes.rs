//! Signals, `fork`, threads, and the end of a program.
//!
//! # Signals
//!
//! * [`Context::wait`] goes on after a signal, until its deadline. It returns no error for one.
//! * [`Context::wait_with_mask`] is for programs that must react to signals in time. They block the signals in the
//!   thread, and only this wait lets them through, as `ppoll(2)` does. If one arrives, it returns
//!   [`ContextError::Interrupted`].
//! * Another way is a descriptor that becomes readable on a signal (`signalfd(2)`, a pipe of `signal-hook`), with a
//!   [poll](crate::Request::poll) of it in the same context.
//! * A write to a pipe or socket that nobody reads raises `SIGPIPE`, and a write beyond `RLIMIT_FSIZE` raises `SIGXFSZ`,
//!   as `write(2)` does. Rust's runtime ignores `SIGPIPE`; programs without std must do so themselves.
//!
//! # `fork`
//!
//! A forked child cannot use its parent's contexts: each method returns [`ContextError::Forked`], and dropping the handle
//! does nothing. It can make contexts of its own. `std::process::Command` forks, and then calls `exec`, which is no
//! problem.
//!
//! Two cases need care. A child that leaves a scope with a read in flight is aborted. And before Linux 6.5, a direct
//! read into a *part* of a page can lose bytes if the process forks meanwhile, so read into whole pages.
//! [`kernels`](super::kernels#fork) has the details.
//!
//! # Threads
//!
//! A context is used by one thread at a time: it is `Send`, not `Sync`. Choose:
//!
//! | | |
//! |---|---|
//! | a context in each thread | the usual way; nothing is shared. Each counts against `fs.aio-max-nr` |
//! | one thread for all I/O | other threads send it requests through a channel, and get completions back. Requests that own their files and buffers can be sent |
//! | a mutex around the context | only for short calls: while one thread waits in `wait`, no other can submit |
//!
//! ```
//! use linux_aio::{Context, PageBuf, Request};
//! use std::{fs::File, sync::{Arc, mpsc}, thread};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let file = Arc::new(File::open("/proc/self/exe")?);
//! let (requests, incoming) = mpsc::channel::<Request<Arc<File>, PageBuf, u64>>();
//! let (outgoing, completions) = mpsc::channel();
//! let io = thread::spawn(move || -> Result<(), linux_aio::Error> {
//!     let mut cx = Context::<PageBuf, u64>::new(64)?;
//!     for request in incoming {
//!         cx.submit_one(request)?;
//!         for done in cx.wait_all(None)? {
//!             let _receiver_gone = outgoing.send(done);
//!         }
//!     }
//!     Ok(())
//! });
//! for block in 0..4 {
//!     requests.send(Request::read(file.clone(), PageBuf::new(4096)?, block * 4096).tag(block))?;
//! }
//! drop(requests);
//! for done in completions {
//!     println!("block {}: {} bytes", done.tag, done.bytes()?);
//! }
//! io.join().expect("the thread has panicked")?;
//! # Ok(())
//! # }
//! ```
//!
//! (This one takes one request at a time. A real one takes from the channel what is there, submits it as a batch, and
//! learns of new requests by an eventfd, see [`event_loops`](super::event_loops).)
//!
//! A thread must not be ended in the middle of a scope by `pthread_exit` or the like: the frame of the scope would be
//! gone while the kernel uses the buffers.
//!
//! # The end
//!
//! Dropping a context waits for its requests in flight, and drops their buffers. That takes 24 to 64 ms even if it is
//! idle, because the kernel waits for a grace period. [`Context::close`] does the same and returns errors. So make few
//! contexts, and keep them. A process that exits without dropping its contexts is safe: the kernel waits for the
//! requests.
//!
//! A leaked context (`mem::forget`) leaks its buffers and its share of `fs.aio-max-nr` until the process ends, and
//! nothing else.
//!
//! [`Context::close`]: crate::Context::close
//! [`Context::wait`]: crate::Context::wait
//! [`Context::wait_with_mask`]: crate::Context::wait_with_mask
//! [`ContextError::Forked`]: crate::ContextError::Forked
//! [`ContextError::Interrupted`]: crate::ContextError::Interrupted
