//! What must not compile. Each misuse stands beside its nearest legal neighbour, so that it is the
//! misuse that is refused and nothing else.
//!
//! The error codes are checked by a nightly toolchain, or by `RUSTC_BOOTSTRAP=1 cargo test --doc`.
//!
//! # A buffer in flight
//!
//! An owned buffer was moved away:
//!
//! ```
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let buf = PageBuf::new(512)?;
//! let mut batch = Batch::<_, _, 1>::new();
//! batch.push(Request::read(&file, buf, 0))?;
//! let mut cx = Context::<_, _, 1>::new()?;
//! cx.submit(&mut batch)?;
//! let buf = cx.wait(1, None)?.next().map(|done| done.buf);
//! println!("{buf:?}");
//! # Ok::<(), Error>(())
//! ```
//!
//! ```compile_fail,E0382
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let buf = PageBuf::new(512)?;
//! let mut batch = Batch::<_, _, 1>::new();
//! batch.push(Request::read(&file, buf, 0))?;
//! let mut cx = Context::<_, _, 1>::new()?;
//! cx.submit(&mut batch)?;
//! println!("{buf:?}"); // in flight
//! # Ok::<(), Error>(())
//! ```
//!
//! A borrowed buffer stays borrowed until the scope is over, for reading it:
//!
//! ```
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let mut buf = [0; 512];
//! scope(|cx: &mut Context<&mut [u8], (), 1>| {
//!     let mut batch = Batch::<_, _, 1>::new();
//!     batch.push(Request::read(&file, &mut buf[..], 0))?;
//!     cx.submit(&mut batch)?;
//!     Ok::<(), Error>(())
//! })??;
//! println!("{}", buf[0]);
//! # Ok::<(), Error>(())
//! ```
//!
//! ```compile_fail,E0502
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let mut buf = [0; 512];
//! scope(|cx: &mut Context<&mut [u8], (), 1>| {
//!     let mut batch = Batch::<_, _, 1>::new();
//!     batch.push(Request::read(&file, &mut buf[..], 0))?;
//!     cx.submit(&mut batch)?;
//!     println!("{}", buf[0]); // in flight
//!     Ok::<(), Error>(())
//! })??;
//! # Ok::<(), Error>(())
//! ```
//!
//! for writing to it, also while the kernel only reads it:
//!
//! ```compile_fail,E0506
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let mut buf = [0; 512];
//! scope(|cx: &mut Context<&[u8], (), 1>| {
//!     let mut batch = Batch::<_, _, 1>::new();
//!     batch.push(Request::write(&file, &buf[..], 0))?;
//!     cx.submit(&mut batch)?;
//!     buf[0] = 1; // in flight
//!     Ok::<(), Error>(())
//! })??;
//! # Ok::<(), Error>(())
//! ```
//!
//! and for lending it a second time:
//!
//! ```compile_fail,E0499
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let mut buf = [0; 512];
//! scope(|cx: &mut Context<&mut [u8], (), 2>| {
//!     let mut batch = Batch::<_, _, 2>::new();
//!     batch.push(Request::read(&file, &mut buf[..], 0))?;
//!     batch.push(Request::read(&file, &mut buf[..], 0))?; // two reads into one buffer
//!     cx.submit(&mut batch)?;
//!     Ok::<(), Error>(())
//! })??;
//! # Ok::<(), Error>(())
//! ```
//!
//! # A buffer inside the scope's closure
//!
//! It would be gone before the scope has waited.
//!
//! ```compile_fail,E0597
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! scope(|cx: &mut Context<&mut [u8], (), 1>| {
//!     let mut buf = [0; 512]; // outside the closure, it compiles: see above
//!     let mut batch = Batch::<_, _, 1>::new();
//!     batch.push(Request::read(&file, &mut buf[..], 0))?;
//!     cx.submit(&mut batch)?;
//!     Ok::<(), Error>(())
//! })??;
//! # Ok::<(), Error>(())
//! ```
//!
//! # A completion that outlives the owner of its buffer
//!
//! It may leave the scope, but not the life of the buffer:
//!
//! ```
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let mut buf = [0; 512];
//! let done = scope(|cx: &mut Context<&mut [u8], (), 1>| {
//!     let mut batch = Batch::<_, _, 1>::new();
//!     batch.push(Request::read(&file, &mut buf[..], 0))?;
//!     cx.submit(&mut batch)?;
//!     Ok::<_, Error>(cx.wait(1, None)?.next())
//! })??;
//! println!("{done:?}");
//! drop(buf);
//! # Ok::<(), Error>(())
//! ```
//!
//! ```compile_fail,E0505
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let mut buf = vec![0; 512];
//! let done = scope(|cx: &mut Context<&mut [u8], (), 1>| {
//!     let mut batch = Batch::<_, _, 1>::new();
//!     batch.push(Request::read(&file, &mut buf[..], 0))?;
//!     cx.submit(&mut batch)?;
//!     Ok::<_, Error>(cx.wait(1, None)?.next())
//! })??;
//! drop(buf);
//! println!("{done:?}"); // its buffer is gone
//! # Ok::<(), Error>(())
//! ```
//!
//! # A request used twice
//!
//! ```compile_fail,E0382
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let request = Request::read(&file, PageBuf::new(512)?, 0);
//! let mut batch = Batch::<_, _, 2>::new();
//! batch.push(request)?;
//! batch.push(request)?; // without this line, it compiles: see above
//! # Ok::<(), Error>(())
//! ```
//!
//! # An owned context with a borrowed buffer
//!
//! It could be leaked, and the borrow end while the kernel writes.
//!
//! ```compile_fail,E0597
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let mut cx = Context::<&mut [u8], (), 1>::new()?;
//! let mut buf = [0; 512];
//! let mut batch = Batch::<_, _, 1>::new();
//! batch.push(Request::read(&file, &mut buf[..], 0))?;
//! cx.submit(&mut batch)?;
//! # Ok::<(), Error>(())
//! ```
//!
//! Nor can its type be made to fit afterwards: a context is invariant in its buffer. The batch can,
//! since nothing in it is in flight.
//!
//! ```
//! # use linux_aio::*;
//! fn shrink<'short>(batch: Batch<'static, &'static [u8], (), 1>) -> Batch<'short, &'short [u8], (), 1> {
//!     batch
//! }
//! ```
//!
//! ```compile_fail
//! # use linux_aio::*;
//! fn shrink<'short>(cx: Context<&'static mut [u8], (), 1>) -> Context<&'short mut [u8], (), 1> {
//!     cx // lifetime may not live long enough
//! }
//! ```
//!
//! ```compile_fail
//! # use linux_aio::*;
//! fn shrink<'a, 'short>(cx: &'a Context<&'static [u8], (), 1>) -> &'a Context<&'short [u8], (), 1> {
//!     cx // lifetime may not live long enough
//! }
//! ```
//!
//! A completion's iterator is no way around it:
//!
//! ```compile_fail
//! # use linux_aio::*;
//! fn shrink<'a, 'short>(
//!     completions: Completions<'a, &'static mut [u8], ()>,
//! ) -> Completions<'a, &'short mut [u8], ()> {
//!     completions // lifetime may not live long enough
//! }
//! ```
//!
//! # A context that is used while a scope on it runs
//!
//! ```compile_fail,E0499
//! # use linux_aio::*;
//! let mut cx = Context::<PageBuf, (), 1>::new()?;
//! cx.scope(|inner: &mut Context<&mut [u8], (), 1>| {
//!     cx.reap().unwrap().count() + inner.reap().unwrap().count()
//! })?;
//! # Ok::<(), Error>(())
//! ```
//!
//! # A scope's context that is carried out of it
//!
//! ```compile_fail
//! # use linux_aio::*;
//! let mut cx = Context::<PageBuf, (), 1>::new()?;
//! let inner = cx.scope(|inner: &mut Context<&mut [u8], (), 1>| inner)?;
//! # Ok::<(), Error>(())
//! ```
//!
//! # A batch that outlives its file
//!
//! ```compile_fail,E0505
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let mut batch = Batch::<_, _, 1>::new();
//! batch.push(Request::read(&file, PageBuf::new(512)?, 0))?;
//! drop(file); // after `cx.submit(&mut batch)` and `drop(batch)`, it compiles: see the crate's page
//! Context::<_, _, 1>::new()?.submit(&mut batch)?;
//! # Ok::<(), Error>(())
//! ```
//!
//! # A context that two threads take completions from
//!
//! It can be sent, but not shared.
//!
//! ```
//! # use linux_aio::*;
//! let mut cx = Context::<PageBuf, (), 1>::new()?;
//! std::thread::scope(|threads| {
//!     threads.spawn(|| cx.reap().unwrap().count());
//! });
//! # Ok::<(), Error>(())
//! ```
//!
//! ```compile_fail,E0499
//! # use linux_aio::*;
//! let mut cx = Context::<PageBuf, (), 1>::new()?;
//! std::thread::scope(|threads| {
//!     threads.spawn(|| cx.reap().unwrap().count());
//!     threads.spawn(|| cx.reap().unwrap().count());
//! });
//! # Ok::<(), Error>(())
//! ```
//!
//! ```compile_fail,E0277
//! # use linux_aio::*;
//! let cx = Context::<PageBuf, (), 1>::new()?;
//! std::thread::scope(|threads| {
//!     threads.spawn(|| cx.in_flight());
//! });
//! # Ok::<(), Error>(())
//! ```
//!
//! Nor sent, if a tag may not be:
//!
//! ```compile_fail,E0277
//! # use linux_aio::*;
//! let cx = Context::<PageBuf, std::rc::Rc<()>, 1>::new()?;
//! std::thread::spawn(move || drop(cx));
//! # Ok::<(), Error>(())
//! ```
//!
//! # Bytes that cannot be lent
//!
//! Reading into bytes that are borrowed for looking at:
//!
//! ```compile_fail,E0277
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! Request::read(&file, &b"constant"[..], 0); // `write` compiles: see `IoBuf`
//! ```
//!
//! Bytes that move with their value:
//!
//! ```compile_fail,E0277
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! Request::write(&file, [0; 512], 0);
//! ```
//!
//! A `Buf` whose kind is not known:
//!
//! ```compile_fail,E0277
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! Request::write(&file, Buf::from(&b"constant"[..]), 0); // make the request first, then `into_buf`
//! ```
//!
//! # Options that an operation does not have
//!
//! None is ignored: it does not compile.
//!
//! ```
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! Request::write(&file, &b"x"[..], 0).flags(RwFlags::DSYNC).priority(Priority::from_raw(0)).range(..0)?;
//! Request::poll(&file).events(PollEvents::IN).notify(&file);
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
//! Request::read(&file, PageBuf::empty(), 0).carry(PageBuf::empty());
//! ```
//!
//! # Pieces that cannot be lent
//!
//! ```compile_fail,E0277
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let pieces = [IoSlice::new(b"x")];
//! Request::readv(&file, &pieces[..], 0); // `writev` compiles: see `IoSlice`
//! ```
//!
//! ```compile_fail,E0080
//! # use linux_aio::*;
//! Pieces::<PageBuf, 1025>::new();
//! ```
//!
//! Their borrow lasts as long as any other:
//!
//! ```compile_fail,E0502
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let mut bytes = *b"x";
//! let pieces = [IoSlice::new(&bytes)];
//! scope(|cx: &mut Context<&[IoSlice], (), 1>| {
//!     let mut batch = Batch::<_, _, 1>::new();
//!     batch.push(Request::writev(&file, &pieces[..], 0)?)?;
//!     cx.submit(&mut batch)?;
//!     bytes.reverse(); // in flight
//!     Ok::<(), Error>(())
//! })??;
//! # Ok::<(), Error>(())
//! ```
//!
//! # A tag that asks for more alignment than a page has
//!
//! ```compile_fail,E0080
//! # use linux_aio::*;
//! #[repr(align(8192))]
//! struct Wide;
//! Context::<PageBuf, Wide, 1>::new()?; // with 4096, it compiles
//! # Ok::<(), Error>(())
//! ```
//!
//! # A context without room, and a batch
//!
//! ```compile_fail,E0080
//! # use linux_aio::*;
//! Context::<PageBuf, (), 0>::new()?;
//! # Ok::<(), Error>(())
//! ```
//!
//! ```compile_fail,E0080
//! # use linux_aio::*;
//! Batch::<PageBuf, (), 0>::new();
//! ```
