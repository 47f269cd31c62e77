//! Contexts on kernels that are emulated, or that a sandbox has cut down.

use super::Context;
use crate::{
    error::ContextError,
    op,
    probe::{Probe, Support},
    request::{Batch, Borrowed, Request},
    sys::fake::{Entropy, Faults, Kernel, Mode},
    types::{Errno, Fd, Opcode, PollEvents, RwFlags},
};
use core::time::Duration;
use std::{vec, vec::Vec};

type Any<B> = Request<Borrowed<'static>, B, (), op::Any>;

/// A descriptor of the fake kernel, open as long as it runs.
fn fd(raw: i32) -> Fd<'static> {
    // SAFETY: a number that only the fake kernel sees.
    unsafe { Fd::from_raw(raw) }
}

#[test]
fn an_eventfd_that_would_be_ignored_is_not_accepted() {
    for ignores_eventfds in [false, true] {
        let kernel = Kernel::quiet();
        kernel.set_emulated(ignores_eventfds);
        kernel.run(|| {
            let file = fd(kernel.regular(&[7; 8], Mode::READ));
            let eventfd = kernel.eventfd();
            let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
            let set = cx.set_eventfd(Some(fd(eventfd)));
            let expected = if ignores_eventfds { Err(ContextError::NotEventfd) } else { Ok(()) };
            assert_eq!(set, expected);
            assert_eq!(kernel.counted(eventfd), u64::from(!ignores_eventfds), "by the trial");
            // Nothing of the trial is left: a context for one request takes one.
            for _ in 0..3 {
                cx.submit_one(Request::read(file, vec![0; 8], 0)).unwrap();
                assert_eq!(cx.wait_one(None).unwrap().unwrap().result, Ok(8));
            }
            assert_eq!(cx.stats().spurious, 0);
            assert_eq!(kernel.counted(eventfd), if ignores_eventfds { 0 } else { 3 });
        });
    }
}

#[test]
fn set_eventfd_takes_no_completion_of_a_request_in_flight() {
    let kernel = Kernel::quiet();
    kernel.set_emulated(false);
    kernel.run(|| {
        let file = fd(kernel.regular(&[7; 8], Mode::READ));
        let mut cx = Context::<Vec<u8>, ()>::new(4).unwrap();
        for _ in 0..3 {
            cx.submit_one(Request::read(file, vec![0; 8], 0)).unwrap();
        }
        cx.set_eventfd(Some(fd(kernel.eventfd()))).unwrap();
        assert_eq!(
            cx.wait_all(None).unwrap().map(|done| done.result).collect::<Vec<_>>(),
            [Ok(8); 3]
        );
    });
}

#[test]
fn a_file_that_is_no_eventfd_is_named_as_such() {
    let kernel = Kernel::quiet();
    kernel.run(|| {
        let file = kernel.regular(&[], Mode::BOTH);
        let mut cx = Context::<(), ()>::new(1).unwrap();
        assert_eq!(cx.set_eventfd(Some(fd(file))), Err(ContextError::NotEventfd));
        assert_eq!(cx.set_eventfd(Some(fd(-1))), Err(ContextError::NotEventfd));
    });
}

/// The context is full of events that no request of the table has, as something else in the process
/// can make them. No wait asks for them, since nothing is in flight.
#[test]
fn events_that_nobody_expects_do_not_block_a_context_for_ever() {
    use crate::{abi::Iocb, raw::RawContext};
    let kernel = Kernel::quiet();
    kernel.run(|| {
        let file = kernel.regular(&[7; 8], Mode::READ);
        let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
        cx.use_ring(false);
        let raw: &RawContext = cx.inner.raw();
        let mut iocb = Iocb { aio_fildes: file.cast_unsigned(), ..Iocb::default() };
        // SAFETY: the iocb is a local variable, the file is open, and no bytes are read.
        while unsafe { raw.submit(&[&raw mut iocb]) }.is_ok() {
            kernel.settle();
        }
        let mut batch = Batch::<_, _, _, 1>::new();
        batch.push(Request::read(fd(file), vec![0; 8], 0)).unwrap();
        assert_eq!(cx.submit(&mut batch).unwrap_err().cause, ContextError::Again);
        assert_eq!(cx.submit(&mut batch).unwrap().accepted, 1, "there is room now");
        assert_eq!(cx.wait_one(None).unwrap().unwrap().result, Ok(8));
        assert!(cx.stats().spurious > 0);
    });
}

