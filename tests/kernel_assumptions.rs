//! Behaviour of the kernel that the crate relies on and no man page promises. If a test fails here,
//! others fail for this reason.

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

/// A read of one byte into memory that is never freed.
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
fn kernel_writes_aio_key() {
    let file = file_with(b"x");
    let cx = Raw::new(1);
    let mut iocb = Iocb { aio_key: 0x1234_5678, ..read(&file) };
    // SAFETY: the byte is leaked, the iocb is a local variable.
    assert_eq!(unsafe { cx.submit(&[&raw mut iocb]) }, Ok(1));
    assert_eq!(iocb.aio_key, 0);
}

#[test]
fn iocb_is_reusable_after_io_submit() {
    let file = file_with(b"x");
    let cx = Raw::new(2);
    let mut iocb = Iocb { aio_data: 1, ..read(&file) };
    let pointer = &raw mut iocb;
    // SAFETY: the bytes are leaked, the iocb is a local variable.
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
fn errno_is_reported_for_first_request_only() {
    let file = file_with(b"x");
    let cx = Raw::new(3);
    let (mut good, mut bad) = (read(&file), Iocb { aio_offset: -1, ..read(&file) });
    let (good, bad) = (&raw mut good, &raw mut bad);
    // SAFETY: the bytes are leaked, the iocbs are local variables.
    unsafe {
        assert_eq!(cx.submit(&[good, bad, good]), Ok(1));
        assert_eq!(cx.submit(&[bad, good]), Err(Errno::EINVAL));
        assert_eq!(cx.submit(&[good]), Ok(1));
    }
    assert_eq!(cx.events().len(), 2, "a refused request has no event");
}

#[test]
fn submit_of_nothing_checks_context() {
    let cx = Raw::new(1);
    // SAFETY: nothing is submitted.
    unsafe {
        assert_eq!(raw::io_submit(cx.0, 0, ptr::null()), Ok(0));
        assert_eq!(raw::io_submit(AioContext(8), 0, ptr::null()), Err(Errno::EINVAL));
    }
}

#[test]
fn events_not_taken_occupy_context() {
    let file = file_with(b"x");
    let cx = Raw::new(1);
    let mut iocb = read(&file);
    let pointer = &raw mut iocb;
    let mut accepted = 0;
    let refused = loop {
        // SAFETY: the byte is leaked, the iocb is a local variable.
        match unsafe { cx.submit(&[pointer]) } {
            Ok(count) => accepted += count,
            Err(errno) => break errno,
        }
        assert!(accepted < 100_000);
    };
    assert_eq!(refused, Errno::EAGAIN);
    assert!(accepted >= 1, "at least as many as io_setup was asked for: {accepted}");
    assert_eq!(cx.events().len(), accepted);
    // SAFETY: as before.
    assert_eq!(unsafe { cx.submit(&[pointer]) }, Ok(1), "taking events makes room");
}

#[test]
fn context_takes_as_many_requests_as_asked() {
    let file = file_with(b"x");
    for nr_events in [1, 2, 63, 64, 65, 1024, 4096] {
        let cx = Raw::new(nr_events);
        let mut iocb = read(&file);
        let pointers = vec![&raw mut iocb; nr_events as usize];
        // SAFETY: the byte is leaked, the iocb is a local variable.
        assert_eq!(unsafe { cx.submit(&pointers) }, Ok(nr_events as usize));
    }
}

#[test]
fn min_nr_zero_does_not_wait() {
    let cx = Raw::new(1);
    let mut event = IoEvent::default();
    // SAFETY: there is room for one event. Without a timeout, a wait would have no end.
    assert_eq!(unsafe { raw::io_getevents(cx.0, 0, 1, &raw mut event, ptr::null()) }, Ok(0));
}
