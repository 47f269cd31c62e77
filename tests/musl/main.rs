//! 4096 requests in flight, submitted by a thread with musl's default stack of 128 KiB.
//!
//! A static program with musl and without std, so that it links with any toolchain; `run` builds it.
//! Memory comes from the kernel (`PageBuf`, `Context`), threads and files from musl.

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
/// How many are submitted at a time. The batch is on the stack, about 150 bytes for each request.
const K: usize = 256;
/// The default stack of a thread in musl, in bytes (`DEFAULT_STACK_SIZE`).
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
    // SAFETY: a local variable, and the default attributes.
    let created = unsafe { pthread_create(&raw mut thread, ptr::null(), work, ptr::null_mut()) };
    check(created == 0, c"musl: no thread");
    let mut failed = ptr::null_mut();
    // SAFETY: the thread was created above, and is joined once.
    check(
        unsafe { pthread_join(thread, &raw mut failed) } == 0,
        c"musl: the thread cannot be joined",
    );
    check(failed.is_null(), c"musl: a request or a call failed");
    puts(c"musl: 4096 requests in flight, from a stack of 128 KiB".as_ptr());
    0
}

/// The thread. It returns null if it succeeds.
extern "C" fn work(_: *mut c_void) -> *mut c_void {
    // musl's pthread_attr_t has 56 bytes.
    let mut attributes = MaybeUninit::<[u64; 16]>::uninit();
    let (attributes, mut size) = (attributes.as_mut_ptr().cast::<c_void>(), 0);
    // SAFETY: the variable has room for the attributes.
    check(unsafe { pthread_getattr_np(pthread_self(), attributes) } == 0, c"musl: no attributes");
    // SAFETY: they were initialised above.
    unsafe { pthread_attr_getstacksize(attributes, &raw mut size) };
    // musl's data of the thread is on its stack too.
    check(size <= STACK + (8 << 10), c"musl: the stack is larger than that of a thread of musl");

    let mut path = *b"/tmp/linux-aio-XXXXXX\0";
    // SAFETY: the template ends with a null byte.
    let file = unsafe { mkstemp(path.as_mut_ptr().cast()) };
    check(file >= 0, c"musl: no file in /tmp");
    // SAFETY: `mkstemp` has written a path there.
    unsafe { unlink(path.as_ptr().cast()) };
    // SAFETY: it is open, and never closed.
    let file = unsafe { Fd::from_raw(file) };
    match write_and_read(file) {
        Ok(()) => ptr::null_mut(),
        Err(_) => ptr::dangling_mut(),
    }
}

/// Writes a file of `N` blocks, all in flight at once, each with its number in it; then reads them.
fn write_and_read(file: Fd<'_>) -> Result<(), Error> {
    const BLOCK: usize = 4096;
    let mut cx = Context::<PageBuf, usize>::new(N)?;
    for writing in [true, false] {
        let mut batch = Batch::<_, _, _, K>::new();
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
        check(batch.is_empty() && cx.outstanding() == N, c"musl: not all requests are in flight");
        let mut seen = 0;
        for done in cx.wait(N, None)? {
            check(done.result? == BLOCK, c"musl: a transfer was short");
            check(done.buf[..8] == done.tag.to_le_bytes(), c"musl: the wrong block");
            seen += 1;
        }
        check(seen == N && cx.outstanding() == 0, c"musl: not every request completed once");
    }
    Ok(cx.close()?)
}

/// Aborts the program with a message unless the condition is true.
fn check(condition: bool, message: &CStr) {
    if !condition {
        puts(message.as_ptr());
        abort();
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    puts(c"musl: panicked".as_ptr());
    abort()
}

/// `core` is compiled for programs that unwind: without optimisation, it refers to these.
#[cfg(debug_assertions)]
mod unwinding {
    #[unsafe(no_mangle)]
    extern "C" fn rust_eh_personality() {}
    #[unsafe(no_mangle)]
    extern "C" fn _Unwind_Resume() -> ! {
        crate::abort()
    }
}
