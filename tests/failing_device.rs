//! A device that fails: blocks go bad while requests are in flight, or the storage behind the device
//! is used up. Each request completes once, with its data or with the error.

use crate::support::{Ledger, LoopDevice, Mount, Stall, pattern};
use linux_aio::{Batch, Borrowed, Completion, Context, Errno, PageBuf, Request};
use std::{fs::File, os::unix::fs::FileExt as _};

const BLOCK: usize = 64 << 10;
const BLOCKS: usize = 16;
const HALF: usize = BLOCKS / 2;
/// Every second block of it is used, so that the block layer merges no two requests.
const DEVICE: usize = 2 * BLOCKS * BLOCK;

type Reads = Context<PageBuf, usize>;

/// Where a block begins.
const fn start(block: usize) -> usize {
    2 * block * BLOCK
}

/// Submits a request for each block, made by `request`.
fn submit_all<'fd>(
    cx: &mut Reads,
    ledger: &mut Ledger,
    request: impl Fn(PageBuf, u64) -> Request<Borrowed<'fd>, PageBuf>,
) {
    let mut batch = Batch::<_, _, _, BLOCKS>::new();
    for tag in 0..BLOCKS {
        let mut buf = PageBuf::new(BLOCK).unwrap();
        buf.fill(0xee);
        ledger.add(tag, &buf);
        batch.push(request(buf, start(tag) as u64).tag(tag)).unwrap();
    }
    assert_eq!(cx.submit(&mut batch).unwrap().accepted, BLOCKS);
}

/// Takes all completions, sorted by their blocks.
fn take_all(cx: &mut Reads, ledger: &mut Ledger) -> Vec<Completion<PageBuf, usize>> {
    let mut all = cx.wait(BLOCKS, None).unwrap().collect::<Vec<_>>();
    all.iter().for_each(|done| ledger.complete(done.tag, &done.buf));
    all.sort_by_key(|done| done.tag);
    assert_eq!((all.len(), cx.outstanding()), (BLOCKS, 0));
    all
}

/// Checks that a request failed with `EIO`, and the message.
fn check_failed(done: &Completion<PageBuf, usize>) {
    assert_eq!(done.result, Err(Errno::EIO));
    let said = done.outcome().unwrap_err().to_string();
    let errno = "EIO: Input/output error (os error 5): the device failed";
    let info = done.info();
    let (name, offset) = (info.opcode().name(), info.offset());
    assert_eq!(said, format!("{name} of {BLOCK} bytes at {offset}: {errno}"));
    assert!(done.transferred().is_empty());
}

/// Submits reads of all blocks, calls `in_flight`, and checks that the first half is read and the
/// second half fails.
fn read_half(device: &LoopDevice, content: &[u8], in_flight: impl FnOnce()) {
    let file = device.open();
    let mut cx = Reads::new(BLOCKS).unwrap();
    let mut ledger = Ledger::default();
    submit_all(&mut cx, &mut ledger, |buf, offset| Request::read(&file, buf, offset));
    in_flight();
    for done in take_all(&mut cx, &mut ledger) {
        if done.tag < HALF {
            assert_eq!(done.result, Ok(BLOCK));
            assert!(done.buf[..] == content[start(done.tag)..][..BLOCK]);
        } else {
            check_failed(&done);
        }
    }
    assert_eq!(ledger.finish(), BLOCKS);
}

#[test]
fn blocks_that_fail_in_flight_are_eio() {
    let content = pattern(DEVICE);
    let Some(device) = LoopDevice::new(&content) else { return };
    let Some(stall) = Stall::of(&device) else { return };
    read_half(&device, &content, || {
        device.cut_off(start(HALF) as u64);
        stall.lift();
    });
    // After the errors, the rest of the device is still readable.
    read_half(&device, &content, || ());
}

#[test]
fn blocks_that_failed_before_are_eio() {
    let content = pattern(DEVICE);
    let Some(device) = LoopDevice::new(&content) else { return };
    device.cut_off(start(HALF) as u64);
    read_half(&device, &content, || ());
}

/// A device that is larger than the file system that its file is on: half of the blocks fit.
fn thin() -> Option<(LoopDevice, Mount)> {
    let small = Mount::new(&["-t", "tmpfs", "-o", "size=512k", "none"])?;
    let behind = small.path().join("behind");
    let behind = File::options().read(true).write(true).create_new(true).open(behind).unwrap();
    behind.set_len(DEVICE as u64).unwrap();
    Some((LoopDevice::of(behind)?, small))
}

#[test]
fn writes_beyond_storage_of_thin_device_fail() {
    let Some((device, _small)) = thin() else { return };
    let file = device.open();
    let mut cx = Reads::new(BLOCKS).unwrap();
    let mut ledger = Ledger::default();
    submit_all(&mut cx, &mut ledger, |buf, offset| Request::write(&file, buf, offset));
    let (mut written, mut refused) = (Vec::new(), 0);
    for done in take_all(&mut cx, &mut ledger) {
        match done.result {
            Ok(BLOCK) => written.push(done.tag),
            _ => {
                refused += 1;
                assert!(done.buf.iter().all(|&byte| byte == 0xee), "the buffer is unchanged");
                assert!(done.result == Err(Errno::ENOSPC) || done.result == Err(Errno::EIO));
                assert!(done.outcome().unwrap_err().explanation().is_some());
            }
        }
    }
    assert_eq!(ledger.finish(), BLOCKS);
    assert!(refused >= BLOCKS - HALF && !written.is_empty(), "{written:?} of {BLOCKS}");
    for block in written {
        let content = device.content(DEVICE);
        assert!(content[start(block)..][..BLOCK].iter().all(|&byte| byte == 0xee));
    }
}

/// The page cache takes a write and the device does not: the next sync fails, once for each open file.
#[test]
fn sync_reports_failed_writeback_once() {
    let Some((device, _small)) = thin() else { return };
    let buffered = || File::options().read(true).write(true).open(&device.path).unwrap();
    let (one, other) = (buffered(), buffered());
    one.write_all_at(&vec![0xee; DEVICE], 0).unwrap();
    let mut cx = Context::<(), ()>::new(1).unwrap();
    let mut sync = |file: &File| {
        let mut batch = Batch::<_, _, _, 1>::new();
        batch.push(Request::fdsync(file)).unwrap();
        assert_eq!(cx.submit(&mut batch).unwrap().accepted, 1);
        cx.wait(1, None).unwrap().next().unwrap()
    };
    for file in [&one, &other] {
        let synced = sync(file);
        let errno = synced.result.unwrap_err();
        assert!(errno == Errno::EIO || errno == Errno::ENOSPC, "{errno}");
        let said = synced.outcome().unwrap_err().to_string();
        let what = "something written earlier did not reach the disk, and may be lost";
        assert_eq!(said, format!("fdsync: {errno}: {what}"));
        assert_eq!(sync(file).result, Ok(0), "the error is reported once");
    }
}
