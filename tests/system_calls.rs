//! The crate makes the system calls that docs/SYSTEM_CALLS.md lists, and no others. Each method runs
//! in a child process with a seccomp filter made from its row, which kills the child at any other
//! call.

use crate::support::{Child, direct_file_with, file_with, forbid_all_but};
use linux_aio::{
    Batch, BufPool, BusyPoll, Context, Driver, Fd, PageBuf, PageKind, PollEvents, Probe, Request,
    SignalSet,
    abi::{IoEvent, Iocb},
    direct::Alignment,
    raw::RawContext,
};
use std::{
    collections::BTreeMap, fs::File, io, mem::MaybeUninit, os::fd::AsRawFd as _, sync::Arc,
    time::Duration,
};

const TABLE: &str = include_str!("../docs/SYSTEM_CALLS.md");

/// The text between backquotes.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The system calls of each row, by the cell with its methods.
fn rows() -> BTreeMap<&'static str, Vec<&'static str>> {
    let table = TABLE.lines().skip_while(|line| !line.starts_with("| method")).skip(2);
    table
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            let methods = cells.next().unwrap();
            let calls = cells.flat_map(names).filter(|name| number(name).is_some());
            (methods, calls.collect())
        })
        .collect()
}

/// The number of a system call.
fn number(name: &str) -> Option<i64> {
    Some(match name {
        "clock_gettime" => libc::SYS_clock_gettime,
        "close" => libc::SYS_close,
        "eventfd2" => libc::SYS_eventfd2,
        "fcntl" => libc::SYS_fcntl,
        "fdatasync" => libc::SYS_fdatasync,
        "fstatfs" => libc::SYS_fstatfs,
        "ioctl" => libc::SYS_ioctl,
        "io_cancel" => libc::SYS_io_cancel,
        "io_destroy" => libc::SYS_io_destroy,
        "io_getevents" => libc::SYS_io_getevents,
        "io_pgetevents" => crate::support::SYS_IO_PGETEVENTS,
        "io_setup" => libc::SYS_io_setup,
        "io_submit" => libc::SYS_io_submit,
        "madvise" => libc::SYS_madvise,
        "mmap" => libc::SYS_mmap,
        "munmap" => libc::SYS_munmap,
        "openat" => libc::SYS_openat,
        "pread64" => libc::SYS_pread64,
        "ppoll" => libc::SYS_ppoll,
        "read" => libc::SYS_read,
        "rt_sigprocmask" => libc::SYS_rt_sigprocmask,
        "statx" => libc::SYS_statx,
        "write" => libc::SYS_write,
        _ => return None,
    })
}

/// The system calls of the row that begins with this method.
fn calls_of(method: &str) -> Vec<&'static str> {
    let rows = rows();
    let found = rows.iter().find(|(methods, _)| names(methods).next() == Some(method));
    found.unwrap_or_else(|| panic!("docs/SYSTEM_CALLS.md has no row for {method}")).1.clone()
}

/// The exit status of a child that runs `f` with these system calls only. The value of `prepare` is
/// leaked, so that dropping it makes no calls.
fn status<S>(calls: &[&str], prepare: impl FnOnce() -> S, f: impl FnOnce(&mut S)) -> i32 {
    let numbers = calls.iter().filter_map(|name| number(name)).collect::<Vec<_>>();
    Child::new(|| {
        let state = Box::leak(Box::new(prepare()));
        forbid_all_but(&numbers);
        f(state);
    })
    .status()
}

/// Checks that `f` makes only system calls of the rows of these methods.
#[track_caller]
fn check<S>(methods: &[&str], prepare: impl FnOnce() -> S, f: impl FnOnce(&mut S)) {
    let calls = methods.iter().flat_map(|method| calls_of(method)).collect::<Vec<_>>();
    let status = status(&calls, prepare, f);
    assert_eq!(status, 0, "{methods:?} made another call than {calls:?} (status 31 is SIGSYS)");
}

type Cx = Context<PageBuf, u8>;

struct Io {
    cx: Cx,
    batch: Batch<Arc<File>, PageBuf, u8, 4>,
    /// Keeps the file of the batch open: closing it is not the crate's call.
    _file: Arc<File>,
    poll: (io::PipeReader, io::PipeWriter),
}

