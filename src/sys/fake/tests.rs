//! Tests of behaviour that cannot be compared with a real kernel, where it is not deterministic:
//! late and reordered completions, shortages, signals, time, forks.

use super::{Entropy, Faults, Kernel, Mode};
use crate::{
    abi::{
        AioContext, IOCB_CMD_FSYNC, IOCB_CMD_POLL, IOCB_CMD_PREAD, IOCB_CMD_PWRITE, IoEvent, Iocb,
        Timespec,
    },
    sys,
    types::Errno,
};
use core::ptr;
use std::{collections::BTreeSet, time::Duration, vec, vec::Vec};

/// A context of the fake kernel that this thread runs on.
struct Raw(AioContext);

impl Raw {
    fn setup(nr_events: u32) -> Result<Self, Errno> {
        let mut ctx = AioContext::NONE;
        // SAFETY: `ctx` is a local variable.
        unsafe { sys::io_setup(nr_events, &raw mut ctx) }.map(|()| Self(ctx))
    }

    fn destroy(&self) -> Result<(), Errno> {
        // SAFETY: the ring is not read afterwards.
        unsafe { sys::io_destroy(self.0) }
    }

    fn submit(&self, iocbs: &mut [Iocb]) -> Result<usize, Errno> {
        let pointers = iocbs.iter_mut().map(ptr::from_mut).collect::<Vec<_>>();
        // SAFETY: (1) the iocbs are borrowed; (2) the descriptors are numbers of the fake kernel;
        // (3) in each test, the buffers live until the events were received; (4) each iocb has its
        // own address.
        unsafe { sys::io_submit(self.0, pointers.len().cast_signed(), pointers.as_ptr()) }
    }

    fn cancel(&self, iocb: &mut Iocb) -> Result<(), Errno> {
        // SAFETY: the iocb is borrowed, and has the address at which it was submitted.
        unsafe { sys::io_cancel(self.0, iocb, ptr::null_mut()) }
    }

    /// Waits for `min` events, at most for `span`.
    fn events(&self, min: isize, span: Option<Duration>) -> Result<Vec<IoEvent>, Errno> {
        let mut events = vec![IoEvent::default(); 256];
        let timespec = span.map(Timespec::from);
        let timeout = timespec.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: (1) `events` has room for 256 events, and `timeout` is null or points to a local
        // variable; (2) the ring is not read.
        let got = unsafe { sys::io_getevents(self.0, min, 256, events.as_mut_ptr(), timeout) }?;
        events.truncate(got);
        Ok(events)
    }

    fn data(&self, min: isize) -> Vec<u64> {
        self.events(min, None).unwrap().iter().map(|event| event.data).collect()
    }
}

fn iocb(opcode: u16, fd: i32, bytes: &mut [u8], data: u64) -> Iocb {
    Iocb {
        aio_data: data,
        aio_lio_opcode: opcode,
        aio_fildes: fd.cast_unsigned(),
        aio_buf: bytes.as_mut_ptr().expose_provenance() as u64,
        aio_nbytes: bytes.len() as u64,
        ..Iocb::default()
    }
}

fn poll(fd: i32, events: u16, data: u64) -> Iocb {
    Iocb { aio_buf: events.into(), aio_nbytes: 0, ..iocb(IOCB_CMD_POLL, fd, &mut [], data) }
}

/// Runs `test` on a kernel with these faults, for many seeds.
fn for_seeds(faults: Faults, test: impl Fn(&Kernel)) {
    for seed in 0..if cfg!(miri) { 3 } else { 100 } {
        let kernel = Kernel::new(Entropy::Noise(seed), faults);
        kernel.run(|| test(&kernel));
    }
}

