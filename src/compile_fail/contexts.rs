//! Contexts that are shared, leaked, or carried out of a scope.
//!
//! # A context that is used while a scope on it runs
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
//! # A scope's context that is carried out of it
//!
//! ```compile_fail
//! # use linux_aio::*;
//! let mut cx = Context::<PageBuf, ()>::new(1)?;
//! let inner = cx.scope(|inner: &mut Context<&mut [u8], ()>| Ok::<_, Error>(inner))?;
//! # Ok::<(), Error>(())
//! ```
//!
//! # A context that two threads take completions from
//!
//! It can be sent, but not shared.
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
//! Nor sent, if a tag may not be:
//!
//! ```compile_fail,E0277
//! # use linux_aio::*;
//! let cx = Context::<PageBuf, std::rc::Rc<()>>::new(1)?;
//! std::thread::spawn(move || drop(cx));
//! # Ok::<(), Error>(())
//! ```
