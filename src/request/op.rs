//! The kinds of operations: the type parameter `O` of a [`Request`](crate::Request). A request has
//! the options that the kernel supports for its kind.

/// A read or write. It has flags and a priority.
///
/// ```
/// use linux_aio::{Borrowed, PageBuf, Request, RwFlags, op};
/// use std::fs::File;
///
/// type Any<'fd> = Request<Borrowed<'fd>, PageBuf, (), op::Any>;
/// type Read<'fd> = Request<Borrowed<'fd>, PageBuf, (), op::Transfer>;
/// type Sync<'fd> = Request<Borrowed<'fd>, (), (), op::Sync>;
/// type Poll<'fd> = Request<Borrowed<'fd>, (), (), op::Poll>;
///
/// /// One type for requests of all kinds. Their options must have been set before.
/// fn three(file: &File) -> Result<[Any<'_>; 3], linux_aio::Error> {
///     let read: Read<'_> = Request::read(file, PageBuf::new(4096)?, 0).flags(RwFlags::NOWAIT);
///     let sync: Sync<'_> = Request::fsync(file);
///     let poll: Poll<'_> = Request::poll(file);
///     Ok([
///         read.into_any(),
///         sync.with_buf(PageBuf::empty()).into_any(),
///         poll.with_buf(PageBuf::empty()).into_any(),
///     ])
/// }
/// # three(&tempfile::tempfile().unwrap()).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Transfer {}

/// An fsync or fdsync. It has neither flags nor a priority.
#[derive(Clone, Copy, Debug)]
pub enum Sync {}

/// A poll. It has events to wait for.
#[derive(Clone, Copy, Debug)]
pub enum Poll {}

/// An operation of any kind, as in a batch. Its options cannot be changed.
#[derive(Clone, Copy, Debug)]
pub enum Any {}
