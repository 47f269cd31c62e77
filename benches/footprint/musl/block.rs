//! `block FILE`: reads the first 4096 bytes of a file with this crate, and writes them to standard output.
//! It uses musl, but not std.

#![no_std]
#![no_main]

use core::{
    ffi::{CStr, c_char, c_int, c_void},
    mem::ManuallyDrop,
    slice,
};
use linux_aio::{Context, Error, Fd, PageBuf, Request};

const BLOCK: usize = 4096;
const O_DIRECT: c_int = if cfg!(target_arch = "x86_64") { 0o40000 } else { 0o200000 };

unsafe extern "C" {
    fn open(path: *const c_char, flags: c_int, ...) -> c_int;
    fn write(file: c_int, bytes: *const c_void, count: usize) -> isize;
    safe fn abort() -> !;
}

#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, arguments: *const *const c_char) -> c_int {
    if count < 1 {
        return fail(c"block: no arguments\n");
    }
    // SAFETY: there are so many arguments.
    let arguments = unsafe { slice::from_raw_parts(arguments, count.unsigned_abs() as usize) };
    let &[_, path] = arguments else { return fail(c"usage: block FILE\n") };
    // SAFETY: an argument is a string.
    let file = unsafe { open(path, O_DIRECT) };
    if file < 0 {
        return fail(c"block: cannot open the file\n");
    }
    // SAFETY: it is open, and never closed.
    match block(unsafe { Fd::from_raw(file) }) {
        Ok(()) => 0,
        Err(_) => fail(c"block: cannot read the block\n"),
    }
}

fn block(file: Fd<'_>) -> Result<(), Error> {
    // The kernel ends it with the process.
    let mut cx = ManuallyDrop::new(Context::<PageBuf, ()>::new(1)?);
    cx.submit_one(Request::read(file, PageBuf::new(BLOCK)?, 0))?;
    if let Some(done) = cx.wait_one(None)? {
        let _bytes = done.result?;
        say(1, done.transferred());
    }
    Ok(())
}

fn say(to: c_int, bytes: &[u8]) {
    // SAFETY: there are so many bytes.
    let written = unsafe { write(to, bytes.as_ptr().cast(), bytes.len()) };
    if written.unsigned_abs() != bytes.len() {
        abort();
    }
}

fn fail(what: &CStr) -> c_int {
    say(2, what.to_bytes());
    1
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    abort()
}
