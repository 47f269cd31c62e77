//! From the crates `io-uring` and `vmm-sys-util`, and from calls by `libc`.
//!
//! # io-uring
//!
//! Both have a queue of what to do, a call that submits it, and a ring of what is done. What differs most: here the
//! buffer belongs to the request, so submitting is safe; and there are fewer operations.
//!
//! | `io_uring` | here |
//! |---|---|
//! | `IoUring::new(entries)` | [`Context::new(capacity)`](crate::Context::new). The capacity limits the requests in flight, too |
//! | `opcode::Read::new(fd, ptr, len).offset(o).build()` | [`Request::read(&file, buf, o)`](crate::Request::read) |
//! | `opcode::Write`, `Readv`, `Writev` | [`Request::write`](crate::Request::write), [`readv`](crate::Request::readv), [`writev`](crate::Request::writev) |
//! | `opcode::Fsync`, with `FsyncFlags::DATASYNC` | [`Request::fsync`](crate::Request::fsync), [`fdsync`](crate::Request::fdsync) |
//! | `opcode::PollAdd`, for one time | [`Request::poll`](crate::Request::poll) |
//! | `opcode::AsyncCancel` | [`Context::cancel`](crate::Context::cancel), of polls only |
//! | `opcode::Timeout` | the timeout of [`Context::wait`](crate::Context::wait), or a poll of a `timerfd` |
//! | `.rw_flags(..)`, `.ioprio(..)` | [`flags`](crate::Request::flags), [`priority`](crate::Request::priority) |
//! | `.user_data(u64)` | [`tag`](crate::Request::tag), of any type; `InFlight` and `RequestId` identify requests |
//! | `unsafe { ring.submission().push(&entry) }`, `PushError` | [`batch.push(request)`](crate::Batch::push), safe; [`Full`](crate::Full) |
//! | `ring.submit()` | [`cx.submit(&mut batch)`](crate::Context::submit) |
//! | `ring.submit_and_wait(n)` | `submit`, then [`wait(n, None)`](crate::Context::wait): two calls |
//! | `ring.completion()`, an iterator | [`reap`](crate::Context::reap), [`wait`](crate::Context::wait): iterators |
//! | `cqe.result()`, a negated errno | [`result`](crate::Completion::result), [`bytes`](crate::Completion::bytes) |
//! | `register_eventfd` | [`set_eventfd`](crate::Context::set_eventfd) |
//! | `register_buffers`, `register_files` | nothing; huge pages of a [`BufPool`](crate::BufPool) have a part of the effect |
//! | `IOSQE_IO_LINK`, `IO_DRAIN` | nothing: take the completion, then submit the next |
//! | `setup_sqpoll`, `setup_iopoll` | nothing; [`set_busy_poll`](crate::Context::set_busy_poll) for the completions |
//! | buffered I/O by worker threads | it runs inside of `submit`: use direct I/O, see [`when_not`](super::when_not) |
//! | `Probe` | [`Probe`](crate::Probe) |
//!
//! A program that may run where io_uring is forbidden can have both: keep the loop, buffers and tags, and choose at the
//! start. `io_uring_setup` fails with `EPERM` or `ENOSYS` there.
//!
//! # vmm-sys-util
//!
//! `vmm_sys_util::aio` has the calls with a safe signature, though the kernel uses the buffers afterwards. The raw layer
//! here has the same shape, and says in `unsafe` what must hold. The safe layer needs none of it.
//!
//! | `vmm_sys_util::aio` | raw layer | safe layer |
//! |---|---|---|
//! | `IoContext::new(n)` | [`RawContext::new(n)`](crate::raw::RawContext::new) | [`Context::new(n)`](crate::Context::new) |
//! | `IoControlBlock` | [`abi::Iocb`](crate::abi::Iocb), or [`Request::encode`](crate::Request::encode) | [`Request`](crate::Request) |
//! | `submit(&[&mut iocb])` | [`RawContext::submit`](crate::raw::RawContext::submit) | [`Context::submit`](crate::Context::submit) |
//! | `get_events(min, &mut events, timeout)` | [`RawContext::getevents`](crate::raw::RawContext::getevents) | [`Context::wait`](crate::Context::wait) |
//! | `cancel(&iocb, &mut event)` | [`RawContext::cancel`](crate::raw::RawContext::cancel) | [`Context::cancel`](crate::Context::cancel) |
//! | `IoEvent` | [`abi::IoEvent`](crate::abi::IoEvent) | [`Completion`](crate::Completion) |
//! | `IOCB_FLAG_RESFD`, `aio_resfd` | the same | [`Context::set_eventfd`](crate::Context::set_eventfd), [`Request::eventfd`](crate::Request::eventfd) |
//! | guest memory as `aio_buf` | the same | [`RawBuf`](crate::RawBuf), [`RawVecs`](crate::RawVecs) (unsafe to make) |
//!
//! # Calls by libc
//!
//! `libc::syscall(libc::SYS_io_submit, ..)`: the functions of [`raw`](crate::raw) have the names of the calls,
//! [`raw::io_submit`](crate::raw::io_submit) and so on, with typed arguments and decoded errnos. They use no C library.
