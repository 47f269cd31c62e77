//! `rounds ROUNDS FILE...`: the evaluation's participant without libc. In each round it opens all
//! files, reads each whole, and closes them; then it sleeps for a millisecond.

#![no_std]
#![no_main]

use core::{ffi::CStr, mem::ManuallyDrop};
use linux_aio::{Batch, Context, PageBuf, Request};
use nolibc::{Args, Line, exit, fd, stderr, stdout};
use rustix::{
    fd::OwnedFd,
    fs::{Mode, OFlags, fstat, open},
    stdio::stdin,
    thread::{Timespec, nanosleep},
};

/// The largest number of files in a round.
const MOST: usize = 64;
/// The size of the largest file, in bytes.
const LARGEST: usize = 100 << 10;

nolibc::entry!(main);

fn main(args: Args) -> ! {
    match work(args) {
        Ok(()) => exit(0),
        Err(what) => {
            Line::new(stderr()).text(b"rounds: ").text(what.as_bytes()).end();
            exit(1)
        }
    }
}

/// A file, and how many bytes it has.
type Whole = (&'static CStr, usize);
type Failure = &'static str;

fn work(mut args: Args) -> Result<(), Failure> {
    let number = args.nth(1).and_then(|number| number.to_str().ok()?.parse::<u32>().ok());
    let rounds = number.ok_or("usage: rounds ROUNDS FILE...")?;
    let mut files = [(c"", 0); MOST];
    let mut count = 0;
    for path in args {
        let file = files.get_mut(count).ok_or("at most 64 files")?;
        let stat = open_file(path)
            .and_then(|file| fstat(&file).map_err(|_| "cannot read the size of a file"))?;
        *file =
            (path, usize::try_from(stat.st_size).map_err(|_| "the size of a file is negative")?);
        count += 1;
    }
    let files = files.get(..count).unwrap_or_default();

    let cx = Context::new(MOST).map_err(|_| "cannot set up AIO")?;
    // The kernel ends the context with the process.
    let mut cx = ManuallyDrop::new(cx);
    let mut bufs = [const { PageBuf::empty() }; MOST];
    for buf in &mut bufs {
        *buf = PageBuf::new(LARGEST + 1).map_err(|_| "no memory for a buffer")?;
    }
    round(&mut cx, files, &mut bufs)?;
    nolibc::write(stdout(), b"r").map_err(|_| "cannot write to standard output")?;
    // SAFETY: nothing here closes it.
    let stdin = unsafe { stdin() };
    rustix::io::read(stdin, &mut [0]).map_err(|_| "cannot read from standard input")?;
    for _ in 0..rounds {
        round(&mut cx, files, &mut bufs)?;
        let _slept_or_interrupted = nanosleep(&Timespec { tv_sec: 0, tv_nsec: 1_000_000 });
    }
    nolibc::write(stdout(), b"d").map_err(|_| "cannot write to standard output")?;
    while rustix::io::read(stdin, &mut [0]).is_ok_and(|bytes| bytes > 0) {}
    Ok(())
}

type Cx = Context<PageBuf, usize>;

/// Opens all files, reads each whole, and closes them.
fn round(cx: &mut Cx, files: &[Whole], bufs: &mut [PageBuf; MOST]) -> Result<(), Failure> {
    let mut opened = [const { None }; MOST];
    for (place, (path, _)) in opened.iter_mut().zip(files) {
        *place = Some(open_file(path)?);
    }
    let mut batch = Batch::<_, _, _, MOST>::new();
    for (index, (file, buf)) in opened.iter().flatten().zip(&mut *bufs).enumerate() {
        let buf = core::mem::take(buf);
        let pushed = batch.push(Request::read(fd(file), buf, 0).tag(index));
        pushed.map_err(|_| "the batch is full")?;
    }
    cx.submit(&mut batch).map_err(|_| "cannot submit")?;
    drop(batch);
    while cx.outstanding() > 0 {
        for done in cx.wait_all(None).map_err(|_| "cannot wait")? {
            let size = files.get(done.tag).map(|(_, size)| *size);
            if done.result.ok() != size {
                return Err("a read failed");
            }
            if let Some(place) = bufs.get_mut(done.tag) {
                *place = done.buf;
            }
        }
    }
    Ok(())
}

fn open_file(path: &CStr) -> Result<OwnedFd, Failure> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    open(path, flags, Mode::empty()).map_err(|_| "cannot open a file")
}
