//! Misuse of files: a file that is closed too early.
//!
//! # A batch that outlives its file
//!
//! ```compile_fail,E0505
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let mut batch = Batch::<_, _, _, 1>::new();
//! batch.push(Request::read(&file, PageBuf::new(512)?, 0))?;
//! drop(file); // compiles after `cx.submit(&mut batch)` and `drop(batch)`: see the crate's first example
//! Context::<_, _>::new(1)?.submit(&mut batch)?;
//! # Ok::<(), Error>(())
//! ```
//!
//! A batch in a struct that outlives the borrow does not accept borrowed files. It accepts owned files:
//!
//! ```
//! # use linux_aio::*; use std::{fs::File, sync::Arc};
//! struct Server {
//!     file: Arc<File>,
//!     batch: Batch<Arc<File>, PageBuf, (), 8>,
//! }
//! fn read(server: &mut Server) -> Result<(), Error> {
//!     let file = Arc::clone(&server.file);
//!     Ok(server.batch.push(Request::read(file, PageBuf::new(512)?, 0))?)
//! }
//! ```
//!
//! ```compile_fail,E0521
//! # use linux_aio::*; use std::fs::File;
//! struct Server {
//!     batch: Batch<Borrowed<'static>, PageBuf, (), 8>,
//! }
//! fn read(server: &mut Server, file: &File) -> Result<(), Error> {
//!     Ok(server.batch.push(Request::read(file, PageBuf::new(512)?, 0))?)
//! }
//! ```
//!
//! All files in a batch have the same type of owner:
//!
//! ```compile_fail,E0308
//! # use linux_aio::*; let file = std::sync::Arc::new(tempfile::tempfile().unwrap());
//! let mut batch = Batch::<_, _, _, 2>::new();
//! batch.push(Request::fsync(file.clone()))?;
//! batch.push(Request::fsync(&*file))?; // borrowed
//! # Ok::<(), Error>(())
//! ```
//!
//! A request that is made from a completion needs its file until it is submitted:
//!
//! ```compile_fail,E0505
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let mut cx = Context::<PageBuf, ()>::new(1)?;
//! cx.submit_one(Request::read(&file, PageBuf::new(512)?, 0))?;
//! let again = cx.wait_one(None)?.unwrap().into_request(&file).unwrap();
//! drop(file); // compiles after `cx.submit_one(again)`
//! cx.submit_one(again)?;
//! # Ok::<(), Error>(())
//! ```
//!
//! An eventfd is borrowed like the file:
//!
//! ```compile_fail,E0505
//! # use linux_aio::*; let [file, eventfd] = [(); 2].map(|()| tempfile::tempfile().unwrap());
//! let request = Request::fsync(&file).eventfd(&eventfd);
//! drop(eventfd); // use `eventfd_owned(eventfd)` to move it into the request
//! println!("{request:?}");
//! ```
