//! No std, no allocator, no C library.
//!
//! Without features, the crate needs `core` and the kernel:
//!
//! ```toml
//! [dependencies]
//! linux-aio = "0.1"
//! # To open files without a C library; `stdio` is for messages.
//! rustix = { version = "1", default-features = false, features = ["fs", "stdio"] }
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
//! use linux_aio::{Batch, Context, Errno, Error, Fd, PageBuf, Request};
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
//! /// An errno of rustix, as an error of this crate.
//! fn failed(errno: rustix::io::Errno) -> Error {
//!     Errno::from_raw(errno.raw_os_error()).unwrap_or(Errno::EIO).into()
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
//! let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(failed)?;
//! assert_eq!(check(&file)?, (1_000_000, 0));
//! # Ok(())
//! # }
//! ```
//!
//! # A program without a C library
//!
//! The folder `examples/nolibc` of the repository (it is not in the package) is a template to copy, with two programs,
//! less than 4 and 16 KiB, and a script that checks them. Such a program needs six things, which the template has:
//!
//! 1. `#![no_std]`, `#![no_main]`, and `_start` in assembly, which passes on the stack pointer: the arguments are there.
//! 2. `memcpy`, `memmove`, `memset`, `memcmp`, `bcmp` and `strlen`: the compiler and `core` call them.
//! 3. A panic handler, and `panic = "abort"` in every profile.
//! 4. The function `rust_eh_personality`, which does nothing. `core` is compiled for programs that unwind, and refers to
//!    it; only with `lto = true`, `opt-level = "s"` and `codegen-units = 1` it may link without.
//! 5. The arguments of the linker, in `build.rs`: `-nostartfiles -nostdlib -static -no-pie`.
//! 6. Calls for everything but AIO: `rustix` without its feature `std` needs no C library. It has no `exit`, which is
//!    a system call in assembly.
//!
//! `build.rs`:
//!
//! ```
//! fn main() {
//!     for argument in ["-nostartfiles", "-nostdlib", "-static", "-no-pie"] {
//!         println!("cargo::rustc-link-arg-bins={argument}");
//!     }
//! }
//! ```
//!
//! `src/main.rs`, for x86_64. It links with every profile. (For aarch64: `_start` is `"mov x29, xzr"`, `"mov x30, xzr"`,
//! `"mov x0, sp"`, `"bl {run}"`, `"brk #1"`; `exit` is `"svc 0"` with 94 in `x8` and the status in `x0`; the functions for
//! memory are in the template.)
//!
//! ```text
//! #![no_std]
//! #![no_main]
//!
//! use core::{
//!     arch::{asm, naked_asm},
//!     panic::PanicInfo,
//! };
//!
//! /// The kernel jumps here. The stack is aligned, and its first word is the number of arguments.
//! #[unsafe(naked)]
//! #[unsafe(no_mangle)]
//! unsafe extern "C" fn _start() -> ! {
//!     naked_asm!("xor ebp, ebp", "mov rdi, rsp", "call {run}", "ud2", run = sym run);
//! }
//!
//! /// The arguments are pointers to strings that end with 0, at `stack + 1`; null follows them.
//! unsafe extern "C" fn run(stack: *const usize) -> ! {
//!     let _arguments = stack.wrapping_add(1).cast::<*const core::ffi::c_char>();
//!     // The program: what returns a `Result<(), linux_aio::Error>`.
//!     exit(0)
//! }
//!
//! fn exit(status: usize) -> ! {
//!     // SAFETY: `exit_group` does not return.
//!     unsafe { asm!("syscall", in("rax") 231, in("rdi") status, options(noreturn, nostack)) }
//! }
//!
//! #[panic_handler]
//! fn panic(_: &PanicInfo<'_>) -> ! {
//!     exit(101)
//! }
//!
//! #[unsafe(no_mangle)]
//! extern "C" fn rust_eh_personality() {}
//!
//! // In assembly: the compiler would replace a loop in Rust by a call of the same function.
//!
//! #[unsafe(naked)]
//! #[unsafe(no_mangle)]
//! unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
//!     naked_asm!("mov rax, rdi", "mov rcx, rdx", "rep movsb", "ret")
//! }
//!
//! #[unsafe(naked)]
//! #[unsafe(no_mangle)]
//! unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
//!     naked_asm!(
//!         "mov rax, rdi", "mov rcx, rdx", "sub rdi, rsi", "cmp rdi, rdx", "lea rdi, [rax]", "jb 2f", "rep movsb", "ret",
//!         "2: lea rdi, [rdi + rcx - 1]", "lea rsi, [rsi + rcx - 1]", "std", "rep movsb", "cld", "ret",
//!     )
//! }
//!
//! #[unsafe(naked)]
//! #[unsafe(no_mangle)]
//! unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
//!     naked_asm!("mov r8, rdi", "mov eax, esi", "mov rcx, rdx", "rep stosb", "mov rax, r8", "ret")
//! }
//!
//! #[unsafe(naked)]
//! #[unsafe(no_mangle)]
//! unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, len: usize) -> i32 {
//!     naked_asm!(
//!         "xor ecx, ecx", "2: cmp rcx, rdx", "je 3f", "movzx eax, byte ptr [rdi + rcx]",
//!         "movzx r8d, byte ptr [rsi + rcx]", "inc rcx", "sub eax, r8d", "jz 2b", "ret", "3: xor eax, eax", "ret",
//!     )
//! }
//!
//! #[unsafe(naked)]
//! #[unsafe(no_mangle)]
//! unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, len: usize) -> i32 {
//!     naked_asm!("jmp {memcmp}", memcmp = sym memcmp)
//! }
//!
//! #[unsafe(naked)]
//! #[unsafe(no_mangle)]
//! unsafe extern "C" fn strlen(string: *const u8) -> usize {
//!     naked_asm!("xor eax, eax", "2: cmp byte ptr [rdi + rax], 0", "je 3f", "inc rax", "jmp 2b", "3: ret")
//! }
//! ```
//!
//! The size of a disk is what `seek` to its end returns (`rustix::fs::seek`, `SeekFrom::End(0)`), and direct I/O is
//! `OFlags::DIRECT` in `open`. [`Alignment::of`](crate::direct::Alignment::of) takes an `Fd` and needs no std.
//!
//! Messages: `write!` of an [`Error`](crate::Error) makes a program some 6 KiB larger, the names of errnos 4 KiB.
//! [`Errno::raw`](crate::Errno::raw) costs nothing. For `write!`, implement `core::fmt::Write` for a type that calls
//! `rustix::io::write` with `rustix::stdio::stderr()` (which is unsafe: nobody may close it; feature `stdio`).
//!
//! `SIGPIPE` is not ignored in such a program, as Rust's runtime does it.
//!
//! [`BufPool`]: crate::BufPool
//! [`Fd::from_raw`]: crate::Fd::from_raw
//! [`PageBuf`]: crate::PageBuf
//! [`RawFile::new`]: crate::RawFile::new
