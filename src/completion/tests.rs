//! What answers mean, right ones and those that no kernel gives.

use super::*;
use crate::{
    buf::{IoBuf, IoVecs},
    request::Request,
    types::{Fd, PollEvents},
};
use std::vec;

/// What becomes of a read of 16 bytes that the kernel answers with `res`.
fn answered(res: i64) -> Completion<vec::Vec<u8>, ()> {
    // SAFETY: nothing is submitted.
    let file = unsafe { Fd::from_raw(-1) };
    let request = Request::read(file, vec![7; 32], 0).range(8..24);
    let (template, _, buf, tag) = request.unwrap().into_raw_parts();
    Completion::new(Taken { buf, tag, template, event: IoEvent { res, ..IoEvent::default() } })
}

#[test]
fn right_answers() {
    assert_eq!(answered(16).transferred().len(), 16);
    assert_eq!(answered(5).transferred().len(), 5);
    assert_eq!((answered(0).result, answered(0).transferred().len()), (Ok(0), 0));
    assert_eq!((answered(-5).result, answered(-5).transferred().len()), (Err(Errno::EIO), 0));
    assert_eq!(answered(-4095).result.unwrap_err().raw(), 4095);
}

/// As many bytes as can be said: more than 1024 pieces can lead to with 48-bit addresses, but not
/// with 57-bit ones, since pieces that are only read from may be the same.
struct AllThereIs;

// SAFETY: nothing is submitted.
unsafe impl IoBuf for AllThereIs {
    fn io_ptr(&mut self) -> *mut u8 {
        core::ptr::null_mut()
    }

    fn io_len(&self) -> usize {
        1
    }

    fn io_total(&self) -> usize {
        usize::MAX
    }
}

// SAFETY: nothing is submitted.
unsafe impl IoVecs for AllThereIs {}

#[test]
fn an_errno_is_one_however_much_was_asked_for() {
    // SAFETY: nothing is submitted.
    let file = unsafe { Fd::from_raw(-1) };
    let (template, _, buf, tag) = Request::writev(file, AllThereIs, 0).unwrap().into_raw_parts();
    let event = IoEvent { res: -22, ..IoEvent::default() };
    let done = Completion::new(Taken { buf, tag, template, event });
    assert_eq!(done.result, Err(Errno::EINVAL));
}

#[test]
fn all_bits_of_a_poll_are_kept() {
    for res in [0x1001, 0xffff] {
        // SAFETY: nothing is submitted.
        let file = unsafe { Fd::from_raw(-1) };
        let (template, _, buf, tag) = Request::poll(file).events(PollEvents::IN).into_raw_parts();
        let event = IoEvent { res, ..IoEvent::default() };
        let events = PollEvents::from_bits(res.try_into().unwrap()).unwrap();
        let asked = PollEvents::IN;
        let done = Completion::new(Taken { buf, tag, template, event });
        assert_eq!(done.outcome(), Ok(Outcome::Ready { events, asked }));
    }
}

#[test]
fn a_result_that_was_tampered_with() {
    let mut done = answered(16);
    for result in [17, 24, usize::MAX] {
        done.result = Ok(result);
        assert!(done.transferred().len() <= 32);
    }
}

#[test]
fn answers_that_no_kernel_gives() {
    for res in [17, 24, 32, i64::MAX, i64::MIN, -4096, -1 << 40, 1 << 40] {
        let done = answered(res);
        assert_eq!((done.result, done.transferred().len()), (Err(Errno::EIO), 0), "{res}");
        assert_eq!(done.info().event().res, res, "as it came");
    }
}
