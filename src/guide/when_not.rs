//! When other interfaces are better, and what makes `io_submit` block.
//!
//! | the program | better |
//! |---|---|
//! | may use io_uring, on a recent kernel | io_uring: more operations, no limits of alignment, buffered I/O too |
//! | reads and writes through the page cache | `read`, `write`, `pread`, `mmap`, and threads if that is too slow |
//! | reads one block at a time, and waits for it | `pread` |
//! | opens, stats, renames, lists many files | threads: native AIO has no such operations |
//! | sends and receives on sockets | epoll; or [polls](super::event_loops#polls-as-requests) in the same context as disk I/O |
//! | must cancel reads and writes | nothing can: the kernel cancels polls only |
//! | runs on file systems over a network, in user space (FUSE) or in memory | threads: their direct I/O, if there is any, is often synchronous |
//!
//! # What runs inside of `io_submit`
//!
//! The kernel executes these while the caller waits, in order. [`Stats::completed_in_submit`] counts them. The example
//! `doctor` finds out for a file or a directory, and says what to change:
//! `cargo run --release --features std --example doctor -- PATH`.
//!
//! | request | instead |
//! |---|---|
//! | every buffered read and write | open with `O_DIRECT` |
//! | a direct write that extends the file, or fills a hole | write the file once before (`fallocate` alone is not enough on every file system), then overwrite it |
//! | a direct write that is not a whole number of file system blocks, on ext4 | write whole blocks, 4096 bytes |
//! | a direct read or write where the place on the disk is not in memory yet | the metadata is read inside of the call; files in few extents need less of it |
//! | a read of a pipe, terminal or socket | **it blocks until data comes**: poll first |
//! | anything, if the queue of the device is full | fewer requests in flight |
//! | direct I/O on a file system that falls back to buffered I/O (files with compression or encryption, for example) | another place |
//!
//! [`RwFlags::NOWAIT`] makes a request fail with `EAGAIN` instead of waiting for memory, locks or metadata. Some kernels
//! answer `EAGAIN` to every direct write with it, so fall back to a request without the flag.
//!
//! Syncs do not run inside of `io_submit`: a thread of the kernel executes them. So they are asynchronous on every file.
//!
//! # What it is good for
//!
//! Many direct reads, and overwrites of allocated blocks, on ext4, xfs and block devices: databases, caches, virtual
//! machines' disks, copying and checking of large files; where io_uring is not allowed (containers' default profiles), does
//! not exist (old kernels), or where a program must be small.
//!
//! [`RwFlags::NOWAIT`]: crate::RwFlags::NOWAIT
//! [`Stats::completed_in_submit`]: crate::Stats::completed_in_submit