/// A context, a batch with a read in it, and an empty pipe.
fn io() -> Io {
    let mut batch = Batch::new();
    let _file = Arc::new(file_with(&[7; 4096]));
    let read = Request::read(Arc::clone(&_file), PageBuf::new(4096).unwrap(), 0);
    batch.push(read.tag(1)).unwrap();
    Io { cx: Cx::new(8).unwrap(), batch, _file, poll: io::pipe().unwrap() }
}

/// The same, with the read and a poll in flight.
fn in_flight() -> Io {
    let mut io = io();
    io.cx.submit(&mut io.batch).unwrap();
    let poll = Request::poll(&io.poll.0).events(PollEvents::IN).with_buf(PageBuf::empty()).tag(2);
    io.cx.submit_one(poll).unwrap();
    io
}

#[test]
fn filter_kills_at_unlisted_call() {
    let killed = status(&["io_getevents"], io, |io| _ = io.cx.submit(&mut io.batch));
    assert_eq!(killed & 0x7f, libc::SIGSYS, "the filter kills it");
    let rows = rows();
    assert!(rows.len() > 15, "too few rows: {rows:?}");
}

#[test]
fn set_up_and_end_make_listed_calls_only() {
    check(&["Context::new"], || {}, |()| core::mem::forget(Cx::new(8).unwrap()));
    check(&["Context::new"], || {}, |()| _ = Cx::new(0).unwrap_err());
    check(&["Context::new"], || {}, |()| _ = Cx::new(4_000_000).unwrap_err());
    let taken = || Some(Cx::new(8).unwrap());
    check(&["Context::close"], taken, |cx| cx.take().unwrap().close().unwrap());
    check(&["Context::close"], taken, |cx| drop(cx.take()));
    let with_eventfd = || {
        let mut cx = Cx::new(8).unwrap();
        let eventfd = rustix::event::eventfd(0, rustix::event::EventfdFlags::empty()).unwrap();
        cx.set_eventfd(Some(Fd::from(&eventfd))).unwrap();
        Some(cx)
    };
    check(&["Context::close"], with_eventfd, |cx| drop(cx.take()));
}

#[test]
fn submissions_make_listed_calls_only() {
    check(&["Context::submit"], io, |io| {
        assert_eq!(io.cx.submit(&mut io.batch).unwrap().accepted, 1)
    });
    // Refused requests: one is counted on the eventfd of the context, the other has an invalid one of
    // its own.
    let refused = || {
        let mut io = io();
        let eventfd = rustix::event::eventfd(0, rustix::event::EventfdFlags::empty()).unwrap();
        io.cx.set_eventfd(Some(Fd::from(&eventfd))).unwrap();
        io
    };
    check(&["Context::submit"], refused, |io| {
        // SAFETY: it is not open, and refused.
        let closed = unsafe { Fd::from_raw(-1) };
        io.cx.submit_one(Request::read(closed, PageBuf::empty(), 0).tag(1)).unwrap();
        let read = Request::read(&io.poll.0, PageBuf::empty(), 0).tag(2);
        io.cx.submit_one(read.eventfd(&io.poll.1)).unwrap();
        assert_eq!(io.cx.stats().refused, 2);
    });
    check(&["Request"], io, |io| {
        let request = Request::fsync(&io.poll.0).with_buf(PageBuf::empty()).tag(3);
        assert!(request.into_any().info().offset() == 0 && io.batch.iter().count() == 1);
    });
}

#[test]
fn waits_make_listed_calls_only() {
    for ring in [true, false] {
        let prepare = || {
            let mut io = in_flight();
            io.cx.use_ring(ring);
            io
        };
        check(&["Context::reap"], prepare, |io| core::mem::forget(io.cx.reap_one().unwrap()));
        check(&["Context::wait"], prepare, |io| core::mem::forget(io.cx.wait_one(None).unwrap()));
        check(&["Context::wait"], prepare, |io| {
            assert!(io.cx.wait_all(Some(Duration::from_millis(1))).unwrap().len() <= 1);
        });
        check(&["Context::wait"], prepare, |io| {
            io.cx.set_busy_poll(BusyPoll::Always(Duration::from_micros(100)));
            assert!(io.cx.wait_all(Some(Duration::from_millis(1))).unwrap().len() <= 1);
        });
        check(&["Context::wait_with_mask"], prepare, |io| {
            let timeout = Some(Duration::from_millis(1));
            assert!(io.cx.wait_with_mask(2, timeout, SignalSet::EMPTY).unwrap().len() <= 1);
        });
        check(&["Context::has_completions"], prepare, |io| {
            assert!(io.cx.has_completions().unwrap());
            assert_eq!((io.cx.in_flight().count(), io.cx.outstanding()), (2, 2));
            assert_eq!((io.cx.last_submitted().len(), io.cx.stats().accepted), (1, 2));
        });
    }
}