#[test]
fn ring_has_more_entries_than_requested() {
    Kernel::quiet().run(|| {
        for (asked, nr) in [(1, 127), (64, 255), (1024, 2175)] {
            let raw = Raw::setup(asked).unwrap();
            let header = ptr::with_exposed_provenance::<u32>(raw.0.0 as usize);
            // SAFETY: `header` points to the header of the ring.
            let ring = unsafe { header.wrapping_add(1).read() };
            assert_eq!(ring, nr);
            assert_eq!(raw.destroy(), Ok(()));
            assert_eq!(raw.destroy(), Err(Errno::EINVAL));
        }
        assert_eq!(Raw::setup(0).map(drop), Err(Errno::EINVAL));
        assert_eq!(Raw::setup(4_194_305).map(drop), Err(Errno::EINVAL));
        let mut taken = AioContext(1);
        // SAFETY: `taken` is a local variable.
        assert_eq!(unsafe { sys::io_setup(1, &raw mut taken) }, Err(Errno::EINVAL));
    });
}

#[test]
fn contexts_count_against_the_limit() {
    let kernel = Kernel::quiet();
    kernel.set_max_nr(100);
    kernel.run(|| {
        let first = Raw::setup(60).unwrap();
        assert_eq!(Raw::setup(41).map(drop), Err(Errno::EAGAIN));
        Raw::setup(40).unwrap().destroy().unwrap();
        first.destroy().unwrap();
        Raw::setup(100).unwrap();
    });
}

#[test]
fn late_transfers_complete_once_in_any_order() {
    let orders = core::cell::RefCell::new(BTreeSet::new());
    for_seeds(Faults { late: 1, ..Faults::NONE }, |kernel| {
        let fd = kernel.regular(b"0123456789", Mode::READ);
        let raw = Raw::setup(8).unwrap();
        let mut bytes = [[0_u8; 2]; 5];
        let mut iocbs = bytes.iter_mut().enumerate().map(|(at, bytes)| Iocb {
            aio_offset: at as i64 * 2,
            ..iocb(IOCB_CMD_PREAD, fd, bytes, at as u64)
        });
        let mut iocbs = iocbs.by_ref().collect::<Vec<_>>();
        assert_eq!(raw.submit(&mut iocbs), Ok(5));
        // The kernel does not read the iocbs any more, and keeps the file open.
        iocbs.fill(Iocb::default());
        kernel.shut(fd);
        assert_eq!((kernel.in_flight(), raw.events(0, None)), (5, Ok(vec![])));
        let order = raw.data(5);
        assert_eq!(bytes.as_flattened(), b"0123456789");
        assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), 5);
        orders.borrow_mut().insert(order);
    });
    assert!(cfg!(miri) || orders.borrow().len() > 50, "only {} orders", orders.borrow().len());
}

#[test]
fn error_after_the_first_request_is_not_reported() {
    let kernel = Kernel::quiet();
    kernel.run(|| {
        let fd = kernel.regular(b"x", Mode::READ);
        let raw = Raw::setup(8).unwrap();
        let mut byte = [0];
        let good = iocb(IOCB_CMD_PREAD, fd, &mut byte, 1);
        let bad = iocb(IOCB_CMD_PWRITE, fd, &mut byte, 2);
        assert_eq!(raw.submit(&mut [good, bad, good]), Ok(1));
        assert_eq!(raw.submit(&mut [bad, good]), Err(Errno::EBADF));
        assert_eq!(raw.data(1), [1]);
    });
}

#[test]
fn events_that_are_not_taken_use_up_room() {
    let kernel = Kernel::quiet();
    kernel.run(|| {
        let fd = kernel.regular(b"x", Mode::READ);
        let raw = Raw::setup(1).unwrap();
        let mut byte = [0];
        let mut iocbs = [iocb(IOCB_CMD_PREAD, fd, &mut byte, 1); 200];
        assert_eq!(raw.submit(&mut iocbs), Ok(126), "one less than the number of entries");
        assert_eq!(raw.submit(&mut iocbs), Err(Errno::EAGAIN));
        assert_eq!(raw.data(126).len(), 126);
        assert_eq!(raw.submit(&mut iocbs[..100]), Ok(100), "the ring wraps");
        assert_eq!(raw.data(100).len(), 100);
    });
}

