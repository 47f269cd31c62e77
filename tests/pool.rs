//! [`BufPool`] on the real kernel: huge pages, the size of the mapping, forks, and buffers that outlive
//! their pool, also in flight.

use crate::support::{Child, direct_file_with, file_with, forbid, in_child, pattern, skip};
use linux_aio::{BufPool, Context, Errno, PageBuf, PageKind, Pieces, PoolBuf, Request};
use std::{
    ffi::CString,
    fs,
    io::{Read as _, Write as _, pipe},
    os::fd::AsRawFd as _,
    ptr,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

const MIB: usize = 1 << 20;
const HUGE: usize = 2 * MIB;

/// Whether the machine may give transparent huge pages to those who ask for them.
fn machine_has_huge_pages() -> bool {
    let enabled = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    let has = enabled.is_ok_and(|text| !text.contains("[never]"));
    if !has {
        skip("transparent huge pages are disabled on this machine");
    }
    has
}

/// The pages of the address space of this process, in bytes.
fn address_space() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').next().unwrap().parse::<usize>().unwrap() * page()
}

fn page() -> usize {
    // SAFETY: no memory is passed.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap()
}

#[test]
fn touched_pool_is_in_huge_pages() {
    if !machine_has_huge_pages() {
        return;
    }
    let mut pool = BufPool::new(64, MIB).unwrap();
    assert_eq!(pool.pages(), PageKind::Transparent);
    let buf = pool.take().unwrap();
    assert_eq!(buf.as_ptr().addr() % HUGE, 0, "it begins at a huge page");
    drop(buf);
    pool.touch();
    assert_eq!(pool.available(), 64);
    let huge = pool.huge_bytes().unwrap();
    // Memory may be fragmented, but not all of it.
    assert!((HUGE..=64 * MIB).contains(&huge), "{huge} bytes in huge pages");
    println!("{} of 64 MiB are in huge pages", huge / MIB);
}

#[test]
fn base_pages_are_not_huge() {
    let mut pool = BufPool::with_pages(8, MIB, PageKind::Base).unwrap();
    pool.touch();
    assert_eq!(pool.pages(), PageKind::Base);
    let small = BufPool::new(4, 4096).unwrap(); // at most 256 KiB
    assert_eq!(small.pages(), PageKind::Base, "a huge page does not fit into it");
}

#[test]
fn large_page_buf_begins_at_huge_page() {
    if !machine_has_huge_pages() {
        return;
    }
    for len in [HUGE, HUGE + 512, 3 * HUGE - 4096] {
        let buf = PageBuf::new(len).unwrap();
        assert_eq!((buf.len(), buf.as_ptr().addr() % HUGE), (len, 0));
        assert!(buf.iter().all(|&byte| byte == 0));
    }
}

#[test]
fn pool_maps_what_was_asked_for_and_unmaps_it() {
    in_child(|| {
        let before = address_space();
        for (count, len) in [(1, 512), (3, 4096), (64, 256 << 10), (5, MIB + 4096), (1000, 512)] {
            let asked = count * len.next_multiple_of(page());
            let pool = BufPool::new(count, len).unwrap();
            let mapped = address_space() - before;
            // The blocks, and a page of state.
            assert_eq!(mapped, asked + page(), "{count} x {len}");
            drop(pool);
            assert_eq!(address_space(), before, "{count} x {len}: unmapped");
            let buf = PageBuf::new(asked).unwrap();
            assert_eq!(address_space() - before, asked, "PageBuf of {asked}");
            drop(buf);
            assert_eq!(address_space(), before);
        }
    });
}

#[test]
fn limited_address_space_is_enomem() {
    in_child(|| {
        let limit = (address_space() + 64 * MIB) as u64;
        let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
        // SAFETY: the kernel reads one struct.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
        // An aligned mapping of 63 MiB needs more address space for a moment.
        let pool = BufPool::new(63, MIB).unwrap();
        assert!(pool.take().is_some());
        drop(pool);
        assert_eq!(BufPool::new(100, MIB).err(), Some(Errno::ENOMEM));
        assert!(BufPool::new(63, MIB).is_ok(), "nothing of the failed attempts is mapped");
    });
}

#[test]
fn transparent_pages_set_to_never_give_base_pages() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, "always madvise [never]\n").unwrap();
    let source = CString::new(file.path().to_str().unwrap()).unwrap();
    let target = c"/sys/kernel/mm/transparent_hugepage/enabled";
    // SAFETY: no memory is passed.
    if unsafe { libc::geteuid() } != 0 {
        return skip("mounting needs root");
    }
    in_child(|| {
        // SAFETY: the child has one thread; its mounts are its own from here on.
        assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNS) }, 0);
        let mount = |from: &std::ffi::CStr, to: &std::ffi::CStr, flags| {
            let null = std::ptr::null();
            // SAFETY: both paths end in a zero byte.
            unsafe { libc::mount(from.as_ptr(), to.as_ptr(), null, flags, null.cast()) }
        };
        assert_eq!(mount(c"none", c"/", libc::MS_REC | libc::MS_PRIVATE), 0);
        assert_eq!(mount(&source, target, libc::MS_BIND), 0);
        // SAFETY: no memory is passed.
        assert_eq!(unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) }, 0);
        let mut pool = BufPool::with_pages(8, MIB, PageKind::Transparent).unwrap();
        assert_eq!(pool.pages(), PageKind::Base);
        pool.touch();
        assert_eq!(pool.huge_bytes(), Ok(0));
    });
}