#[test]
fn other_methods_make_listed_calls_only() {
    check(&["Context::cancel"], in_flight, |io| {
        assert_eq!(io.cx.cancel_tag(&2).unwrap(), linux_aio::CancelResult::Cancelled);
        io.cx.cancel_tag(&1).unwrap();
        assert_eq!(io.cx.cancel_tag(&9).unwrap(), linux_aio::CancelResult::NotInFlight);
    });
    check(&["Context::set_busy_poll"], io, |io| {
        io.cx.set_busy_poll(BusyPoll::Adaptive(Duration::from_micros(150)));
        io.cx.set_busy_poll(BusyPoll::Off);
    });
    check(&["Context::has_completions"], io, |io| _ = io.cx.busy_polls());
    let written = || (Cx::new(4).unwrap(), file_with(&[]));
    let methods = ["Context::write_and_sync", "Context::submit", "Context::wait"];
    check(&methods, written, |(cx, file)| {
        let mut batch = Batch::<_, _, _, 2>::new();
        batch.push(Request::write(&*file, PageBuf::empty(), 0).tag(1)).unwrap();
        cx.write_and_sync(&mut batch, &*file, core::mem::forget).unwrap();
    });
    check(&["Context::set_eventfd"], io, |io| {
        // A pipe is not an eventfd.
        io.cx.set_eventfd(Some(Fd::from(&io.poll.0))).unwrap_err();
    });
    let eventfd = || {
        let eventfd = rustix::event::eventfd(0, rustix::event::EventfdFlags::empty()).unwrap();
        (Cx::new(1).unwrap(), eventfd)
    };
    check(&["Context::set_eventfd"], eventfd, |(cx, eventfd)| {
        cx.set_eventfd(Some(Fd::from(&*eventfd))).unwrap();
        cx.set_eventfd(Some(Fd::from(&*eventfd))).unwrap();
    });
    check(&["Context::scope", "Context::submit"], io, |io| {
        let (pipe, mut byte) = (&io.poll.0, [0; 4096]);
        io.cx
            .scope(|cx: &mut Context<&mut [u8], [u8; 100]>| {
                cx.submit_one(Request::poll(pipe).with_buf(&mut byte[..]).tag([0; 100]))
            })
            .unwrap();
    });
    check(
        &["scope"],
        || {},
        |()| {
            linux_aio::scope(1, |_: &mut Context<(), ()>| Ok::<(), linux_aio::Error>(())).unwrap();
        },
    );
    check(&["PageBuf::new"], || {}, |()| core::mem::forget(PageBuf::new(4096).unwrap()));
    check(&["PageBuf::new"], || {}, |()| core::mem::forget(PageBuf::new(4 << 20).unwrap()));
    let page = || Some(PageBuf::new(4096).unwrap());
    check(&["PageBuf"], page, |page| drop(page.take()));
    let file = || file_with(&[7; 8192]);
    check(&["direct::Alignment::of"], file, |file| _ = Alignment::of(&*file).unwrap());
    let direct = || direct_file_with(&[7; 8192]);
    check(&["direct::Alignment::of"], direct, |file| {
        if let Some(file) = file {
            Alignment::of(&*file).unwrap();
        }
    });
    check(&["Probe::run"], file, |file| _ = Probe::run(&*file).unwrap());
    check(&["Probe::run"], || io::pipe().unwrap().0, |pipe| _ = Probe::run(&*pipe).unwrap());
}

#[test]
fn pools_make_listed_calls_only() {
    let pool = || Some(BufPool::new(64, 64 << 10).unwrap());
    let new = |pages| core::mem::forget(BufPool::with_pages(4, 4 << 20, pages).unwrap());
    for pages in [PageKind::Base, PageKind::Transparent, PageKind::HugeTlb] {
        check(&["BufPool::new"], || {}, |()| new(pages));
    }
    check(&["BufPool::take"], pool, |pool| {
        let pool = pool.as_mut().unwrap();
        pool.touch();
        let bufs = [(); 3].map(|()| pool.take().unwrap());
        drop(bufs);
        assert_eq!((pool.available(), pool.count(), pool.len_bytes()), (64, 64, 64 << 10));
        let _kind = pool.pages();
    });
    check(&["BufPool::huge_bytes"], pool, |pool| {
        pool.as_ref().unwrap().huge_bytes().unwrap();
    });
    check(&["BufPool"], pool, |pool| {
        let buf = pool.as_ref().unwrap().take();
        drop(pool.take());
        drop(buf);
    });
}

