//! epoll, tokio, and polls as requests.
//!
//! A program that waits for other things too has three ways:
//!
//! | | when |
//! |---|---|
//! | the eventfd of the context in the program's event loop | there is one already: epoll, tokio, mio, async-io |
//! | [polls](crate::Request::poll) of sockets and pipes as requests | the context is the event loop; Linux 4.19, reliable since 5.16 |
//! | a thread for I/O | the program has threads anyway, see [`processes`](super::processes#threads) |
//!
//! # The eventfd
//!
//! [`Context::set_eventfd`] names an eventfd whose counter increases by 1 for each completion, also for those of
//! requests that the kernel has refused. The order that misses nothing: **read the eventfd first, then reap.** A
//! completion that comes in between is reaped now or makes the eventfd readable again.
//!
//! # epoll
//!
//! ```
//! use linux_aio::{Batch, Context, Fd, PageBuf, Request};
//! use rustix::event::{EventfdFlags, epoll, eventfd};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let file = std::fs::File::open("/proc/self/exe")?;
//! let mut cx = Context::<PageBuf, u64>::new(8)?;
//! let wakeup = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
//! cx.set_eventfd(Some(Fd::from(&wakeup)))?;
//!
//! let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
//! const AIO: u64 = 1; // sockets would have other numbers
//! epoll::add(&epoll, &wakeup, epoll::EventData::new_u64(AIO), epoll::EventFlags::IN)?;
//!
//! let mut batch = Batch::<_, _, _, 8>::new();
//! for block in 0..8 {
//!     batch.push(Request::read(&file, PageBuf::new(4096)?, block * 4096).tag(block))?;
//! }
//! cx.submit(&mut batch)?;
//!
//! let mut events = [epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) }; 16];
//! let mut blocks = 0;
//! while cx.outstanding() > 0 {
//!     let ready = epoll::wait(&epoll, &mut events, None)?;
//!     for event in &events[..ready] {
//!         match event.data.u64() {
//!             AIO => {
//!                 rustix::io::read(&wakeup, &mut [0; 8])?; // first
//!                 for done in cx.reap()? { // then
//!                     done.bytes()?;
//!                     blocks += 1;
//!                 }
//!             }
//!             _ => unreachable!("the only descriptor"),
//!         }
//!     }
//!     cx.submit(&mut batch)?; // what the loop has added meanwhile, by one call
//! }
//! assert_eq!(blocks, 8);
//! # Ok(())
//! # }
//! ```
//!
//! # tokio
//!
//! The eventfd in an `AsyncFd`. This needs the features `net` and `rt` of tokio.
//!
//! ```
//! use linux_aio::{Batch, Context, Fd, PageBuf, Request};
//! use rustix::event::{EventfdFlags, eventfd};
//! use std::{fs::File, io};
//! use tokio::io::unix::AsyncFd;
//!
//! /// Reads the first blocks of a file.
//! async fn first_blocks(file: &File) -> io::Result<usize> {
//!     let mut cx = Context::<PageBuf, u64>::new(8)?;
//!     let wakeup = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
//!     cx.set_eventfd(Some(Fd::from(&wakeup)))?;
//!     let wakeup = AsyncFd::new(wakeup)?;
//!
//!     let mut total = 0;
//!     {
//!         let mut batch = Batch::<_, _, _, 8>::new();
//!         for block in 0..8 {
//!             batch.push(Request::read(file, PageBuf::new(4096)?, block * 4096).tag(block))?;
//!         }
//!         cx.submit(&mut batch)?;
//!     }
//!     while cx.outstanding() > 0 {
//!         let mut ready = wakeup.readable().await?;
//!         // Clears the readiness when the counter is 0. Then everything is reaped.
//!         let read = ready.try_io(|wakeup| Ok(rustix::io::read(wakeup, &mut [0; 8])?));
//!         if let Ok(read) = read {
//!             read?;
//!         }
//!         for done in cx.reap()? {
//!             total += done.bytes()?;
//!         }
//!     }
//!     Ok(total)
//! }
//! # fn main() -> io::Result<()> {
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
//! # assert_eq!(runtime.block_on(first_blocks(&File::open("/proc/self/exe")?))?, 8 * 4096);
//! # Ok(())
//! # }
//! ```
//!
//! A real program has one task that owns the context, and other tasks send it requests through a channel with a
//! `oneshot` for the answer, so that requests of all tasks share a batch. If the future is dropped, the context waits
//! for what is in flight, and blocks its thread for that long.
//!
//! # Polls as requests
//!
//! One wait for sockets, timers (`timerfd_create(2)`), signals (`signalfd(2)`) and disk I/O. A poll is for one time, and
//! can be [cancelled](crate::Context::cancel):
//!
//! ```
//! use linux_aio::{Context, Outcome, PageBuf, PollEvents, Request};
//! use std::{io::{Read as _, Write as _}, os::unix::net::UnixStream};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let file = std::fs::File::open("/proc/self/exe")?;
//! let (mut here, mut there) = UnixStream::pair()?;
//! let mut cx = Context::<PageBuf, &str>::new(2)?;
//! let poll = Request::poll(&here).events(PollEvents::IN);
//! cx.submit_one(poll.with_buf(PageBuf::empty()).tag("socket"))?;
//! cx.submit_one(Request::read(&file, PageBuf::new(4096)?, 0).tag("file"))?;
//! there.write_all(b"hello")?;
//! let mut said = [0; 5];
//! for done in cx.wait_all(None)? {
//!     match (done.tag, done.outcome()?) {
//!         ("socket", Outcome::Ready { .. }) => here.read_exact(&mut said)?,
//!         (_, outcome) => assert_eq!(outcome, Outcome::Transferred(4096)),
//!     }
//! }
//! assert_eq!(&said, b"hello");
//! # Ok(())
//! # }
//! ```
//!
//! Do not submit reads of a pipe or socket that may block: they block `submit`. Poll, then read.
//!
//! [`Context::set_eventfd`]: crate::Context::set_eventfd
