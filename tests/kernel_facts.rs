//! What the crate relies on and the kernel does not promise: if one of these fails on a kernel, so
//! will others, and this says why.

use crate::support::file_with;
use linux_aio::{
    Errno,
    abi::{AioContext, IOCB_CMD_PREAD, IoEvent, Iocb},
    raw,
};
use std::{os::fd::AsRawFd as _, ptr};

/// A context, destroyed when it goes out of scope.
struct Raw(AioContext);

impl Raw {
    fn new(nr_events: u32) -> Self {
        let mut ctx = AioContext::NONE;
        // SAFETY: a local variable.
        unsafe { raw::io_setup(nr_events, &raw mut ctx).unwrap() };
        Self(ctx)
    }

    /// SAFETY: as for `io_submit`.
    unsafe fn submit(&self, iocbs: &[*mut Iocb]) -> Result<usize, Errno> {
        // SAFETY: passed on to the caller.
        unsafe { raw::io_submit(self.0, iocbs.len().cast_signed(), iocbs.as_ptr()) }
    }

    fn events(&self) -> Vec<IoEvent> {
        let mut events = vec![IoEvent::default(); 8192];
        // SAFETY: as many events as there is room for.
        let got = unsafe { raw::io_getevents(self.0, 0, 8192, events.as_mut_ptr(), ptr::null()) };
        events.truncate(got.unwrap());
        events
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: made in `new`.
        unsafe { raw::io_destroy(self.0).unwrap() };
    }
}

/// A read of one byte into a place that outlives every test.
fn read(file: &std::fs::File) -> Iocb {
    Iocb {
        aio_lio_opcode: IOCB_CMD_PREAD,
        aio_fildes: file.as_raw_fd().cast_unsigned(),
        aio_buf: Box::leak(Box::new(0_u8)) as *mut u8 as u64,
        aio_nbytes: 1,
        ..Iocb::default()
    }
}

#[test]
fn the_kernel_writes_the_key_of_an_iocb() {
    let file = file_with(b"x");
    let cx = Raw::new(1);
    let mut iocb = Iocb { aio_key: 0x1234_5678, ..read(&file) };
    // SAFETY: the byte is leaked, the iocb local.
    assert_eq!(unsafe { cx.submit(&[&raw mut iocb]) }, Ok(1));
    assert_eq!(iocb.aio_key, 0);
}

#[test]
fn the_iocb_is_free_when_io_submit_returns() {
    let file = file_with(b"x");
    let cx = Raw::new(2);
    let mut iocb = Iocb { aio_data: 1, ..read(&file) };
    let pointer = &raw mut iocb;
    // SAFETY: the bytes are leaked, the iocb local.
    assert_eq!(unsafe { cx.submit(&[pointer]) }, Ok(1));
    iocb = Iocb { aio_data: 2, ..read(&file) };
    // SAFETY: as before.
    assert_eq!(unsafe { cx.submit(&[pointer]) }, Ok(1));
    let _ = iocb;
    let events = cx.events();
    assert_eq!(
        events.iter().map(|event| (event.data, event.res)).collect::<Vec<_>>(),
        [(1, 1), (2, 1)]
    );
    assert!(events.iter().all(|event| event.obj == pointer.addr() as u64));
}

#[test]
fn the_error_of_a_later_request_is_told_only_when_it_comes_first() {
    let file = file_with(b"x");
    let cx = Raw::new(3);
    let (mut good, mut bad) = (read(&file), Iocb { aio_offset: -1, ..read(&file) });
    let (good, bad) = (&raw mut good, &raw mut bad);
    // SAFETY: the bytes are leaked, the iocbs local.
    unsafe {
        assert_eq!(cx.submit(&[good, bad, good]), Ok(1));
        assert_eq!(cx.submit(&[bad, good]), Err(Errno::EINVAL));
        assert_eq!(cx.submit(&[good]), Ok(1));
    }
    assert_eq!(cx.events().len(), 2, "a refused request has no event");
}

#[test]
fn asking_for_nothing_tells_a_bad_context_from_a_bad_request() {
    let cx = Raw::new(1);
    // SAFETY: nothing is submitted.
    unsafe {
        assert_eq!(raw::io_submit(cx.0, 0, ptr::null()), Ok(0));
        assert_eq!(raw::io_submit(AioContext(8), 0, ptr::null()), Err(Errno::EINVAL));
    }
}

#[test]
fn events_that_were_not_taken_occupy_the_context() {
    let file = file_with(b"x");
    let cx = Raw::new(1);
    let mut iocb = read(&file);
    let pointer = &raw mut iocb;
    let mut accepted = 0;
    let refused = loop {
        // SAFETY: the byte is leaked, the iocb local.
        match unsafe { cx.submit(&[pointer]) } {
            Ok(count) => accepted += count,
            Err(errno) => break errno,
        }
        assert!(accepted < 100_000);
    };
    assert_eq!(refused, Errno::EAGAIN);
    assert!(accepted >= 1, "never fewer than asked for, usually more: {accepted}");
    assert_eq!(cx.events().len(), accepted);
    // SAFETY: as before.
    assert_eq!(unsafe { cx.submit(&[pointer]) }, Ok(1), "taken events make room");
}

#[test]
fn a_context_takes_as_many_as_were_asked_for() {
    let file = file_with(b"x");
    for nr_events in [1, 2, 63, 64, 65, 1024, 4096] {
        let cx = Raw::new(nr_events);
        let mut iocb = read(&file);
        let pointers = vec![&raw mut iocb; nr_events as usize];
        // SAFETY: the byte is leaked, the iocb local.
        assert_eq!(unsafe { cx.submit(&pointers) }, Ok(nr_events as usize));
    }
}

#[test]
fn no_minimum_means_no_waiting() {
    let cx = Raw::new(1);
    let mut event = IoEvent::default();
    // SAFETY: room for one event; no timeout would mean for ever.
    assert_eq!(unsafe { raw::io_getevents(cx.0, 0, 1, &raw mut event, ptr::null()) }, Ok(0));
}