#[test]
fn eagain_ends_the_accepted_prefix() {
    let stopped = core::cell::Cell::new(0);
    for_seeds(Faults { no_request: 3, ..Faults::NONE }, |kernel| {
        let fd = kernel.regular(b"x", Mode::READ);
        let raw = Raw::setup(8).unwrap();
        let mut byte = [0];
        let mut iocbs = [iocb(IOCB_CMD_PREAD, fd, &mut byte, 1); 8];
        let accepted = match raw.submit(&mut iocbs) {
            Ok(accepted) => accepted,
            Err(errno) => {
                assert_eq!(errno, Errno::EAGAIN);
                0
            }
        };
        stopped.update(|count| count + u32::from(accepted < 8));
        assert_eq!(raw.data(0).len(), accepted);
    });
    assert!(stopped.get() > 0);
}

#[test]
fn transfers_are_short_or_fail() {
    let seen = core::cell::RefCell::new(BTreeSet::new());
    for_seeds(Faults { short: 3, error: 3, ..Faults::NONE }, |kernel| {
        let fd = kernel.regular(b"", Mode::BOTH);
        let raw = Raw::setup(1).unwrap();
        let mut bytes = *b"12345678";
        assert_eq!(raw.submit(&mut [iocb(IOCB_CMD_PWRITE, fd, &mut bytes, 1)]), Ok(1));
        let res = raw.events(1, None).unwrap()[0].res;
        let written = usize::try_from(res).unwrap_or(0);
        assert_eq!(kernel.content(fd), bytes[..written]);
        seen.borrow_mut().insert(res.signum() * (res.abs() / 4));
    });
    assert!(cfg!(miri) || seen.borrow().len() >= 4, "{:?}", seen.borrow());
}

#[test]
fn waits_end_by_events_time_or_signals() {
    let kernel = Kernel::new(Entropy::quiet(), Faults { late: 1, ..Faults::NONE });
    kernel.run(|| {
        let (reader, writer) = kernel.pipe();
        let raw = Raw::setup(4).unwrap();
        assert_eq!(raw.submit(&mut [poll(reader, 1, 9)]), Ok(1));
        let before = sys::monotonic().unwrap();
        assert_eq!(raw.events(1, Some(Duration::from_secs(3))), Ok(vec![]));
        let waited = sys::monotonic().unwrap() - before;
        assert!(waited >= Duration::from_secs(3) && waited < Duration::from_secs(4), "{waited:?}");
        kernel.send(writer, b"x");
        let events = raw.events(1, None).unwrap();
        assert_eq!((events[0].data, events[0].res), (9, 1));
        // Without a timeout, but with a minimum of 0, this does not wait.
        assert_eq!(raw.events(0, None), Ok(vec![]));
        assert_eq!(raw.events(300, None), Err(Errno::EINVAL));

        kernel.set_faults(Faults { signal: 1, ..Faults::NONE });
        let mut quiet = [poll(reader, 2, 1)];
        assert_eq!(raw.submit(&mut quiet), Ok(1));
        assert_eq!(raw.events(1, None), Err(Errno::EINTR));
        assert_eq!(raw.cancel(&mut quiet[0]), Err(Errno::EINPROGRESS));
    });
}

#[test]
#[should_panic(expected = "would wait for ever")]
fn endless_wait_panics() {
    let kernel = Kernel::quiet();
    kernel.run(|| {
        let (reader, _) = kernel.pipe();
        let raw = Raw::setup(1).unwrap();
        assert_eq!(raw.submit(&mut [poll(reader, 1, 0)]), Ok(1));
        let _never = raw.events(1, None);
    });
}

