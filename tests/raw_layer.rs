//! The functions of [`raw`](linux_aio::raw), with valid and with invalid arguments, and
//! [`RawContext`].

use crate::support::file_with;
use linux_aio::{
    ContextError, Errno,
    abi::{AioContext, AioSigset, IOCB_CMD_NOOP, IOCB_CMD_PREAD, IoEvent, Iocb, Timespec},
    raw::{self, RawContext},
};
use std::{mem::MaybeUninit, os::fd::AsRawFd as _, ptr, thread, time::Duration};

/// A read of the whole buffer, encoded by hand.
fn read(file: &std::fs::File, buf: &mut [u8]) -> Iocb {
    Iocb {
        aio_lio_opcode: IOCB_CMD_PREAD,
        aio_fildes: file.as_raw_fd().cast_unsigned(),
        aio_buf: buf.as_mut_ptr().expose_provenance() as u64,
        aio_nbytes: buf.len() as u64,
        aio_data: 42,
        ..Iocb::default()
    }
}

#[test]
fn raw_calls_set_up_submit_and_destroy() {
    let file = file_with(b"hello");
    let mut ctx = AioContext::NONE;
    let mut buf = [0; 5];
    let mut iocb = read(&file, &mut buf);
    let mut pointer = &raw mut iocb;
    let mut events = [IoEvent::default(); 2];
    let zero = Timespec::default();
    // SAFETY: all pointers are to local variables, which outlive the context.
    unsafe {
        raw::io_setup(1, &raw mut ctx).unwrap();
        assert_ne!(ctx, AioContext::NONE);
        assert_eq!(raw::io_submit(ctx, 1, &raw mut pointer), Ok(1));
        assert_eq!(raw::io_getevents(ctx, 1, 2, events.as_mut_ptr(), ptr::null()), Ok(1));
        assert_eq!(events[0], IoEvent { data: 42, obj: pointer.addr() as u64, res: 5, res2: 0 });
        // Nothing to submit, and no event to get.
        assert_eq!(raw::io_submit(ctx, 0, ptr::null()), Ok(0));
        assert_eq!(raw::io_getevents(ctx, 0, 0, ptr::null_mut(), ptr::null()), Ok(0));
        assert_eq!(raw::io_getevents(ctx, 1, 2, events.as_mut_ptr(), &raw const zero), Ok(0));
        raw::io_destroy(ctx).unwrap();
    }
    assert_eq!(&buf, b"hello");
}

#[test]
fn wrong_arguments_are_refused() {
    let mut events = [IoEvent::default(); 2];
    let mut ctx = AioContext(1);
    let mut iocb = Iocb { aio_lio_opcode: IOCB_CMD_NOOP, ..Iocb::default() };
    let mut pointer = &raw mut iocb;
    // SAFETY: all pointers are to local variables, or are refused.
    unsafe {
        assert_eq!(raw::io_setup(1, &raw mut ctx), Err(Errno::EINVAL), "the variable must be 0");
        assert_eq!(
            raw::io_submit(ctx, 1, &raw mut pointer),
            Err(Errno::EINVAL),
            "there is no such context"
        );
        assert_eq!(raw::io_destroy(ctx), Err(Errno::EINVAL));
        assert_eq!(raw::io_getevents(ctx, 0, 0, ptr::null_mut(), ptr::null()), Err(Errno::EINVAL));

        ctx = AioContext::NONE;
        assert_eq!(raw::io_setup(0, &raw mut ctx), Err(Errno::EINVAL));
        assert_eq!(raw::io_setup(1, ptr::null_mut()), Err(Errno::EFAULT));
        raw::io_setup(1, &raw mut ctx).unwrap();
        assert_eq!(raw::io_submit(ctx, -1, ptr::null()), Err(Errno::EINVAL));
        assert_eq!(raw::io_submit(ctx, 1, ptr::null()), Err(Errno::EFAULT));
        assert_eq!(
            raw::io_submit(ctx, 1, &raw mut pointer),
            Err(Errno::EINVAL),
            "the kernel refuses NOOP"
        );
        for (min_nr, nr) in [(-1, 2), (3, 2), (0, -1)] {
            let got = raw::io_getevents(ctx, min_nr, nr, events.as_mut_ptr(), ptr::null());
            assert_eq!(got, Err(Errno::EINVAL), "{min_nr} of {nr}");
        }
        let cancelled = raw::io_cancel(ctx, pointer, events.as_mut_ptr());
        assert_eq!(cancelled, Err(Errno::EINVAL), "the request is not in flight");
        raw::io_destroy(ctx).unwrap();
    }
}