#[test]
fn raw_layer_makes_listed_calls_only() {
    let raw = || (RawContext::new(1).unwrap(), file_with(&[7; 8]));
    let submit = |(cx, file): &mut (RawContext, File)| {
        let mut iocb = Iocb { aio_fildes: file.as_raw_fd().cast_unsigned(), ..Iocb::default() };
        // SAFETY: the iocb is a local variable, the file is open, and no bytes are read.
        assert_eq!(unsafe { cx.submit(&[&raw mut iocb]) }.unwrap(), 1);
    };
    check(&["raw::RawContext::new"], || {}, |()| core::mem::forget(RawContext::new(1).unwrap()));
    check(&["raw::RawContext::submit"], raw, submit);
    let submitted = || {
        let mut raw = raw();
        submit(&mut raw);
        raw
    };
    check(&["raw::RawContext::getevents"], submitted, |(cx, _)| {
        let mut events = [MaybeUninit::<IoEvent>::uninit(); 1];
        assert_eq!(cx.getevents(1, &mut events, None).unwrap().len(), 1);
    });
    check(&["raw::RawContext::pgetevents"], submitted, |(cx, _)| {
        let mut events = [MaybeUninit::<IoEvent>::uninit(); 1];
        assert_eq!(cx.pgetevents(1, &mut events, None, SignalSet::EMPTY).unwrap().len(), 1);
    });
    let taken = || Some(RawContext::new(1).unwrap());
    check(&["raw::RawContext::destroy"], taken, |cx| cx.take().unwrap().destroy().unwrap());
}

type FileDriver = Driver<PageBuf, Arc<File>>;

#[test]
fn drivers_make_listed_calls_only() {
    type State = (Option<FileDriver>, Arc<File>, Arc<File>);
    let prepare = || -> State {
        let file = Arc::new(file_with(&[7; 4096]));
        let (reader, writer) = io::pipe().unwrap();
        core::mem::forget(writer);
        let pipe = Arc::new(File::from(std::os::fd::OwnedFd::from(reader)));
        (Some(Driver::new(4).unwrap()), file, pipe)
    };
    check(&["Driver::new"], || {}, |()| core::mem::forget(FileDriver::new(8).unwrap()));
    check(&["Driver::new"], || {}, |()| _ = FileDriver::new(4_000_000).unwrap_err());
    check(&["Driver"], prepare, |(driver, ..)| drop(driver.take()));
    let read = |file: &Arc<File>| Request::read(Arc::clone(file), PageBuf::empty(), 0);
    check(&["Driver::start"], prepare, |(driver, file, _)| {
        let driver = driver.as_ref().unwrap();
        let op = driver.start(read(file)).unwrap();
        assert!(driver.poll_staged(std::task::Waker::noop()).is_ready());
        drop(op);
        assert_eq!((driver.free(), driver.staged(), driver.stats().accepted), (4, 0, 0));
    });
    check(&["Driver::turn"], prepare, |(driver, file, pipe)| {
        let driver = driver.as_ref().unwrap();
        let poll =
            Request::poll(Arc::clone(pipe)).events(PollEvents::IN).with_buf(PageBuf::empty());
        let ops = (driver.start(poll).unwrap(), driver.start(read(file)).unwrap());
        driver.turn().unwrap();
        drop(ops);
        driver.turn().unwrap();
        core::mem::forget(driver.start(read(file)).unwrap());
        driver.flush().unwrap();
    });
    check(&["Driver::park", "Driver::turn"], prepare, |(driver, _, _)| {
        driver.as_ref().unwrap().park(Some(Duration::from_millis(1))).unwrap();
    });
    check(&["Driver::unpark", "Driver::park", "Driver::turn"], prepare, |(driver, _, _)| {
        driver.as_ref().unwrap().unpark();
        driver.as_ref().unwrap().park(None).unwrap();
    });
}
