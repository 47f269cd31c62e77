//! 4096 requests in flight from a thread that has the stack which musl gives to threads, 128 KiB.
//!
//! Static, with musl and without std, so that it links from any toolchain: `run` does that. Memory
//! comes from the kernel (`PageBuf`, `Context`), threads and files from musl.

#![no_std]
#![no_main]

use core::{
    ffi::{CStr, c_char, c_int, c_void},
    mem::MaybeUninit,
    ptr,
};
use linux_aio::{Batch, Context, Error, Fd, PageBuf, Request};

/// How many requests are in flight at a time.
const N: usize = 4096;
/// How many are submitted at a time. The batch is on the stack; a request takes about 150 bytes there.
const K: usize = 256;
/// What a thread of musl has, in bytes (`DEFAULT_STACK_SIZE`).
const STACK: usize = 128 << 10;

type Thread = *mut c_void;

unsafe extern "C" {
    safe fn puts(text: *const c_char) -> c_int;
    safe fn abort() -> !;
    fn mkstemp(template: *mut c_char) -> c_int;
    fn unlink(path: *const c_char) -> c_int;
    fn pthread_create(
        thread: *mut Thread,
        attributes: *const c_void,
        start: extern "C" fn(*mut c_void) -> *mut c_void,
        argument: *mut c_void,
    ) -> c_int;
    safe fn pthread_self() -> Thread;
    fn pthread_join(thread: Thread, result: *mut *mut c_void) -> c_int;
    fn pthread_getattr_np(thread: Thread, attributes: *mut c_void) -> c_int;
    fn pthread_attr_getstacksize(attributes: *const c_void, size: *mut usize) -> c_int;
}

#[unsafe(no_mangle)]
extern "C" fn main(_argc: c_int, _argv: *const *const c_char) -> c_int {
    let mut thread = ptr::null_mut();
    // SAFETY: no attributes, which is what a program gets that does not think of them.
    let created = unsafe { pthread_create(&raw mut thread, ptr::null(), work, ptr::null_mut()) };
    check(created == 0, c"musl: no thread");
    let mut failed = ptr::null_mut();
    // SAFETY: a thread that was made above, and is joined once.
    check(
        unsafe { pthread_join(thread, &raw mut failed) } == 0,
        c"musl: the thread cannot be joined",
    );
    check(failed.is_null(), c"musl: a request or a call failed");
    puts(c"musl: 4096 requests in flight, from a stack of 128 KiB".as_ptr());
    0
}

/// What the thread does. The result is null if it went well.
extern "C" fn work(_: *mut c_void) -> *mut c_void {
    // musl's pthread_attr_t has 56 bytes.
    let mut attributes = MaybeUninit::<[u64; 16]>::uninit();
    let (attributes, mut size) = (attributes.as_mut_ptr().cast::<c_void>(), 0);
    // SAFETY: there is room for the attributes of this thread.
    check(unsafe { pthread_getattr_np(pthread_self(), attributes) } == 0, c"musl: no attributes");
    // SAFETY: they were filled in above.
    unsafe { pthread_attr_getstacksize(attributes, &raw mut size) };
    // What musl keeps of a thread is on its stack, too.
    check(size <= STACK + (8 << 10), c"musl: the stack is larger than that of a thread of musl");

    let mut path = *b"/tmp/linux-aio-XXXXXX\0";
    // SAFETY: a template that ends with a null byte.
    let file = unsafe { mkstemp(path.as_mut_ptr().cast()) };
    check(file >= 0, c"musl: no file in /tmp");
    // SAFETY: `mkstemp` left a path there.
    unsafe { unlink(path.as_ptr().cast()) };
    // SAFETY: open, and nobody closes it.
    let file = unsafe { Fd::from_raw(file) };
    match write_and_read(file) {
        Ok(()) => ptr::null_mut(),
        Err(_) => ptr::dangling_mut(),
    }
}

/// Writes a file of `N` blocks, all in flight at a time, each with its number in it; then reads them.
fn write_and_read(file: Fd<'_>) -> Result<(), Error> {
    const BLOCK: usize = 4096;
    let mut cx = Context::<PageBuf, usize, N>::new()?;
    for writing in [true, false] {
        let mut batch = Batch::<_, _, K>::new();
        for block in 0..N {
            let mut buf = PageBuf::new(BLOCK)?;
            let offset = (block * BLOCK) as u64;
            batch.push(if writing {
                buf[..8].copy_from_slice(&block.to_le_bytes());
                Request::write(file, buf, offset).tag(block)
            } else {
                Request::read(file, buf, offset).tag(block)
            })?;
            if batch.is_full() {
                cx.submit(&mut batch)?;
            }
        }
        check(batch.is_empty() && cx.in_flight() == N, c"musl: not all of them are in flight");
        let mut seen = 0;
        for done in cx.wait(N, None)? {
            check(done.result? == BLOCK, c"musl: a transfer was short");
            check(done.buf[..8] == done.tag.to_le_bytes(), c"musl: the wrong block");
            seen += 1;
        }
        check(seen == N && cx.in_flight() == 0, c"musl: not every request completed, once");
    }
    Ok(cx.close()?)
}

/// Ends the program unless that is so.
fn check(so: bool, otherwise: &CStr) {
    if !so {
        puts(otherwise.as_ptr());
        abort();
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    puts(c"musl: panicked".as_ptr());
    abort()
}

/// `core` comes compiled for programs that unwind, and names these unless they are optimised away.
#[cfg(debug_assertions)]
mod unwinding {
    #[unsafe(no_mangle)]
    extern "C" fn rust_eh_personality() {}
    #[unsafe(no_mangle)]
    extern "C" fn _Unwind_Resume() -> ! {
        crate::abort()
    }
}
