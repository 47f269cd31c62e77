//! Tests of contexts on emulated kernels and in sandboxes.

use super::{CancelResult, Context};
use crate::{
    error::ContextError,
    op,
    probe::{Probe, Support},
    request::{Batch, Borrowed, Request},
    slots::RequestId,
    sys::fake::{Entropy, Faults, Kernel, Mode},
    types::{Errno, Fd, Opcode, PollEvents, RwFlags},
};
use core::time::Duration;
use std::{vec, vec::Vec};

type Any<B> = Request<Borrowed<'static>, B, (), op::Any>;

/// Makes an `Fd` from a descriptor of the fake kernel.
fn fd(raw: i32) -> Fd<'static> {
    // SAFETY: the number is passed to the fake kernel only.
    unsafe { Fd::from_raw(raw) }
}

#[test]
fn set_eventfd_fails_if_kernel_ignores_eventfds() {
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
            assert_eq!(kernel.counted(eventfd), u64::from(!ignores_eventfds), "by the check");
            // The request of the check uses no room: the context for one request accepts one.
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
fn set_eventfd_refuses_other_files() {
    let kernel = Kernel::quiet();
    kernel.run(|| {
        let file = kernel.regular(&[], Mode::BOTH);
        let mut cx = Context::<(), ()>::new(1).unwrap();
        assert_eq!(cx.set_eventfd(Some(fd(file))), Err(ContextError::NotEventfd));
        assert_eq!(cx.set_eventfd(Some(fd(-1))), Err(ContextError::NotEventfd));
    });
}

/// The kernel context is full of events of requests that are not in the table, which other code of
/// the process can submit. No wait takes them, since nothing is in flight.
#[test]
fn spurious_events_do_not_block_submissions_for_ever() {
    use crate::{abi::Iocb, raw::RawContext};
    let kernel = Kernel::quiet();
    kernel.run(|| {
        let file = kernel.regular(&[7; 8], Mode::READ);
        let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
        cx.use_ring(false);
        let raw: &RawContext = cx.inner.raw();
        let mut iocb = Iocb { aio_fildes: file.cast_unsigned(), ..Iocb::default() };
        // SAFETY: (1) the iocb is a local variable; (2) the file is open; (3) no bytes are read;
        // (4) the requests are not cancelled.
        while unsafe { raw.submit(&[&raw mut iocb]) }.is_ok() {
            kernel.settle();
        }
        let mut batch = Batch::<_, _, _, 1>::new();
        batch.push(Request::read(fd(file), vec![0; 8], 0)).unwrap();
        assert_eq!(cx.submit(&mut batch).unwrap_err().cause, ContextError::Again);
        assert_eq!(cx.submit(&mut batch).unwrap().accepted, 1, "the spurious events were taken");
        assert_eq!(cx.wait_one(None).unwrap().unwrap().result, Ok(8));
        assert!(cx.stats().spurious > 0);
    });
}

/// Without `MADV_WIPEONFORK`, the only sign of a child is that the kernel refuses its calls. This
/// emulated kernel does not check the context if no request is submitted.
#[test]
fn submit_in_child_without_wipe_on_fork_is_gone_on_emulated_kernel() {
    let kernel = Kernel::quiet();
    kernel.set_old();
    kernel.set_emulated(true);
    kernel.run(|| {
        let file = fd(kernel.regular(&[7; 8], Mode::READ));
        let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
        kernel.in_child(|| {
            let error = cx.submit_one(Request::read(file, vec![0; 8], 0)).unwrap_err();
            assert_eq!(error, ContextError::Gone);
        });
        cx.submit_one(Request::read(file, vec![0; 8], 0)).unwrap();
        assert_eq!(cx.wait_one(None).unwrap().unwrap().result, Ok(8));
    });
}

#[test]
fn einval_of_poll_distinguishes_unpollable_file_from_invalid_eventfd() {
    let kernel = Kernel::quiet();
    kernel.run(|| {
        let directory = fd(kernel.directory());
        let (eventfd, file) = (fd(kernel.eventfd()), fd(kernel.regular(&[], Mode::READ)));
        let mut cx = Context::<(), ()>::new(4).unwrap();
        let mut outcome = |request: Any<()>| {
            cx.submit_one(request).unwrap();
            cx.wait_one(None).unwrap().unwrap()
        };
        // The kernel refuses a poll of a file that is always ready for events that never occur.
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
        assert_eq!(good.info().eventfd(), Some(eventfd.as_raw()), "the info has the eventfd");
        assert!(good.into_request(directory).unwrap().encode(1).aio_reserved2 == 0);
    });
}

#[test]
fn wait_without_clock_does_not_end_after_its_deadline() {
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
fn probe_reports_untried_if_kernel_ignores_flags() {
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
            // Whether NOWAIT works depends on data that would have to be written.
            assert_ne!(probe.flag(Opcode::Pwrite, RwFlags::NOWAIT), Support::Yes);
            if !emulated {
                let atomic = probe.flag(Opcode::Pwrite, RwFlags::ATOMIC);
                assert_eq!(atomic, Support::No(Errno::EOPNOTSUPP), "refused without data");
            }
            assert_eq!(probe.operation(Opcode::Pread), Support::Yes);
        });
    }
}

#[test]
fn request_id_with_number_of_other_context_is_not_in_flight() {
    let kernel = Kernel::quiet();
    kernel.run(|| {
        let (reader, _writer) = kernel.pipe();
        let mut cx = Context::<(), ()>::new(1).unwrap();
        let id = cx.submit_one(Request::poll(fd(reader)).events(PollEvents::IN)).unwrap();
        let other = RequestId { serial: id.serial ^ 1, ..id };
        assert_eq!(cx.cancel(other), Ok(CancelResult::NotInFlight));
        assert_eq!(cx.in_flight().count(), 1);
        assert_eq!(cx.cancel(id), Ok(CancelResult::Cancelled));
    });
}
