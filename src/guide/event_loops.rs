//! epoll, tokio, futures, and polls as requests.
//!
//! A program that waits for other things too has four ways:
//!
//! | | when |
//! |---|---|
//! | the eventfd of the context in the program's event loop | there is one already: epoll, tokio, mio, async-io |
//! | futures of a [`Driver`] | the program is asynchronous: any executor, many tasks with requests of their own |
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
//! The eventfd in an `AsyncFd`. This needs the features `net` and `rt` of tokio, and a runtime with `enable_io`
//! (`#[tokio::main]` and `Runtime::new` have it). Since tokio 1.53.3, `AsyncFd::new` and `with_interest` are deprecated:
//! tokio must rely on the descriptor to stay open, so that `register_with_interest`, which replaces them, is unsafe.
//!
//! ```
//! use linux_aio::{Batch, Context, Fd, PageBuf, Request};
//! use rustix::event::{EventfdFlags, eventfd};
//! use std::{fs::File, io};
//! use tokio::io::{Interest, unix::AsyncFd};
//!
//! /// Reads the first blocks of a file.
//! async fn first_blocks(file: &File) -> io::Result<usize> {
//!     let mut cx = Context::<PageBuf, u64>::new(8)?;
//!     let wakeup = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
//!     cx.set_eventfd(Some(Fd::from(&wakeup)))?;
//!     // SAFETY: the `AsyncFd` owns the `OwnedFd`, which keeps its descriptor open and never replaces it.
//!     let wakeup = unsafe { AsyncFd::register_with_interest(wakeup, Interest::READABLE) }?;
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
//! If the future is dropped, the context waits for what is in flight, and blocks its thread for that long. For many tasks
//! use a driver.
//!
//! # Futures
//!
//! A [`Driver`] makes a future of each request. The requests of all tasks share a context and its system calls, and a
//! future can be dropped at any time: the driver keeps the buffer until the kernel has released it. It knows no executor:
//! one task of the program, or the executor itself, calls [`turn`](crate::Driver::turn) or [`park`](crate::Driver::park).
//!
//! ```
//! use linux_aio::{Driver, PageBuf, Request};
//! use std::{
//!     convert::Infallible,
//!     fs::File,
//!     future::{Future as _, poll_fn},
//!     io,
//!     pin::{Pin, pin},
//!     rc::Rc,
//!     sync::Arc,
//!     task::{Poll, ready},
//! };
//! use tokio::{
//!     io::{Interest, unix::AsyncFd},
//!     runtime::Builder,
//!     task::{LocalSet, spawn_local},
//! };
//!
//! type Files = Driver<PageBuf, Arc<File>>;
//!
//! /// The task that submits what other tasks have started, and wakes them. It ends if the driver fails.
//! async fn turns(driver: Rc<Files>) -> io::Result<Infallible> {
//!     // SAFETY: the driver keeps its eventfd open and never replaces it. The `AsyncFd` keeps the driver.
//!     let eventfd = unsafe { AsyncFd::register_with_interest(Rc::clone(&driver), Interest::READABLE) }?;
//!     loop {
//!         poll_fn(|cx| {
//!             if driver.poll_staged(cx.waker()).is_ready() {
//!                 return Poll::Ready(Ok(()));
//!             }
//!             // The readiness is cleared first: what comes during the turn sets it again.
//!             Poll::Ready(ready!(eventfd.poll_read_ready(cx)).map(|mut ready| ready.clear_ready()))
//!         })
//!         .await?;
//!         driver.turn()?;
//!     }
//! }
//!
//! /// A task with two requests in flight.
//! async fn two_blocks(driver: &Files, file: Arc<File>) -> io::Result<usize> {
//!     let first = driver.start(Request::read(file.clone(), PageBuf::new(4096)?, 0))?;
//!     let second = driver.start(Request::read(file, PageBuf::new(4096)?, 4096))?;
//!     Ok(first.await.bytes()? + second.await.bytes()?)
//! }
//!
//! fn main() -> io::Result<()> {
//!     let file = Arc::new(File::open("/proc/self/exe")?); // an `Arc<File>`; `&file` would be a borrowed file
//!     let runtime = Builder::new_current_thread().enable_io().build()?;
//!     let bytes = runtime.block_on(LocalSet::new().run_until(async {
//!         let driver = Rc::new(Files::new(8)?);
//!         let mut turns = spawn_local(turns(Rc::clone(&driver)));
//!         let mut work = pin!(two_blocks(&driver, file)); // which may start other tasks by `spawn_local`
//!         // Until the work is done or the driver fails: `tokio::select!`, with the feature `macros`.
//!         let result = poll_fn(|cx| match Pin::new(&mut turns).poll(cx) {
//!             Poll::Ready(ended) => Poll::Ready(ended?.map(|never| match never {})),
//!             Poll::Pending => work.as_mut().poll(cx),
//!         })
//!         .await;
//!         turns.abort(); // It has a reference to the driver, and would not end.
//!         result
//!     }))?;
//!     println!("{bytes} bytes");
//! #   assert_eq!(bytes, 8192);
//!     Ok(())
//! }
//! ```
//!
//! If `turns` returns an error, nobody submits or wakes any more: the futures of the driver stay pending, and tasks that
//! await them hang. So a program waits for `turns` too, as `main` does here, and ends or makes another driver. A request
//! that fails is no error of `turns`; its own future returns it.
//!
//! [`start`](crate::Driver::start) drops a request for which there is no room, and
//! [`try_start`](crate::Driver::try_start) returns it in its error. [`room`](crate::Driver::room) waits until there is room:
//!
//! ```
//! use linux_aio::{Completion, Driver, Error, Local, Op, PageBuf, Permit, Request, Room, Sharing, StartError};
//! use std::{fs::File, sync::Arc};
//!
//! type Read = Request<Arc<File>, PageBuf>;
//!
//! /// Starts a read if there is room. Otherwise returns it.
//! fn try_read(driver: &Driver<PageBuf, Arc<File>>, read: Read) -> Result<Op<'_, PageBuf, Arc<File>>, Read> {
//!     driver.try_start(read).map_err(|StartError { request, .. }| request)
//! }
//!
//! /// Waits for room, and reads. `S` is `Local`, or `Shared` for several threads.
//! async fn read<S: Sharing>(
//!     driver: &Driver<PageBuf, Arc<File>, S>,
//!     read: Read,
//! ) -> Result<Completion<PageBuf, ()>, Error> {
//!     let room: Room<'_, _, _, S> = driver.room();
//!     let permit: Permit<'_, _, _, S> = room.await; // first come, first served
//!     Ok(permit.start(read)?.await)
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let file = Arc::new(File::open("/proc/self/exe")?);
//! let driver = Driver::<_, _, Local>::new(2)?;
//! let read_block = |block: u64| Ok::<_, Error>(Request::read(file.clone(), PageBuf::new(4096)?, block * 4096));
//! let first = try_read(&driver, read_block(0)?).expect("there is room for two");
//! let second = try_read(&driver, read_block(1)?).expect("there is room for one");
//! assert!(try_read(&driver, read_block(2)?).is_err());
//! assert_eq!((driver.capacity(), driver.free(), driver.staged()), (2, 0, 2));
//! drop(first); // it was not submitted, so it is withdrawn
//! driver.flush()?; // submits the second
//! drop(second); // given up: the driver drops its buffer when it has completed
//! assert!(driver.orphans() <= 1 && driver.in_flight() <= 1);
//! while driver.free() < 2 {
//!     driver.park(None)?;
//! }
//! # let _future = read(&driver, read_block(0)?);
//! # Ok(())
//! # }
//! ```
//!
//! `Driver::shared` (feature `std`) makes a driver for several threads: `Driver<B, F, Shared>`. The
//! package `examples/tokio` in the repository has this for one thread and for several, with a `File` type.
//!
//! # Polls as requests
//!
//! One wait for sockets, timers (`timerfd_create(2)`), signals (`signalfd(2)`) and disk I/O. A poll is for one time, and
//! can be [cancelled](crate::Context::cancel).
//!
//! A context and a driver have one type of buffer, also for polls and syncs, which use none. They get an empty one:
//! `.with_buf(PageBuf::empty())`. For buffers that cannot be empty, such as those of a pool, the type is `Option<B>`:
//! `Request::read(file, Some(buf), 0)`, `Request::poll(socket).with_buf(None)`. A batch and a driver have one type of
//! owner for all files: sockets and files are both `Arc<OwnedFd>`, or `Rc<OwnedFd>` in one thread.
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
//! To end a connection whose poll is in flight, call `shutdown(2)` for both directions: the poll completes, with
//! `PollEvents::HUP`. Closing the descriptor does not end it.
//!
//! Do not submit reads of a pipe or socket that may block: they block `submit`. Poll, then read.
//!
//! [`Driver`]: crate::Driver
//! [`Context::set_eventfd`]: crate::Context::set_eventfd
