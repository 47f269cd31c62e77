//! The completion ring is memory that a program can write to by mistake. The test writes to it: an
//! event that is repeated completes no request, and an impossible result is `EIO`.

use crate::support::{file_with, skip};
use linux_aio::{Batch, Context, Errno, Request};

const LEN: usize = 512;

/// A context with one completed read, and the address of its ring.
fn one_read() -> Option<(Context<Vec<u8>, u8>, *mut u32)> {
    let file = file_with(&[7; LEN]);
    let mut cx = Context::new(4).unwrap();
    let mut batch = Batch::<_, _, _, 4>::new();
    batch.push(Request::read(&file, vec![0; LEN], 0).tag(1)).unwrap();
    cx.submit(&mut batch).unwrap();
    // The context's id is the address of its ring, which begins: id, nr, head, tail, magic.
    let ring = std::ptr::with_exposed_provenance_mut::<u32>(cx.id().0 as usize);
    // SAFETY: the kernel has mapped the ring there, readable and writable.
    if unsafe { ring.add(4).read_volatile() } != 0xa10a_10a1 {
        skip("the kernel maps no ring");
        return None;
    }
    Some((cx, ring))
}

#[test]
fn repeated_event_is_ignored_and_counted() {
    let Some((mut cx, ring)) = one_read() else { return };
    assert_eq!(cx.reap().unwrap().next().unwrap().tag, 1);
    let file = file_with(&[7; LEN]);
    let mut batch = Batch::<_, _, _, 4>::new();
    batch.push(Request::read(&file, vec![0; LEN], 0).tag(2)).unwrap();
    // SAFETY: the ring is mapped, and the kernel does not use `head` now.
    unsafe {
        let head = ring.add(2);
        assert_eq!(head.read_volatile(), 1);
        head.write_volatile(0);
    }
    cx.submit(&mut batch).unwrap();
    // The repeated event names the same slot, which is in use again.
    let tags = cx.wait(1, None).unwrap().map(|done| (done.tag, done.result)).collect::<Vec<_>>();
    assert_eq!(tags, [(2, Ok(LEN))]);
    assert_eq!((cx.stats().spurious, cx.outstanding()), (1, 0));
}

#[test]
fn impossible_result_is_eio() {
    let impossible = Err(Errno::EIO);
    let results = [
        (LEN as i64 + 1, impossible),
        (i64::MIN, impossible),
        (i64::MAX, impossible),
        (-4096, impossible),
        (-4095, Err(Errno::from_raw(4095).unwrap())),
        (-9, Err(Errno::EBADF)),
        (3, Ok(3)),
    ];
    for (res, expected) in results {
        let Some((mut cx, ring)) = one_read() else { return };
        // SAFETY: the header has 32 bytes, and `res` is at 16 of the first event.
        unsafe { ring.add(8 + 4).cast::<i64>().write_volatile(res) };
        let done = cx.wait(1, None).unwrap().next().unwrap();
        assert_eq!(done.result, expected, "{res}");
        assert_eq!(done.transferred().len(), expected.unwrap_or(0));
        assert_eq!(done.info().event().res, res);
    }
}