/// Whether the descriptor 0 is open.
fn stdin_is_open() -> bool {
    // SAFETY: no memory is passed.
    unsafe { libc::fcntl(0, libc::F_GETFD) != -1 }
}

#[test]
fn standard_streams_are_neither_read_nor_closed() {
    // The sandbox lets `openat` return 0, without opening anything.
    in_child(|| {
        let (reader, mut writer) = pipe().unwrap();
        // SAFETY: no memory is passed. Only this thread exists in the child.
        assert_eq!(unsafe { libc::dup2(reader.as_raw_fd(), 0) }, 0);
        writer.write_all(b"for the program").unwrap();
        forbid(libc::SYS_openat, &[], 0);
        let pool = BufPool::new(4, MIB).unwrap();
        assert_eq!(pool.huge_bytes(), Err(Errno::EBADF));
        assert!(stdin_is_open());
        let mut text = [0; 15];
        (&reader).read_exact(&mut text).unwrap();
        assert_eq!(&text, b"for the program");
    });
    // A program that has closed its standard input gets the descriptor 0 from `openat`.
    in_child(|| {
        // SAFETY: nothing in the child uses the descriptor.
        unsafe { libc::close(0) };
        let pool = BufPool::new(4, MIB).unwrap();
        assert!(pool.huge_bytes().is_ok());
        assert!(!stdin_is_open(), "what was opened is closed again");
    });
}

#[test]
fn buffers_in_flight_outlive_their_pool() {
    let content = pattern(16 * MIB);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let mut cx = Context::<PoolBuf, usize>::new(16).unwrap();
    let pool = BufPool::new(16, MIB).unwrap();
    for tag in 0..16 {
        let buf = pool.take().unwrap();
        cx.submit_one(Request::read(&file, buf, (tag * MIB) as u64).tag(tag)).unwrap();
    }
    assert!(pool.take().is_none());
    drop(pool);
    // One is leaked: its pool stays mapped.
    let mut leaked = None;
    for done in cx.wait_all(None).unwrap() {
        assert_eq!(done.result, Ok(MIB));
        assert!(done.buf[..] == content[done.tag * MIB..][..MIB]);
        match done.tag {
            5 => leaked = Some(std::mem::ManuallyDrop::new(done.buf)),
            _ => thread::spawn(|| drop(done.buf)).join().unwrap(),
        }
    }
    assert!(leaked.unwrap()[..] == content[5 * MIB..][..MIB]);
}

#[test]
fn context_dropped_in_flight_gives_buffers_back() {
    let content = pattern(8 * MIB);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let pool = BufPool::new(8, MIB).unwrap();
    let mut cx = Context::<PoolBuf, ()>::new(8).unwrap();
    for number in 0..8 {
        let buf = pool.take().unwrap();
        cx.submit_one(Request::read(&file, buf, (number * MIB) as u64)).unwrap();
    }
    drop(cx);
    assert_eq!(pool.available(), 8);
    let mut cx = Context::<PoolBuf, ()>::new(8).unwrap();
    cx.submit_one(Request::read(&file, pool.take().unwrap(), 0)).unwrap();
    std::mem::forget(cx);
    assert_eq!(pool.available(), 7, "a buffer of a leaked context is not given back");
}

#[test]
fn forked_child_has_its_own_copy_of_pool() {
    let pool = BufPool::new(4, HUGE).unwrap();
    let mut ours = pool.take().unwrap();
    ours.fill(1);
    let mut theirs = pool.take().unwrap();
    theirs.fill(2);
    let child = Child::new(move || {
        assert!(theirs.iter().all(|&byte| byte == 2));
        theirs.fill(3);
        drop(theirs);
        assert_eq!(pool.available(), 3);
        let more = [(); 3].map(|()| pool.take().unwrap());
        assert!(pool.take().is_none());
        drop(pool);
        drop(more);
        assert!(ours.iter().all(|&byte| byte == 1), "the memory is still mapped");
        drop(ours);
    });
    assert_eq!(child.status(), 0);
}

/// The pool that the signal handler uses, and what it has seen.
static SHARED: OnceLock<BufPool> = OnceLock::new();
static TAKEN: AtomicUsize = AtomicUsize::new(0);
static IN_USE: AtomicUsize = AtomicUsize::new(0);