#[test]
fn io_pgetevents_takes_signal_mask() {
    let mut ctx = AioContext::NONE;
    let mut events = [IoEvent::default(); 1];
    let span = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    let mask = !0_u64;
    let mut sigset = AioSigset { sigmask: &raw const mask, sigsetsize: 8 };
    // SAFETY: all pointers are to local variables.
    unsafe {
        raw::io_setup(1, &raw mut ctx).unwrap();
        let mut wait = |sigset: *const AioSigset| {
            raw::io_pgetevents(ctx, 1, 1, events.as_mut_ptr(), &raw const span, sigset)
        };
        assert_eq!(wait(&raw const sigset), Ok(0), "the timeout is over");
        assert_eq!(wait(ptr::null()), Ok(0));
        sigset.sigsetsize = 128;
        assert_eq!(
            wait(&raw const sigset),
            Err(Errno::EINVAL),
            "the size of the C library's sigset_t is refused"
        );
        raw::io_destroy(ctx).unwrap();
    }
}

#[test]
fn raw_context_submits_and_gets_events() {
    let file = file_with(b"hello");
    let cx = RawContext::new(2).unwrap();
    let mut buf = [0; 5];
    let mut iocb = read(&file, &mut buf);
    let pointer = &raw mut iocb;
    // SAFETY: `iocb` and `buf` are not accessed until the events are received.
    assert_eq!(unsafe { cx.submit(&[pointer, pointer]) }, Ok(2), "the same iocb is taken twice");
    let mut events = [MaybeUninit::uninit(); 4];
    assert_eq!(
        cx.getevents(5, &mut events, None).unwrap_err(),
        ContextError::Os { call: "io_getevents", errno: Errno::EINVAL },
        "min_nr is larger than the array"
    );
    let got = cx.getevents(2, &mut events, None).unwrap();
    assert_eq!(got.len(), 2);
    assert!(got.iter().all(|event| event.obj == pointer.addr() as u64 && event.res == 5));
    // SAFETY: the pointer was submitted.
    let cancelled = unsafe { cx.cancel(pointer) };
    assert_eq!(cancelled, Err(ContextError::Os { call: "io_cancel", errno: Errno::EINVAL }));
    assert_eq!(cx.getevents(0, &mut [], None).unwrap(), []);
    cx.destroy().unwrap();
}

#[test]
fn one_thread_waits_while_the_other_submits() {
    const REQUESTS: usize = 2000;
    let file = file_with(b"hello");
    let cx = RawContext::new(8).unwrap();
    let bufs = vec![[0; 5]; REQUESTS].leak();
    let iocbs =
        bufs.iter_mut().zip(0..).map(|(buf, data)| Iocb { aio_data: data, ..read(&file, buf) });
    let mut iocbs = iocbs.collect::<Vec<_>>();
    let received = thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let mut received = Vec::new();
            while received.len() < REQUESTS {
                let mut events = [MaybeUninit::uninit(); 8];
                let events = cx.getevents(1, &mut events, Some(Duration::from_secs(20))).unwrap();
                assert!(!events.is_empty(), "{} events came", received.len());
                assert!(events.iter().all(|event| event.res == 5));
                received.extend(events.iter().map(|event| event.data));
            }
            received
        });
        for iocb in &mut iocbs {
            // SAFETY: iocb and buffer are not accessed until both threads have ended.
            while let Err(error) = unsafe { cx.submit(&[ptr::from_mut(iocb)]) } {
                // The waiter is late.
                assert_eq!(error, ContextError::Os { call: "io_submit", errno: Errno::EAGAIN });
                assert!(!waiter.is_finished());
                thread::yield_now();
            }
        }
        waiter.join().unwrap()
    });
    assert!(received.into_iter().eq(0..REQUESTS as u64), "each event once, in order");
    assert!(bufs.iter().all(|buf| buf == b"hello"));
    cx.destroy().unwrap();
}
