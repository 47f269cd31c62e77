//! Misuse of drivers: borrowed buffers and files, futures that outlive the driver, use by two threads.
//!
//! # A borrowed buffer
//!
//! ```
//! # use linux_aio::*;
//! # use std::{fs::File, sync::Arc};
//! # let file = Arc::new(tempfile::tempfile()?);
//! let driver = Driver::<_, Arc<File>>::new(1)?;
//! let buf = vec![0; 512];
//! let op = driver.start(Request::read(file, buf, 0))?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! ```compile_fail,E0597
//! # use linux_aio::*;
//! # use std::{fs::File, sync::Arc};
//! # let file = Arc::new(tempfile::tempfile()?);
//! let driver = Driver::<_, Arc<File>>::new(1)?;
//! let mut buf = vec![0; 512];
//! let op = driver.start(Request::read(file, &mut buf[..], 0))?;
//! # drop(op);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # A borrowed file
//!
//! The future may be leaked before its request is submitted, and the file closed.
//!
//! ```compile_fail,E0597
//! # use linux_aio::*;
//! # let file = tempfile::tempfile()?;
//! let driver = Driver::<Vec<u8>, Borrowed<'static>>::new(1)?;
//! std::mem::forget(driver.start(Request::read(&file, vec![0; 512], 0))?);
//! drop(file);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # A driver that is dropped or moved before its futures
//!
//! ```compile_fail,E0505
//! # use linux_aio::*;
//! # use std::{fs::File, sync::Arc};
//! # let file = Arc::new(tempfile::tempfile()?);
//! let driver = Driver::<_, Arc<File>>::new(1)?;
//! let op = driver.start(Request::read(file, vec![0; 512], 0))?;
//! drop(driver);
//! drop(op);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! ```compile_fail,E0505
//! # use linux_aio::*;
//! let driver = Driver::<Vec<u8>, std::fs::File>::new(1)?;
//! let room = driver.room();
//! let moved = Box::new(driver);
//! drop(room);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # A place in the queue that is moved
//!
//! ```
//! # use linux_aio::*;
//! # use std::{future::Future, pin::pin, task::{Context, Waker}};
//! let driver = Driver::<Vec<u8>, std::fs::File>::new(1)?;
//! let mut room = pin!(driver.room());
//! assert!(room.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! ```compile_fail,E0277
//! # use linux_aio::*;
//! # use std::{future::Future, pin::Pin, task::{Context, Waker}};
//! let driver = Driver::<Vec<u8>, std::fs::File>::new(1)?;
//! let mut room = driver.room();
//! let _ = Pin::new(&mut room).poll(&mut Context::from_waker(Waker::noop()));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # A driver for one thread that several threads use
//!
//! It can be moved to another thread. `Driver::shared` makes one for several threads.
//!
//! ```
//! # use linux_aio::*;
//! let driver = Driver::<Vec<u8>, std::fs::File>::new(1)?;
//! std::thread::spawn(move || driver.turn().unwrap()).join().unwrap();
//! let driver = Driver::<Vec<u8>, std::fs::File, _>::shared(1)?;
//! std::thread::scope(|threads| {
//!     threads.spawn(|| driver.turn().unwrap());
//! });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! ```compile_fail,E0277
//! # use linux_aio::*;
//! let driver = Driver::<Vec<u8>, std::fs::File>::new(1)?;
//! std::thread::scope(|threads| {
//!     threads.spawn(|| driver.turn().unwrap());
//! });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Neither can its futures be sent:
//!
//! ```compile_fail,E0277
//! # use linux_aio::*;
//! # use std::{fs::File, sync::Arc};
//! # let file = Arc::new(tempfile::tempfile()?);
//! let driver = Driver::<_, Arc<File>>::new(1)?;
//! let op = driver.start(Request::read(file, vec![0; 512], 0))?;
//! std::thread::scope(|threads| {
//!     threads.spawn(move || drop(op));
//! });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A shared one needs files and buffers that can be sent:
//!
//! ```compile_fail,E0277
//! # use linux_aio::*;
//! # use std::{fs::File, rc::Rc};
//! let driver = Driver::<Vec<u8>, Rc<File>, _>::shared(1)?;
//! std::thread::scope(|threads| {
//!     threads.spawn(|| driver.turn().unwrap());
//! });
//! # Ok::<(), std::io::Error>(())
//! ```
