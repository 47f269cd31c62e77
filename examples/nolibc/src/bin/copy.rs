//! `copy SOURCE DESTINATION` copies a file or a disk to a file or a disk, with 32 requests in flight.
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
        Line::new(stderr()).text(b"usage: copy SOURCE DESTINATION").end();
        exit(2);
    };
    let source = End::open(source, OFlags::RDONLY);
    let destination = End::open(destination, OFlags::WRONLY | OFlags::CREATE);
    if source.identity() == destination.identity() {
        destination.fail("write to", None, "it is the source");
    }
    let size = match seek(&source.file, SeekFrom::End(0)) {
        Ok(size) => size,
        Err(error) => source.fail("measure", None, error),
    };
    if !destination.is_disk()
        && let Err(error) = ftruncate(&destination.file, size)
    {
        destination.fail("resize", None, error);
    }

    let mut cx = Context::new(DEPTH).unwrap_or_else(|error| fail("set up AIO", error.errno()));
    let sectors = size - size % SECTOR;
    copy(&mut cx, &source, &destination, 0..sectors);
    source.set_direct(false);
    destination.set_direct(false);
    copy(&mut cx, &source, &destination, sectors..size);
    if let Err(error) = fsync(&destination.file) {
        destination.fail("finish", None, error);
    }
    Line::new(stdout()).text(b"copy: ").number(size).text(b" bytes").end();
    exit(0)
}

/// Copies a part of the file.
fn copy(cx: &mut Context<PageBuf, Block>, source: &End, destination: &End, part: Range<u64>) {
    let mut work = Work { source, destination, part, batch: Batch::new() };
    while !work.batch.is_full() && !work.part.is_empty() {
        work.begin(PageBuf::new(BLOCK).unwrap_or_else(|error| fail("get memory", error)));
    }
    loop {
        match cx.submit(&mut work.batch) {
            Ok(_) => {}
            // The kernel has no memory for all of them. The rest follows later.
            Err(error) if error.cause == ContextError::Again && cx.outstanding() > 0 => {}
            Err(error) => fail("submit", error.errno()),
        }
        if cx.outstanding() == 0 {
            return;
        }
        for done in cx.wait(1, None).unwrap_or_else(|error| fail("wait", error.errno())) {
            work.advance(done);
        }
    }
}

/// A part that is copied at a time: a read into a buffer, then a write from it.
#[derive(Clone, Copy)]
struct Block {
    offset: u64,
    len: usize,
    /// How many bytes have been read, or written.
    done: usize,
    writing: bool,
    /// Whether the request in flight uses direct I/O.
    direct: bool,
}

impl Block {
    /// The position of the request in the file.
    fn position(&self) -> u64 {
        self.offset + self.done as u64
    }
}

/// What the requests have in common. Each buffer is in the batch or in the context.
struct Work<'a> {
    source: &'a End,
    destination: &'a End,
    /// The part that has not been started.
    part: Range<u64>,
    batch: Batch<Borrowed<'a>, PageBuf, Block, DEPTH>,
}

impl Work<'_> {
    /// Starts the next block. If there is none, the buffer is freed.
    fn begin(&mut self, buf: PageBuf) {
        let Range { start: offset, end } = self.part;
        let len = usize::try_from(end - offset).unwrap_or(BLOCK).min(BLOCK);
        if len > 0 {
            self.part.start += len as u64;
            self.push(buf, Block { offset, len, done: 0, writing: false, direct: false });
        }
    }

    /// Adds a request for the rest of the block.
    fn push(&mut self, buf: PageBuf, mut block: Block) {
        let end = if block.writing { self.destination } else { self.source };
        block.direct = end.direct.get();
        let request = if block.writing {
            Request::write(fd(&end.file), buf, block.position())
        } else {
            Request::read(fd(&end.file), buf, block.position())
        };
        let request = request.tag(block).range(block.done..block.len);
        let request = request.unwrap_or_else(|_| fail("ask for that", Errno::EINVAL));
        self.batch.push(request).unwrap_or_else(|_| fail("ask for more", Errno::ENOBUFS))
    }

    /// Decides what follows a request.
    fn advance(&mut self, done: Completion<PageBuf, Block>) {
        let Completion { buf, tag: mut block, result, .. } = done;
        let (end, doing) =
            if block.writing { (self.destination, "write") } else { (self.source, "read") };
        match result {
            Ok(0) => end.fail(doing, Some(block.position()), "it ends there"),
            Ok(bytes) => block.done += bytes,
            // A signal came before the transfer.
            Err(Errno::EINTR) => {}
            // The file system has no direct I/O, or the rest is not aligned for it.
            Err(Errno::EINVAL) if block.direct => end.set_direct(false),
            Err(errno) => end.fail(doing, Some(block.position()), errno),
        }
        if block.done < block.len {
            self.push(buf, block);
        } else if block.writing {
            self.begin(buf);
        } else {
            self.push(buf, Block { done: 0, writing: true, ..block });
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
            Err(error) => cannot("open", path, None, error.into()),
        };
        let stat = match fstat(&file) {
            Ok(stat) => stat,
            Err(error) => cannot("open", path, None, error.into()),
        };
        let end = Self { path, file, stat, direct: Cell::new(false) };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile | FileType::BlockDevice => {}
            _ => end.fail("copy", None, "it is neither a file nor a disk"),
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

impl From<rustix::io::Errno> for Why {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Errno(errno(error))
    }
}

impl From<&'static str> for Why {
    fn from(why: &'static str) -> Self {
        Self::Text(why)
    }
}

/// Ends the program with a message: something could not be done with a file.
#[cold]
fn cannot(doing: &str, path: &CStr, at: Option<u64>, why: Why) -> ! {
    let mut line = Line::new(stderr());
    line.text(b"copy: cannot ").text(doing.as_bytes()).text(b" ").text(path.to_bytes());
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

/// Ends the program with a message: something could not be done with AIO.
///
/// The error itself explains more (`Display`), but formatting makes the program 6 KiB larger.
#[cold]
fn fail(doing: &str, errno: Errno) -> ! {
    let mut line = Line::new(stderr());
    line.text(b"copy: cannot ").text(doing.as_bytes()).text(b": ").errno(errno).end();
    exit(1)
}
