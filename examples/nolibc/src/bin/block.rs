//! `block FILE [NUMBER]` reads one block of 4096 bytes of a file or a disk by asynchronous I/O, and writes
//! it to standard output. It reports every error.
//!
//! It uses the layer [`raw`](linux_aio::raw), the system calls with an owner for the context, because one
//! request needs no more. `copy` is the example for many requests: safe, and larger.

#![no_std]
#![no_main]

use core::{
    ffi::CStr,
    mem::{ManuallyDrop, MaybeUninit},
};
use linux_aio::{
    ContextError, Errno, Error, PageBuf,
    abi::{IOCB_CMD_PREAD, IoEvent, Iocb},
    raw::RawContext,
};
use nolibc::{Args, Line, errno, exit, set_direct, stderr, stdout};
use rustix::{
    fd::AsRawFd as _,
    fs::{Mode, OFlags, open},
};

/// The size of a block, in bytes.
const BLOCK: usize = 4096;

nolibc::entry!(main);

fn main(mut args: Args) -> ! {
    let (_name, path, number, more) = (args.next(), args.next(), args.next(), args.next());
    let (Some(path), Some(number), None) = (path, number.map_or(Some(0), parse), more) else {
        Line::new(stderr()).text(b"usage: block FILE [NUMBER]").end();
        exit(2);
    };
    let Failure { doing, why } = match block(path, number) {
        Ok(()) => exit(0),
        Err(failure) => failure,
    };
    let mut line = Line::new(stderr());
    line.text(b"block: cannot ").text(doing).text(b" block ").number(number).text(b" of ");
    line.text(path.to_bytes()).text(b": ");
    // The crate has the names and meanings of errors, as `copy` shows.
    match why {
        Some(errno) => line.text(b"os error ").number(errno.raw().unsigned_abs().into()),
        None => line.text(b"it ends before"),
    };
    line.end();
    exit(1)
}

/// A decimal number.
fn parse(number: &CStr) -> Option<u64> {
    number.to_bytes().iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        number.checked_mul(10)?.checked_add(digit.into()).filter(|_| digit < 10)
    })
}

/// What failed, and the errno, if there is one.
struct Failure {
    doing: &'static [u8],
    why: Option<Errno>,
}

/// Makes a `Failure` of an error, for `map_err`.
fn cannot<E: Into<Error>>(doing: &'static [u8]) -> impl FnOnce(E) -> Failure {
    move |error| {
        let why = match error.into() {
            Error::Setup(error) => error.errno,
            Error::Context(ContextError::Os { errno, .. }) | Error::Errno(errno) => errno,
            _ => Errno::EINVAL,
        };
        Failure { doing, why: Some(why) }
    }
}

/// Reads the block and writes it.
fn block(path: &CStr, number: u64) -> Result<(), Failure> {
    let file = open(path, OFlags::RDONLY, Mode::empty()).map_err(errno).map_err(cannot(b"open"))?;
    // File and context are left to the kernel, which ends them with the process. That takes less code.
    let file = ManuallyDrop::new(file);
    set_direct(&*file, true);
    let cx = RawContext::new(1).map_err(cannot(b"set up AIO for"))?;
    let cx = ManuallyDrop::new(cx);
    let mut block = ManuallyDrop::new(PageBuf::new(BLOCK).map_err(cannot(b"get memory for"))?);
    let mut iocb = Iocb {
        aio_lio_opcode: IOCB_CMD_PREAD,
        aio_fildes: file.as_raw_fd().cast_unsigned(),
        aio_buf: block.as_mut_ptr().expose_provenance() as u64,
        aio_nbytes: BLOCK as u64,
        aio_offset: number.saturating_mul(BLOCK as u64).cast_signed(),
        ..Iocb::default()
    };
    // SAFETY: (1) `iocb` is a local variable; (2) the file is ours, and open; (3) `block` is not used until
    // the event has come. If it does not come, the process ends.
    unsafe { cx.submit(&[&raw mut iocb]) }.map_err(cannot(b"read"))?;
    let mut event = [MaybeUninit::<IoEvent>::uninit()];
    let res = loop {
        match cx.getevents(1, &mut event, None) {
            Ok([event]) => break event.res,
            // A signal came before.
            Ok(_) | Err(ContextError::Os { errno: Errno::EINTR, .. }) => {}
            Err(error) => return Err(cannot(b"wait for")(error)),
        }
    };
    match usize::try_from(res) {
        Ok(0) => Err(Failure { doing: b"read", why: None }),
        Ok(bytes) => {
            let bytes = block.get(..bytes).unwrap_or_default();
            nolibc::write(stdout(), bytes).map_err(errno).map_err(cannot(b"show"))
        }
        Err(_) => {
            let why = i32::try_from(res).ok().and_then(|res| Errno::from_raw(-res));
            Err(Failure { doing: b"read", why })
        }
    }
}
