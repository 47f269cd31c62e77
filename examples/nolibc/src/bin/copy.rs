//! `copy SRC DST` copies a file or a disk to a file or a disk, with 32 requests in flight.
//!
//! Whole sectors are copied by direct I/O where that is possible. The rest, less than a sector, is copied
//! through the page cache. The status is 0 when everything is on the disk; otherwise it is 1, with a
//! message, and what has been written stays.

#![no_std]
#![no_main]

use core::{cell::Cell, ffi::CStr, ops::Range};
use linux_aio::{Batch, Borrowed, Completion, Context, ContextError, Errno, PageBuf, Request};
use nolibc::{Args, Line, errno, exit, fd, set_direct, stderr, stdout};
use rustix::{
    fd::OwnedFd,
    fs::{FileType, Mode, OFlags, SeekFrom, Stat, fstat, fsync, ftruncate, open, seek},
};

/// How many requests are in flight.
const DEPTH: usize = 32;
/// The size of a request, in bytes.
const BLOCK: usize = 64 << 10;
/// The alignment of direct I/O, in bytes: the largest sector size.
const SECTOR: u64 = 4096;

nolibc::entry!(main);

fn main(mut args: Args) -> ! {
    let (_name, source, destination, more) = (args.next(), args.next(), args.next(), args.next());
    let (Some(source), Some(destination), None) = (source, destination, more) else {
        Line::new(stderr()).text(b"usage: copy SRC DST").end();
        exit(2);
    };
    let source = End::open(source, OFlags::RDONLY);
    let destination = End::open(destination, OFlags::WRONLY | OFlags::CREATE);
    if source.identity() == destination.identity() {
        destination.fail("write to", None, "it is the source");
    }
    let size = match seek(&source.file, SeekFrom::End(0)) {
        Ok(size) => size,
        Err(error) => fail("measure", source.path, errno(error)),
    };
    if !destination.is_disk()
        && let Err(error) = ftruncate(&destination.file, size)
    {
        fail("resize", destination.path, errno(error));
    }

    let mut cx = Context::new(DEPTH).unwrap_or_else(|error| fail("set up", c"AIO", error.errno()));
    let sectors = size - size % SECTOR;
    let mut work =
        Work { source: &source, destination: &destination, part: 0..sectors, batch: Batch::new() };
    copy(&mut cx, &mut work);
    source.set_direct(false);
    destination.set_direct(false);
    work.part = sectors..size;
    copy(&mut cx, &mut work);
    if let Err(error) = fsync(&destination.file) {
        fail("finish", destination.path, errno(error));
    }
    Line::new(stdout()).text(b"copy: ").number(size).text(b" bytes").end();
    exit(0)
}

/// Copies a part of the file.
fn copy(cx: &mut Context<PageBuf, Step>, work: &mut Work<'_>) {
    while !work.batch.is_full() && !work.part.is_empty() {
        work.begin(PageBuf::new(BLOCK).unwrap_or_else(|error| fail("get", c"memory", error)));
    }
    loop {
        match cx.submit(&mut work.batch) {
            Ok(_) => {}
            // The kernel has no memory for all of them. The rest follows later.
            Err(error) if error.cause == ContextError::Again && cx.outstanding() > 0 => {}
            Err(error) => fail("submit", c"requests", error.errno()),
        }
        if cx.outstanding() == 0 {
            return;
        }
        let done = cx.wait(1, None);
        for done in done.unwrap_or_else(|error| fail("wait for", c"requests", error.errno())) {
            work.advance(done);
        }
    }
}

/// The tag of a request. Its position and its range come back with the completion anyway.
#[derive(Clone, Copy)]
struct Step {
    /// Whether it writes to the destination. Otherwise it reads from the source.
    writing: bool,
    /// Whether it uses direct I/O.
    direct: bool,
}

/// What the requests have in common. Each buffer is in the batch or in the context.
struct Work<'a> {
    source: &'a End,
    destination: &'a End,
    /// The part that has not been started.
    part: Range<u64>,
    batch: Batch<Borrowed<'a>, PageBuf, Step, DEPTH>,
}

impl<'a> Work<'a> {
    /// Starts the next block. If there is none, the buffer is freed.
    fn begin(&mut self, buf: PageBuf) {
        let Range { start, end } = self.part;
        let len = usize::try_from(end - start).unwrap_or(BLOCK).min(BLOCK);
        if len > 0 {
            self.part.start += len as u64;
            self.push(buf, false, start, 0..len);
        }
    }

