//! Misuse of requests: a request that is used twice, an option that the operation does not have.
//!
//! # A request used twice
//!
//! ```compile_fail,E0382
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let request = Request::read(&file, PageBuf::new(512)?, 0);
//! let mut batch = Batch::<_, _, _, 2>::new();
//! batch.push(request)?;
//! batch.push(request)?; // compiles without this line
//! # Ok::<(), Error>(())
//! ```
//!
//! # Options that an operation does not have
//!
//! Such options are not ignored; the program does not compile.
//!
//! ```
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! Request::write(&file, &b"x"[..], 0).flags(RwFlags::DSYNC).priority(Priority::from_raw(0)).range(..0)?;
//! Request::poll(&file).events(PollEvents::IN).eventfd(&file);
//! # Ok::<(), Error>(())
//! ```
//!
//! ```compile_fail,E0599
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! Request::fsync(&file).flags(RwFlags::DSYNC);
//! ```
//!
//! ```compile_fail,E0599
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! Request::poll(&file).priority(Priority::from_raw(0));
//! ```
//!
//! ```compile_fail,E0599
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! Request::read(&file, PageBuf::empty(), 0).events(PollEvents::IN);
//! ```
//!
//! A range of bytes of a vectored request:
//!
//! ```compile_fail,E0277
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let pieces = [IoSlice::new(b"x")];
//! Request::writev(&file, &pieces[..], 0)?.range(..0);
//! # Ok::<(), Error>(())
//! ```
//!
//! A new buffer for a request that has one:
//!
//! ```compile_fail,E0599
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! Request::read(&file, PageBuf::empty(), 0).with_buf(PageBuf::empty());
//! ```
//!
//! # A tag with an alignment larger than a page
//!
//! ```compile_fail,E0080
//! # use linux_aio::*;
//! #[repr(align(8192))]
//! struct Wide;
//! Context::<PageBuf, Wide>::new(1)?; // compiles with 4096
//! # Ok::<(), Error>(())
//! ```
//!
//! # A batch of capacity 0
//!
//! ```compile_fail,E0080
//! # use linux_aio::*;
//! Batch::<Borrowed, PageBuf, (), 0>::new();
//! ```
