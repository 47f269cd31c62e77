//! From libaio in C.
//!
//! | libaio | here |
//! |---|---|
//! | `io_setup(n, &ctx)`, `io_queue_init` | [`Context::new(n)`](crate::Context::new) |
//! | `io_destroy(ctx)`, `io_queue_release` | drop, or [`Context::close`](crate::Context::close), which returns errors |
//! | `struct iocb` | [`Request`](crate::Request); the raw struct is [`abi::Iocb`](crate::abi::Iocb) |
//! | `io_prep_pread(&iocb, fd, buf, count, offset)` | [`Request::read(&file, buf, offset)`](crate::Request::read); the count is the length of the buffer, or a [`range`](crate::Request::range) of it |
//! | `io_prep_pwrite` | [`Request::write`](crate::Request::write) |
//! | `io_prep_preadv`, `io_prep_pwritev` | [`Request::readv`](crate::Request::readv), [`Request::writev`](crate::Request::writev) |
//! | `io_prep_preadv2`, `io_prep_pwritev2` with flags; `aio_rw_flags` | [`flags(RwFlags)`](crate::Request::flags), also for `read` and `write` |
//! | `io_prep_fsync`, `io_prep_fdsync` | [`Request::fsync`](crate::Request::fsync), [`Request::fdsync`](crate::Request::fdsync) |
//! | `io_prep_poll(&iocb, fd, events)` | [`Request::poll(&file).events(events)`](crate::Request::poll) |
//! | `iocb.data`, `io_set_callback` | [`tag`](crate::Request::tag): any value, a boxed closure for example |
//! | `iocb.aio_reqprio`, `IOCB_FLAG_IOPRIO` | [`priority`](crate::Request::priority) |
//! | `io_set_eventfd(&iocb, efd)` | [`eventfd(&efd)`](crate::Request::eventfd); for all requests of a context [`Context::set_eventfd`](crate::Context::set_eventfd) |
//! | an array of `struct iocb *` | [`Batch`](crate::Batch) |
//! | `io_submit(ctx, n, iocbs)` returns fewer than `n` | [`submit`](crate::Context::submit) goes on after a refused request, which completes with its errno; what could not be submitted stays in the batch |
//! | `io_submit` returns `-EAGAIN` | [`ContextError::Again`](crate::ContextError::Again), and the rest is in the batch |
//! | `io_getevents(ctx, min, nr, events, timeout)` | [`wait(min, timeout)`](crate::Context::wait); `nr` is not needed: what is not taken is there the next time |
//! | `io_getevents` with `min` 0, or a look at the ring in user space | [`reap`](crate::Context::reap) |
//! | `io_getevents` returns `-EINTR` | `wait` goes on until its deadline |
//! | `io_pgetevents` with a signal mask | [`wait_with_mask`](crate::Context::wait_with_mask) |
//! | `io_cancel`, which returns `-EINPROGRESS` for success | [`cancel`](crate::Context::cancel), [`cancel_tag`](crate::Context::cancel_tag): [`CancelResult::Cancelled`](crate::CancelResult::Cancelled); the completion follows |
//! | `event.obj`, `event.data` | the completion's [`tag`](crate::Completion::tag) and [`buf`](crate::Completion::buf) |
//! | `(long) event.res` | [`result`](crate::Completion::result): `Ok(bytes)` or `Err(errno)` |
//! | `event.res2` | [`info().event().res2`](crate::CompletionInfo::event) |
//! | `io_queue_run` | a `for` loop over the completions |
//! | buffers and iocbs that must stay valid until the event | the context owns them; a [scope](crate::scope) borrows buffers |
//! | `open(path, O_DIRECT)` | `open_direct` of the trait `OpenDirect` (feature `std`), or [`direct::O_DIRECT`](crate::direct::O_DIRECT) |
//! | `posix_memalign(&buf, 4096, n)` | [`PageBuf::new(n)`](crate::PageBuf::new), [`BufPool`](crate::BufPool) |
//! | `-errno` as a return value | an error type for each step, see [`errors`](super::errors) |
//!
//! The same loop in both:
//!
//! ```c
//! io_context_t ctx = 0;
//! io_setup(8, &ctx);
//! struct iocb iocbs[8], *list[8];
//! for (int i = 0; i < 8; i++) {
//!     io_prep_pread(&iocbs[i], fd, buffer(i), 4096, i * 4096);
//!     iocbs[i].data = (void *) (long) i;
//!     list[i] = &iocbs[i];
//! }
//! for (int done = 0; done < 8;)
//!     done += io_submit(ctx, 8 - done, list + done); /* error handling left out */
//! struct io_event events[8];
//! int n = io_getevents(ctx, 8, 8, events, NULL);
//! for (int i = 0; i < n; i++)
//!     printf("%ld: %ld\n", (long) events[i].data, (long) events[i].res);
//! io_destroy(ctx);
//! ```
//!
//! ```
//! use linux_aio::{Batch, Context, PageBuf, Request};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let file = std::fs::File::open("/proc/self/exe")?;
//! let mut cx = Context::<PageBuf, u64>::new(8)?;
//! let mut batch = Batch::<_, _, _, 8>::new();
//! for i in 0..8 {
//!     batch.push(Request::read(&file, PageBuf::new(4096)?, i * 4096).tag(i))?;
//! }
//! cx.submit(&mut batch)?;
//! for done in cx.wait_all(None)? {
//!     println!("{}: {}", done.tag, done.bytes()?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Programs that want the calls as they are find them in [`raw`](crate::raw), all six, with the structs in
//! [`abi`](crate::abi).
