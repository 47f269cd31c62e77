//! No std, no allocator, no C library.
//!
//! Without features, the crate needs `core` and the kernel:
//!
//! ```toml
//! [dependencies]
//! linux-aio = "0.1"
//! rustix = { version = "1", default-features = false, features = ["fs"] } # to open files without a C library
//! ```
//!
//! | with std | without |
//! |---|---|
//! | `&file`, `Arc<File>` | [`Fd::from_raw`] for a borrowed number, [`RawFile::new`] for a number with its owner |
//! | `Vec<u8>`, `Box<[u8]>` (with the feature `alloc` only) | [`PageBuf`], [`BufPool`], which map pages; in a scope `&mut [u8]`, also of a `static` |
//! | `?` to `std::io::Error` | `?` to [`linux_aio::Error`](crate::Error); `core::error::Error` is implemented |
//! | `Mutex`, channels | a context in a local variable or in a `static`; batches of thousands in a `static`, since they are large |
//!
//! ```
//! // All of this works with `#![no_std]`.
//! use core::num::NonZero;
//! use linux_aio::{Batch, Context, Error, Fd, PageBuf, Request};
//! use rustix::{
//!     fd::{AsRawFd as _, OwnedFd},
//!     fs::{Mode, OFlags, open},
//! };
//!
//! const DEPTH: usize = 8;
//! const BLOCK: usize = 65_536;
//!
//! /// The file, for a request.
//! fn fd(file: &OwnedFd) -> Fd<'_> {
//!     // SAFETY: (1) the descriptor is open as long as `file` is borrowed; (2) it is the owner's own.
//!     unsafe { Fd::from_raw(file.as_raw_fd()) }
//! }
//!
//! /// Reads a file or disk from start to end, and returns its length and the number of blocks that cannot be read.
//! fn check(file: &OwnedFd) -> Result<(u64, u64), Error> {
//!     let mut cx = Context::<PageBuf, ()>::new(DEPTH)?;
//!     let mut batch = Batch::<_, _, _, DEPTH>::new();
//!     let (mut next, mut len, mut bad, mut at_end) = (0, 0, 0, false);
//!     for _ in 0..DEPTH {
//!         batch.push(Request::read(fd(file), PageBuf::new(BLOCK)?, next))?;
//!         next += BLOCK as u64;
//!     }
//!     while !batch.is_empty() || cx.outstanding() > 0 {
//!         cx.submit(&mut batch)?;
//!         for done in cx.wait(1, None)? {
//!             match done.result.map(NonZero::new) {
//!                 Ok(Some(bytes)) => len = len.max(done.info().offset() + bytes.get() as u64),
//!                 Ok(None) => at_end = true,
//!                 Err(_) => bad += 1,
//!             }
//!             if !at_end {
//!                 batch.push(Request::read(fd(file), done.buf, next))?;
//!                 next += BLOCK as u64;
//!             }
//!         }
//!     }
//!     Ok((len, bad))
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = tempfile::NamedTempFile::new()?.into_temp_path();
//! # std::fs::write(&path, vec![7; 1_000_000])?;
//! # let path = &*path;
//! // In a real program with `OFlags::DIRECT` too, for a disk.
//! let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(std::io::Error::from)?;
//! assert_eq!(check(&file)?, (1_000_000, 0));
//! # Ok(())
//! # }
//! ```
//!
//! # A program without a C library
//!
//! The folder `examples/nolibc` of the repository (it is not in the package) is a template to copy, with two programs,
//! less than 4 and 16 KiB, and a script that checks them. Such a program needs five things, which the template has:
//!
//! 1. `#![no_std]`, `#![no_main]`, and `_start` in assembly, which passes on the stack pointer: the arguments are there.
//! 2. `memcpy`, `memmove`, `memset`, `memcmp`, `bcmp` and `strlen`: the compiler and `core` call them.
//! 3. A panic handler, and `panic = "abort"` in every profile.
//! 4. The arguments of the linker, in `build.rs`: `-nostartfiles -nostdlib -static -no-pie`.
//! 5. Calls for everything but AIO: `rustix` without its feature `std` needs no C library. It has no `exit`, which is
//!    a system call in assembly.
//!
//! The size of a disk is what `seek` to its end returns (`rustix::fs::seek`, `SeekFrom::End(0)`), and direct I/O is
//! `OFlags::DIRECT` in `open`. [`Alignment::of`](crate::direct::Alignment::of) takes an `Fd` and needs no std.
//!
//! Messages: `write!` of an [`Error`](crate::Error) makes a program some 6 KiB larger, the names of errnos 4 KiB.
//! [`Errno::raw`](crate::Errno::raw) costs nothing.
//!
//! `SIGPIPE` is not ignored in such a program, as Rust's runtime does it.
//!
//! [`BufPool`]: crate::BufPool
//! [`Fd::from_raw`]: crate::Fd::from_raw
//! [`PageBuf`]: crate::PageBuf
//! [`RawFile::new`]: crate::RawFile::new