/// Without `MADV_WIPEONFORK` a child is found out by what the kernel answers; this one does not look at
/// the context where nothing is submitted.
#[test]
fn a_child_of_an_emulated_kernel_is_told_that_the_context_is_gone() {
    let kernel = Kernel::quiet();
    kernel.set_old();
    kernel.set_emulated(true);
    kernel.run(|| {
        let file = fd(kernel.regular(&[7; 8], Mode::READ));
        let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
        kernel.in_child(|| {
            let error = cx.submit_one(Request::read(file, vec![0; 8], 0)).unwrap_err();
            assert_eq!(error.cause, ContextError::Gone);
        });
        cx.submit_one(Request::read(file, vec![0; 8], 0)).unwrap();
        assert_eq!(cx.wait_one(None).unwrap().unwrap().result, Ok(8));
    });
}

#[test]
fn an_unpollable_file_is_not_taken_for_a_bad_eventfd() {
    let kernel = Kernel::quiet();
    kernel.run(|| {
        let directory = fd(kernel.directory());
        let (eventfd, file) = (fd(kernel.eventfd()), fd(kernel.regular(&[], Mode::READ)));
        let mut cx = Context::<(), ()>::new(4).unwrap();
        let mut outcome = |request: Any<()>| {
            cx.submit_one(request).unwrap();
            cx.wait_one(None).unwrap().unwrap()
        };
        // A file that is always ready, polled for something else, is refused by the kernel.
        let poll = || Request::poll(directory).events(PollEvents::PRI).into_any();
        let plain = outcome(poll());
        let good = outcome(poll().eventfd(eventfd));
        let bad = outcome(poll().eventfd(file));
        assert_eq!(plain.result, Err(Errno::EINVAL));
        assert_eq!(
            (plain.outcome(), good.outcome()),
            (Ok(crate::Outcome::NotPollable), plain.outcome())
        );
        assert_eq!(bad.outcome().unwrap_err().errno, Errno::EINVAL);
        assert_eq!(good.info().eventfd(), Some(eventfd.as_raw()), "it is still said");
        assert!(good.into_request(directory).unwrap().encode(1).aio_reserved2 == 0);
    });
}

#[test]
fn a_wait_without_a_clock_ends_at_its_deadline_or_a_little_before() {
    for interrupted in [0, 2] {
        let kernel = Kernel::new(Entropy::Noise(1), Faults { signal: interrupted, ..Faults::NONE });
        kernel.run(|| {
            let (reader, _writer) = kernel.pipe();
            let mut cx = Context::<(), ()>::new(1).unwrap();
            cx.submit_one(Request::poll(fd(reader)).events(PollEvents::IN)).unwrap();
            let start = kernel.monotonic().unwrap();
            kernel.forbid("clock_gettime", Errno::EPERM);
            let span = Duration::from_secs(1);
            assert!(cx.wait_one(Some(span)).unwrap().is_none());
            kernel.allow_all();
            let took = kernel.monotonic().unwrap() - start;
            assert!(took <= span + Duration::from_millis(1), "{took:?}");
            assert!(took >= if interrupted == 0 { span } else { span / 8 }, "{took:?}");
        });
    }
}

#[test]
fn a_probe_does_not_say_yes_where_flags_are_ignored() {
    for emulated in [false, true] {
        let kernel = Kernel::quiet();
        if emulated {
            kernel.set_emulated(true);
        }
        kernel.run(|| {
            let file = fd(kernel.regular(&[7; 8192], Mode::BOTH));
            let probe = Probe::run(file).unwrap();
            let read = probe.flag(Opcode::Pread, RwFlags::NOWAIT);
            let write = probe.flag(Opcode::Pwrite, RwFlags::DSYNC);
            let expected = if emulated { Support::Untried } else { Support::Yes };
            assert_eq!((read, write, probe.priority), (expected, expected, expected));
            // Whether these work depends on data that would have to be written.
            assert_ne!(probe.flag(Opcode::Pwrite, RwFlags::NOWAIT), Support::Yes);
            if !emulated {
                let atomic = probe.flag(Opcode::Pwrite, RwFlags::ATOMIC);
                assert_eq!(atomic, Support::No(Errno::EOPNOTSUPP), "refused at once");
            }
            assert_eq!(probe.operation(Opcode::Pread), Support::Yes);
        });
    }
}