#[test]
fn io_destroy_completes_all_requests() {
    for_seeds(Faults { late: 1, ..Faults::NONE }, |kernel| {
        let fd = kernel.regular(b"", Mode::BOTH);
        let (reader, _writer) = kernel.pipe();
        let raw = Raw::setup(4).unwrap();
        let mut bytes = *b"hello";
        let mut fsync = iocb(IOCB_CMD_FSYNC, fd, &mut [], 3);
        fsync.aio_buf = 0;
        let mut iocbs = [iocb(IOCB_CMD_PWRITE, fd, &mut bytes, 1), poll(reader, 1, 2), fsync];
        assert_eq!(raw.submit(&mut iocbs), Ok(3));
        assert!(kernel.uses_memory(bytes.as_ptr().addr() + 4, 1));
        assert_eq!(raw.destroy(), Ok(()));
        assert_eq!((kernel.content(fd), kernel.in_use()), (bytes.to_vec(), (0, 0)));
        assert!(!kernel.uses_memory(bytes.as_ptr().addr(), 5));
    });
}

#[test]
fn child_has_no_contexts_and_wiped_pages() {
    let kernel = Kernel::quiet();
    kernel.run(|| {
        let raw = Raw::setup(1).unwrap();
        let [wiped, kept] = [4096, 5000].map(|len| sys::mmap(len).unwrap());
        let read = || {
            // SAFETY: both pages are mapped whenever this is called.
            [wiped, kept].map(|page| unsafe { page.read() })
        };
        let write = |page: ptr::NonNull<u8>, byte| {
            // SAFETY: the page is mapped whenever this is called.
            unsafe { page.write(byte) };
        };
        let unmap = |page, len| {
            // SAFETY: the pages were mapped with this length. They are not used afterwards (the
            // child unmaps its own copy).
            unsafe { sys::munmap(page, len) }
        };
        write(wiped, 1);
        write(kept, 2);
        // SAFETY: the page was mapped with this length, and the child does not need its content.
        assert_eq!(unsafe { sys::madvise_wipe_on_fork(wiped, 4096) }, Ok(()));
        kernel.in_child(|| {
            assert_eq!(read(), [0, 2]);
            write(kept, 3);
            assert_eq!(raw.submit(&mut []), Err(Errno::EINVAL));
            assert_eq!(raw.events(0, None), Err(Errno::EINVAL));
            assert_eq!(raw.destroy(), Err(Errno::EINVAL));
            assert_eq!(unmap(kept, 5000), Ok(()));
        });
        assert_eq!(read(), [1, 2]);
        assert_eq!(raw.submit(&mut []), Ok(0));
        unmap(wiped, 4096).unwrap();
        unmap(kept, 5000).unwrap();
        assert_eq!(sys::mmap(0), Err(Errno::EINVAL));
        assert_eq!(sys::mmap(usize::MAX / 2), Err(Errno::ENOMEM));
        assert_eq!(kernel.in_use(), (1, 0));
    });
}

#[test]
fn equal_seeds_give_equal_events() {
    let run = |seed| {
        let kernel = Kernel::new(Entropy::Noise(seed), Faults::HOSTILE);
        kernel.run(|| {
            let fd = kernel.regular(&[7; 100], Mode::BOTH);
            let Ok(raw) = Raw::setup(8) else { return vec![] };
            let mut bytes = [0; 50];
            let mut iocbs = [iocb(IOCB_CMD_PREAD, fd, &mut bytes, 1); 8];
            let _accepted = raw.submit(&mut iocbs);
            kernel.progress();
            kernel.settle();
            let posted = kernel.posted_after(0);
            posted.iter().map(|event| (event.data, event.res)).collect::<Vec<_>>()
        })
    };
    assert!((0..100).all(|seed| run(seed) == run(seed)));
}

#[test]
fn each_thread_runs_on_its_own_kernel_or_on_none() {
    let kernel = Kernel::quiet();
    kernel.run(|| {
        assert!(Kernel::current().is_some());
        assert!(std::thread::spawn(|| Kernel::current().is_none()).join().unwrap());
        Kernel::quiet().run(|| assert_eq!(Raw::setup(1).map(drop), Ok(())));
        assert_eq!(kernel.in_use(), (0, 0));
    });
    assert!(Kernel::current().is_none());
}
