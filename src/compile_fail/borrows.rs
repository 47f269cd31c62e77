//! Misuse of buffers: access in flight, a borrow that ends too early, a wrong type.
//!
//! # A buffer in flight
//!
//! An owned buffer is moved into the request:
//!
//! ```
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let buf = PageBuf::new(512)?;
//! let mut batch = Batch::<_, _, _, 1>::new();
//! batch.push(Request::read(&file, buf, 0))?;
//! let mut cx = Context::<_, _>::new(1)?;
//! cx.submit(&mut batch)?;
//! let buf = cx.wait(1, None)?.next().map(|done| done.buf);
//! println!("{buf:?}");
//! # Ok::<(), Error>(())
//! ```
//!
//! ```compile_fail,E0382
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let buf = PageBuf::new(512)?;
//! let mut batch = Batch::<_, _, _, 1>::new();
//! batch.push(Request::read(&file, buf, 0))?;
//! let mut cx = Context::<_, _>::new(1)?;
//! cx.submit(&mut batch)?;
//! println!("{buf:?}"); // in flight
//! # Ok::<(), Error>(())
//! ```
//!
//! A borrowed buffer cannot be read before the scope ends:
//!
//! ```
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let mut buf = [0; 512];
//! scope(1, |cx: &mut Context<&mut [u8], ()>| {
//!     let mut batch = Batch::<_, _, _, 1>::new();
//!     batch.push(Request::read(&file, &mut buf[..], 0))?;
//!     cx.submit(&mut batch)?;
//!     Ok::<(), Error>(())
//! })?;
//! println!("{}", buf[0]);
//! # Ok::<(), Error>(())
//! ```
//!
//! ```compile_fail,E0502
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let mut buf = [0; 512];
//! scope(1, |cx: &mut Context<&mut [u8], ()>| {
//!     let mut batch = Batch::<_, _, _, 1>::new();
//!     batch.push(Request::read(&file, &mut buf[..], 0))?;
//!     cx.submit(&mut batch)?;
//!     println!("{}", buf[0]); // in flight
//!     Ok::<(), Error>(())
//! })?;
//! # Ok::<(), Error>(())
//! ```
//!
//! It cannot be written to, also if the kernel only reads it:
//!
//! ```compile_fail,E0506
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let mut buf = [0; 512];
//! scope(1, |cx: &mut Context<&[u8], ()>| {
//!     let mut batch = Batch::<_, _, _, 1>::new();
//!     batch.push(Request::write(&file, &buf[..], 0))?;
//!     cx.submit(&mut batch)?;
//!     buf[0] = 1; // in flight
//!     Ok::<(), Error>(())
//! })?;
//! # Ok::<(), Error>(())
//! ```
//!
//! It cannot be borrowed for a second request:
//!
//! ```compile_fail,E0499
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let mut buf = [0; 512];
//! scope(2, |cx: &mut Context<&mut [u8], ()>| {
//!     let mut batch = Batch::<_, _, _, 2>::new();
//!     batch.push(Request::read(&file, &mut buf[..], 0))?;
//!     batch.push(Request::read(&file, &mut buf[..], 0))?; // two reads into one buffer
//!     cx.submit(&mut batch)?;
//!     Ok::<(), Error>(())
//! })?;
//! # Ok::<(), Error>(())
//! ```
//!
//! # A buffer inside the scope's closure
//!
//! The buffer would be dropped before the scope waits for the request.
//!
//! ```compile_fail,E0597
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! scope(1, |cx: &mut Context<&mut [u8], ()>| {
//!     let mut buf = [0; 512]; // outside the closure, it compiles: see above
//!     let mut batch = Batch::<_, _, _, 1>::new();
//!     batch.push(Request::read(&file, &mut buf[..], 0))?;
//!     cx.submit(&mut batch)?;
//!     Ok::<(), Error>(())
//! })?;
//! # Ok::<(), Error>(())
//! ```
//!
//! # A completion that outlives the owner of its buffer
//!
//! A completion may be returned from the scope, but cannot outlive its buffer:
//!
//! ```
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let mut buf = [0; 512];
//! let done = scope(1, |cx: &mut Context<&mut [u8], ()>| {
//!     let mut batch = Batch::<_, _, _, 1>::new();
//!     batch.push(Request::read(&file, &mut buf[..], 0))?;
//!     cx.submit(&mut batch)?;
//!     Ok::<_, Error>(cx.wait(1, None)?.next())
//! })?;
//! println!("{done:?}");
//! drop(buf);
//! # Ok::<(), Error>(())
//! ```
//!
//! ```compile_fail,E0505
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let mut buf = vec![0; 512];
//! let done = scope(1, |cx: &mut Context<&mut [u8], ()>| {
//!     let mut batch = Batch::<_, _, _, 1>::new();
//!     batch.push(Request::read(&file, &mut buf[..], 0))?;
//!     cx.submit(&mut batch)?;
//!     Ok::<_, Error>(cx.wait(1, None)?.next())
//! })?;
//! drop(buf);
//! println!("{done:?}"); // its buffer was dropped
//! # Ok::<(), Error>(())
//! ```
//!
//! # An owned context with a borrowed buffer
//!
//! The context could be leaked, and the borrow could end while the kernel writes.
//!
//! ```compile_fail,E0597
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let mut cx = Context::<&mut [u8], ()>::new(1)?;
//! let mut buf = [0; 512];
//! let mut batch = Batch::<_, _, _, 1>::new();
//! batch.push(Request::read(&file, &mut buf[..], 0))?;
//! cx.submit(&mut batch)?;
//! # Ok::<(), Error>(())
//! ```
//!
//! A context is invariant in its buffer, so that the lifetime cannot be shortened afterwards. A batch is
//! covariant, since no request in it is in flight.
//!
//! ```
//! # use linux_aio::*;
//! fn shrink<'short>(batch: Batch<Borrowed<'static>, &'static [u8], (), 1>) -> Batch<Borrowed<'short>, &'short [u8], (), 1> {
//!     batch
//! }
//! ```
//!
//! ```compile_fail
//! # use linux_aio::*;
//! fn shrink<'short>(cx: Context<&'static mut [u8], ()>) -> Context<&'short mut [u8], ()> {
//!     cx // lifetime may not live long enough
//! }
//! ```
//!
//! ```compile_fail
//! # use linux_aio::*;
//! fn shrink<'a, 'short>(cx: &'a Context<&'static [u8], ()>) -> &'a Context<&'short [u8], ()> {
//!     cx // lifetime may not live long enough
//! }
//! ```
//!
//! The iterator over completions is invariant too:
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
//! # Types that are not buffers
//!
//! A read into a shared slice:
//!
//! ```compile_fail,E0277
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! Request::read(&file, &b"constant"[..], 0); // `write` compiles: see `IoBuf`
//! ```
//!
//! An array, whose bytes move with the value:
//!
//! ```compile_fail,E0277
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! Request::write(&file, [0; 512], 0);
//! ```
//!
//! Memory that is given by its address, without `unsafe`:
//!
//! ```compile_fail,E0133
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! Request::read(&file, RawBuf::new(std::ptr::null_mut(), 512), 0);
//! ```
//!
//! ```compile_fail,E0133
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! Request::readv(&file, RawVecs::new(std::ptr::null(), 1), 0);
//! ```
//!
//! ```compile_fail,E0133
//! # use linux_aio::*;
//! Request::fsync(RawFile::new(3, ()));
//! ```
//!
//! A `Buf`, whose variant is not known at compile time:
//!
//! ```compile_fail,E0277
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! Request::write(&file, Buf::from(&b"constant"[..]), 0); // make the request first, then `into_buf`
//! ```
//!
//! # Misuse of pieces
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
//! Borrowed pieces cannot be changed in flight:
//!
//! ```compile_fail,E0502
//! # use linux_aio::*; let file = tempfile::tempfile().unwrap();
//! let mut bytes = *b"x";
//! let pieces = [IoSlice::new(&bytes)];
//! scope(1, |cx: &mut Context<&[IoSlice], ()>| {
//!     let mut batch = Batch::<_, _, _, 1>::new();
//!     batch.push(Request::writev(&file, &pieces[..], 0)?)?;
//!     cx.submit(&mut batch)?;
//!     bytes.reverse(); // in flight
//!     Ok::<(), Error>(())
//! })?;
//! # Ok::<(), Error>(())
//! ```
