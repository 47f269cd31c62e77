//! Tests of how results of the kernel are interpreted, including impossible ones.

use super::*;
use crate::{
    buf::{IoBuf, IoVecs},
    request::Request,
    types::{Fd, PollEvents},
};
use std::vec;

/// Returns the completion of a read of 16 bytes whose event has the result `res`.
fn completed(res: i64) -> Completion<vec::Vec<u8>, ()> {
    // SAFETY: nothing is submitted.
    let file = unsafe { Fd::from_raw(-1) };
    let request = Request::read(file, vec![7; 32], 0).range(8..24);
    let (template, _, buf, tag) = request.unwrap().into_raw_parts();
    Completion::new(Taken { buf, tag, template, event: IoEvent { res, ..IoEvent::default() } })
}

#[test]
fn results_within_the_request_are_ok() {
    assert_eq!(completed(16).transferred().len(), 16);
    assert_eq!(completed(5).transferred().len(), 5);
    assert_eq!((completed(0).result, completed(0).transferred().len()), (Ok(0), 0));
    assert_eq!((completed(-5).result, completed(-5).transferred().len()), (Err(Errno::EIO), 0));
    assert_eq!(completed(-4095).result.unwrap_err().raw(), 4095);
}

/// A buffer of `usize::MAX` bytes. 1024 pieces can have that many bytes together with 57-bit
/// addresses, but not with 48-bit ones: pieces that are only read from may overlap.
struct Largest;

// SAFETY: nothing is submitted.
unsafe impl IoBuf for Largest {
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
unsafe impl IoVecs for Largest {}

#[test]
fn errno_is_no_count_for_the_largest_buffer() {
    // SAFETY: nothing is submitted.
    let file = unsafe { Fd::from_raw(-1) };
    let (template, _, buf, tag) = Request::writev(file, Largest, 0).unwrap().into_raw_parts();
    let event = IoEvent { res: -22, ..IoEvent::default() };
    let done = Completion::new(Taken { buf, tag, template, event });
    assert_eq!(done.result, Err(Errno::EINVAL));
}

#[test]
fn poll_outcome_keeps_all_bits() {
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
fn transferred_is_within_the_buffer_if_result_was_changed() {
    let mut done = completed(16);
    for result in [17, 24, usize::MAX] {
        done.result = Ok(result);
        assert!(done.transferred().len() <= 32);
    }
}

#[test]
fn impossible_results_are_eio() {
    for res in [17, 24, 32, i64::MAX, i64::MIN, -4096, -1 << 40, 1 << 40] {
        let done = completed(res);
        assert_eq!((done.result, done.transferred().len()), (Err(Errno::EIO), 0), "{res}");
        assert_eq!(done.info().event().res, res, "unchanged");
    }
}
