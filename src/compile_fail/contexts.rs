//! Misuse of contexts: use during a scope, use after a scope, use by two threads.
//!
//! # A context that is used during its scope
//!
//! ```compile_fail,E0499
//! # use linux_aio::*;
//! let mut cx = Context::<PageBuf, ()>::new(1)?;
//! cx.scope(|inner: &mut Context<&mut [u8], ()>| -> Result<usize, Error> {
//!     Ok(cx.reap()?.count() + inner.reap()?.count())
//! })?;
//! # Ok::<(), Error>(())
//! ```
//!
//! # The context of a scope that is returned from the scope
//!
//! ```compile_fail
//! # use linux_aio::*;
//! let mut cx = Context::<PageBuf, ()>::new(1)?;
//! let inner = cx.scope(|inner: &mut Context<&mut [u8], ()>| Ok::<_, Error>(inner))?;
//! # Ok::<(), Error>(())
//! ```
//!
//! # A context from which two threads take completions
//!
//! A context can be sent to another thread, but not shared.
//!
//! ```
//! # use linux_aio::*;
//! let mut cx = Context::<PageBuf, ()>::new(1)?;
//! std::thread::scope(|threads| {
//!     threads.spawn(|| cx.reap().unwrap().count());
//! });
//! # Ok::<(), Error>(())
//! ```
//!
//! ```compile_fail,E0499
//! # use linux_aio::*;
//! let mut cx = Context::<PageBuf, ()>::new(1)?;
//! std::thread::scope(|threads| {
//!     threads.spawn(|| cx.reap().unwrap().count());
//!     threads.spawn(|| cx.reap().unwrap().count());
//! });
//! # Ok::<(), Error>(())
//! ```
//!
//! ```compile_fail,E0277
//! # use linux_aio::*;
//! let cx = Context::<PageBuf, ()>::new(1)?;
//! std::thread::scope(|threads| {
//!     threads.spawn(|| cx.outstanding());
//! });
//! # Ok::<(), Error>(())
//! ```
//!
//! It cannot be sent if its tags cannot be sent:
//!
//! ```compile_fail,E0277
//! # use linux_aio::*;
//! let cx = Context::<PageBuf, std::rc::Rc<()>>::new(1)?;
//! std::thread::spawn(move || drop(cx));
//! # Ok::<(), Error>(())
//! ```
