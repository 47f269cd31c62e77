//! A request that the kernel refuses completes with its errno, at any place in the batch, and the
//! others are submitted. All orders of good and refused requests are tried.

use crate::support::{direct_file_with, file_with, pattern};
use linux_aio::{Batch, Context, Errno, Fd, PageBuf, Request};
use std::{fs::File, os::fd::AsRawFd as _};

/// What kind of request it is, which decides its result.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Good,
    /// Refused by `io_submit`.
    BadFd,
    /// Refused by `io_submit`.
    WrongMode,
    /// Accepted; the event carries the error.
    Misaligned,
    AnotherGood,
}

use Kind::{AnotherGood, BadFd, Good, Misaligned, WrongMode};

/// All orders of the items.
fn permutations<T: Copy>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![vec![]];
    }
    (0..items.len())
        .flat_map(|first| {
            let mut rest = items.to_vec();
            let first = rest.remove(first);
            permutations(&rest).into_iter().map(move |mut tail| {
                tail.insert(0, first);
                tail
            })
        })
        .collect()
}

/// The number of a descriptor that is not open. Other tests open files meanwhile, but not that many.
const CLOSED: i32 = 1_000_000;

#[test]
fn good_and_refused_requests_in_every_order() {
    let content = pattern(3 * 4096);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let write_only = File::options().write(true).open("/dev/null").unwrap();
    let mut cx = Context::<PageBuf, (usize, Kind)>::new(8).unwrap();

    for order in permutations(&[Good, BadFd, WrongMode, Misaligned, AnotherGood]) {
        let mut batch = Batch::<_, _, _, 8>::new();
        let mut addresses = Vec::new();
        for (place, &kind) in order.iter().enumerate() {
            let mut buf = PageBuf::new(4096).unwrap();
            buf.fill(0xee);
            addresses.push(buf.as_ptr().addr());
            let request = match kind {
                Good => Request::read(&file, buf, 0),
                AnotherGood => Request::read(&file, buf, 8192),
                Misaligned => Request::read(&file, buf, 1),
                WrongMode => Request::read(&write_only, buf, 0),
                // SAFETY: it is not open, and the kernel refuses it.
                BadFd => Request::read(unsafe { Fd::from_raw(CLOSED) }, buf, 0),
            };
            batch.push(request.tag((place, kind))).unwrap();
        }

        let submitted = cx.submit(&mut batch).unwrap();
        assert_eq!((submitted.accepted, submitted.refused), (3, 2), "{order:?}");
        assert!(batch.is_empty());
        assert_eq!(cx.outstanding(), 5);

        let mut seen = [false; 5];
        for done in cx.wait(5, None).unwrap() {
            let (place, kind) = done.tag;
            assert_eq!(order[place], kind);
            assert_eq!(done.buf.as_ptr().addr(), addresses[place], "it has its own buffer");
            assert!(!std::mem::replace(&mut seen[place], true), "it completes once");
            match kind {
                Good => assert_eq!(done.buf[..], content[..4096]),
                AnotherGood => assert_eq!(done.buf[..], content[8192..]),
                BadFd | WrongMode => assert_eq!(done.result, Err(Errno::EBADF)),
                Misaligned => assert_eq!(done.result, Err(Errno::EINVAL)),
            }
            if matches!(kind, Good | AnotherGood) {
                assert_eq!(done.result, Ok(4096));
            } else {
                assert!(done.buf.iter().all(|&byte| byte == 0xee));
                assert_eq!(done.info().event().res, -i64::from(done.result.unwrap_err().raw()));
            }
        }
        assert_eq!(seen, [true; 5], "{order:?}");
    }
}

#[test]
fn batch_of_refused_requests_completes_in_order() {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, usize>::new(64).unwrap();
    let mut batch = Batch::<_, _, _, 64>::new();
    for number in 0..64 {
        batch.push(Request::read(&file, vec![0; 1], u64::MAX).tag(number)).unwrap();
    }
    let submitted = cx.submit(&mut batch).unwrap();
    assert_eq!((submitted.accepted, submitted.refused), (0, 64));
    let done = cx.reap().unwrap().map(|done| (done.tag, done.result)).collect::<Vec<_>>();
    let expected = (0..64).map(|number| (number, Err(Errno::EINVAL))).collect::<Vec<_>>();
    assert_eq!(done, expected, "refused requests complete in order");
}

/// An `EBADF` (`d`) is checked by one more call if it is the first answer, an `EINVAL` (`v`) by two.
#[test]
fn refusals_cost_known_number_of_system_calls() {
    let file = file_with(b"hello");
    let write_only = File::create("/dev/null").unwrap();
    for (order, calls) in [
        ("g", 1),
        ("ggg", 1),
        ("d", 2),
        ("v", 3),
        ("dd", 3),
        ("vv", 4),
        ("gd", 2),
        ("gv", 2),
        ("dg", 3),
        ("vg", 4),
        ("gdgvg", 5),
        ("dgdgd", 6),
        ("vgvgv", 7),
    ] {
        let mut cx = Context::<Vec<u8>, ()>::new(8).unwrap();
        let mut batch = Batch::<_, _, _, 8>::new();
        for kind in order.chars() {
            let (file, offset) = match kind {
                'd' => (&write_only, 0),
                'v' => (&file, u64::MAX),
                _ => (&file, 0),
            };
            batch.push(Request::read(file, vec![0; 1], offset)).unwrap();
        }
        let submitted = cx.submit(&mut batch).unwrap();
        assert_eq!(submitted.refused, order.matches(['d', 'v']).count());
        assert_eq!(cx.stats().system_calls, calls, "{order}");
    }
}

#[test]
fn wait_for_refused_request_makes_no_system_call() {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
    let mut batch = Batch::<_, _, _, 1>::new();
    batch.push(Request::read(&file, vec![0; 1], u64::MAX)).unwrap();
    cx.submit(&mut batch).unwrap();
    let calls = cx.stats().system_calls;
    assert_eq!(cx.wait(1, None).unwrap().next().unwrap().result, Err(Errno::EINVAL));
    assert_eq!(cx.stats().system_calls, calls);
    assert!(file.as_raw_fd() >= 0);
}