/// Takes a buffer, checks that nobody has it, and gives it back.
fn use_buffer(mark: u8) -> Option<()> {
    let mut buf = SHARED.get()?.take()?;
    let byte = &raw mut buf[0];
    for (expected, new) in [(0, mark), (mark, 0)] {
        // SAFETY: the pointer was made from a reference to the buffer, which nothing else uses.
        if unsafe { byte.read_volatile() } != expected {
            IN_USE.fetch_add(1, Relaxed);
        }
        // SAFETY: as above.
        unsafe { byte.write_volatile(new) };
    }
    Some(())
}

extern "C" fn use_buffer_in_handler(_signal: libc::c_int) {
    if use_buffer(2).is_some() {
        TAKEN.fetch_add(1, Relaxed);
    }
}

#[test]
fn signal_handler_takes_and_drops_buffers() {
    const BUFFERS: usize = 2;
    in_child(|| {
        SHARED.set(BufPool::new(BUFFERS, 4096).unwrap()).unwrap();
        // SAFETY: the handler calls no function but the pool's, which use atomics only.
        unsafe { libc::signal(libc::SIGALRM, use_buffer_in_handler as *const () as usize) };
        let every = libc::timeval { tv_sec: 0, tv_usec: 100 };
        let timer = libc::itimerval { it_interval: every, it_value: every };
        // SAFETY: the kernel reads one struct.
        let started =
            unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, ptr::null_mut()) };
        assert_eq!(started, 0);
        while TAKEN.load(Relaxed) < 2000 {
            use_buffer(1).expect("the handler has given its buffer back");
        }
        // SAFETY: this ignores the signal from now on.
        unsafe { libc::signal(libc::SIGALRM, libc::SIG_IGN) };
        assert_eq!(IN_USE.load(Relaxed), 0, "buffers that had two owners");
        assert_eq!(SHARED.get().map(BufPool::available), Some(BUFFERS));
    });
}

#[test]
fn parent_keeps_pool_that_child_drops() {
    let file = file_with(&pattern(4096));
    let pool = BufPool::new(2, 4096).unwrap();
    let buf = pool.take().unwrap();
    let address = buf.as_ptr().addr();
    let held = std::cell::Cell::new(Some((pool, buf)));
    in_child(|| drop(held.take()));
    let (pool, buf) = held.take().unwrap();
    assert_eq!((pool.available(), buf.as_ptr().addr()), (1, address));
    let mut cx = Context::<PoolBuf, ()>::new(1).unwrap();
    cx.submit_one(Request::read(&file, buf, 0)).unwrap();
    let done = cx.wait_one(None).unwrap().unwrap();
    assert_eq!((done.result, &done.buf[..]), (Ok(4096), &pattern(4096)[..]));
    drop(done);
    assert_eq!(pool.available(), 2);
}

#[test]
fn reads_into_pool_survive_fork() {
    let content = pattern(32 * 16_384);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    // Each buffer has pages of its own, so a write to another buffer after the fork loses no bytes.
    let mut pool = BufPool::with_pages(64, 16_384, PageKind::Base).unwrap();
    pool.touch();
    for _ in 0..10 {
        let mut cx = Context::<PoolBuf, usize>::new(32).unwrap();
        let mut others = Vec::new();
        for tag in 0..32 {
            let buf = pool.take().unwrap();
            others.push(pool.take().unwrap());
            cx.submit_one(Request::read(&file, buf, (tag * 16_384) as u64).tag(tag)).unwrap();
        }
        let child = Child::new(|| {});
        others.iter_mut().for_each(|buf| buf.fill(0xee));
        for done in cx.wait_all(None).unwrap() {
            assert_eq!(done.result, Ok(16_384));
            assert!(done.buf[..] == content[done.tag * 16_384..][..16_384], "bytes were lost");
        }
        assert_eq!(child.status(), 0);
    }
}

#[test]
fn pieces_and_options_of_pool_buffers_outlive_their_pool() {
    let content = pattern(4 * 4096);
    let file = file_with(&content);
    let pool = BufPool::new(4, 4096).unwrap();
    let mut pieces = Pieces::<PoolBuf, 2>::new();
    for _ in 0..2 {
        pieces.push(pool.take().unwrap()).unwrap();
    }
    let mut vectored = Context::<_, ()>::new(1).unwrap();
    vectored.submit_one(Request::readv(&file, pieces, 0).unwrap()).unwrap();
    let mut optional = Context::<Option<PoolBuf>, ()>::new(2).unwrap();
    optional.submit_one(Request::read(&file, pool.take(), 8192)).unwrap();
    optional.submit_one(Request::fsync(&file).with_buf(None)).unwrap();
    drop(pool);
    let done = vectored.wait_one(None).unwrap().unwrap();
    assert_eq!(done.result, Ok(8192));
    assert!(done.buf.iter().flat_map(|piece| piece.iter()).eq(&content[..8192]));
    for done in optional.wait_all(None).unwrap() {
        if let Some(buf) = done.buf {
            assert_eq!((done.result, &buf[..]), (Ok(4096), &content[8192..12_288]));
        }
    }
}