    /// Adds a request for these bytes of the buffer, the first of which is at `position` in the file.
    fn push(&mut self, buf: PageBuf, writing: bool, position: u64, range: Range<usize>) {
        let end = self.end(writing);
        let request = if writing {
            Request::write(fd(&end.file), buf, position)
        } else {
            Request::read(fd(&end.file), buf, position)
        };
        let request = request.tag(Step { writing, direct: end.direct.get() }).range(range);
        let request = request.unwrap_or_else(|_| fail("ask for", c"more", Errno::EINVAL));
        let pushed = self.batch.push(request);
        pushed.unwrap_or_else(|_| fail("ask for", c"more", Errno::EINVAL));
    }

    /// The file that a request accesses.
    fn end(&self, writing: bool) -> &'a End {
        if writing { self.destination } else { self.source }
    }

    /// Decides what follows a request.
    fn advance(&mut self, done: Completion<PageBuf, Step>) {
        let (position, Range { start, end: len }) = (done.info().offset(), done.info().range());
        let Completion { buf, tag: Step { writing, direct }, result, .. } = done;
        let end = self.end(writing);
        let doing = if writing { "write" } else { "read" };
        let bytes = match result {
            Ok(0) => end.fail(doing, Some(position), "it ends there"),
            Ok(bytes) => bytes,
            // A signal came before the transfer.
            Err(Errno::EINTR) => 0,
            // The file system has no direct I/O, or the rest is not aligned for it.
            Err(Errno::EINVAL) if direct => {
                end.set_direct(false);
                0
            }
            Err(errno) => end.fail(doing, Some(position), errno),
        };
        if start + bytes < len {
            self.push(buf, writing, position + bytes as u64, start + bytes..len);
        } else if writing {
            self.begin(buf);
        } else {
            self.push(buf, true, position - start as u64, 0..len);
        }
    }
}

/// The source or the destination.
struct End {
    path: &'static CStr,
    file: OwnedFd,
    stat: Stat,
    direct: Cell<bool>,
}

impl End {
    fn open(path: &'static CStr, flags: OFlags) -> Self {
        let file = match open(path, flags | OFlags::CLOEXEC, Mode::from_raw_mode(0o666)) {
            Ok(file) => file,
            Err(error) => fail("open", path, errno(error)),
        };
        let stat = match fstat(&file) {
            Ok(stat) => stat,
            Err(error) => fail("open", path, errno(error)),
        };
        let end = Self { path, file, stat, direct: Cell::new(false) };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile | FileType::BlockDevice => {}
            _ => end.fail("copy", None, "it is not a file or disk"),
        }
        end.set_direct(true);
        end
    }

    fn set_direct(&self, direct: bool) {
        self.direct.set(set_direct(&self.file, direct) && direct);
    }

    fn is_disk(&self) -> bool {
        FileType::from_raw_mode(self.stat.st_mode) == FileType::BlockDevice
    }

    /// It is the same for two paths that lead to the same file or disk.
    fn identity(&self) -> (bool, u64, u64) {
        match self.is_disk() {
            true => (true, self.stat.st_rdev, 0),
            false => (false, self.stat.st_dev, self.stat.st_ino),
        }
    }

    /// Ends the program with a message: something could not be done with this end.
    fn fail(&self, doing: &str, at: Option<u64>, why: impl Into<Why>) -> ! {
        cannot(doing, self.path, at, why.into())
    }
}

/// Why something failed.
enum Why {
    Errno(Errno),
    Text(&'static str),
}

impl From<Errno> for Why {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<&'static str> for Why {
    fn from(why: &'static str) -> Self {
        Self::Text(why)
    }
}

/// Ends the program with a message.
#[cold]
fn cannot(doing: &str, what: &CStr, at: Option<u64>, why: Why) -> ! {
    let mut line = Line::new(stderr());
    line.text(b"copy: cannot ").text(doing.as_bytes()).text(b" ").text(what.to_bytes());
    if let Some(at) = at {
        line.text(b" at byte ").number(at);
    }
    line.text(b": ");
    match why {
        Why::Errno(errno) => line.errno(errno),
        Why::Text(why) => line.text(why.as_bytes()),
    };
    line.end();
    exit(1)
}

/// Ends the program with a message: a call has failed.
///
/// The errors of the crate explain more (`Display`), but formatting makes the program 6 KiB larger.
#[cold]
fn fail(doing: &str, what: &CStr, errno: Errno) -> ! {
    cannot(doing, what, None, Why::Errno(errno))
}
