//! Requests that are used twice, or have options that the operation does not have.
//!
//! # A request used twice
//!
//! ```compile_fail,E0382
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let request = Request::read(&file, PageBuf::new(512)?, 0);
//! let mut batch = Batch::<_, _, _, 2>::new();
//! batch.push(request)?;
//! batch.push(request)?; // without this line, it compiles: see above
//! # Ok::<(), Error>(())
//! ```
//!
//! # Options that an operation does not have
//!
//! None is ignored: it does not compile.
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
//! A range of bytes of pieces:
//!
//! ```compile_fail,E0277
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let pieces = [IoSlice::new(b"x")];
//! Request::writev(&file, &pieces[..], 0)?.range(..0);
//! # Ok::<(), Error>(())
//! ```
//!
//! A buffer in place of another one, once the request is made:
//!
//! ```compile_fail,E0599
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! Request::read(&file, PageBuf::empty(), 0).with_buf(PageBuf::empty());
//! ```
//!
//! # A tag that asks for more alignment than a page has
//!
//! ```compile_fail,E0080
//! # use linux_aio::*;
//! #[repr(align(8192))]
//! struct Wide;
//! Context::<PageBuf, Wide>::new(1)?; // with 4096, it compiles
//! # Ok::<(), Error>(())
//! ```
//!
//! # A batch without room
//!
//! ```compile_fail,E0080
//! # use linux_aio::*;
//! Batch::<Borrowed, PageBuf, (), 0>::new();
//! ```
