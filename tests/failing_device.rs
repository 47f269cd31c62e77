//! A device that fails: some of its blocks go bad while requests are in flight, or its own storage is
//! used up. Each request has its one completion, with the data or with the error.

use crate::support::{Ledger, LoopDevice, Mount, Stall, pattern};
use linux_aio::{Batch, Completion, Context, Errno, PageBuf, Request};
use std::{fs::File, os::unix::fs::FileExt as _};

const BLOCK: usize = 64 << 10;
const BLOCKS: usize = 16;
const HALF: usize = BLOCKS / 2;
/// Every second block of it is used, so that no two requests become one on their way.
const DEVICE: usize = 2 * BLOCKS * BLOCK;

type Reads = Context<PageBuf, usize, BLOCKS>;

/// Where a block begins.
const fn start(block: usize) -> usize {
    2 * block * BLOCK
}

/// Submits a request for each block, as `request` makes them.
fn submit_all<'fd>(
    cx: &mut Reads,
    ledger: &mut Ledger,
    request: impl Fn(PageBuf, u64) -> Request<'fd, PageBuf>,
) {
    let mut batch = Batch::<_, _, BLOCKS>::new();
    for tag in 0..BLOCKS {
        let mut buf = PageBuf::new(BLOCK).unwrap();
        buf.fill(0xee);
        ledger.lend(tag, &buf);
        batch.push(request(buf, start(tag) as u64).tag(tag)).unwrap();
    }
    assert_eq!(cx.submit(&mut batch).unwrap().accepted, BLOCKS);
}

/// Takes all completions, in the order of their blocks.
fn take_all(cx: &mut Reads, ledger: &mut Ledger) -> Vec<Completion<PageBuf, usize>> {
    let mut all = cx.wait(BLOCKS, None).unwrap().collect::<Vec<_>>();
    all.iter().for_each(|done| ledger.take_back(done.tag, &done.buf));
    all.sort_by_key(|done| done.tag);
    assert_eq!((all.len(), cx.in_flight()), (BLOCKS, 0));
    all
}

/// Checks that a request failed as it does when the device does.
fn failed(done: &Completion<PageBuf, usize>) {
    assert_eq!(done.result, Err(Errno::EIO));
    let said = done.outcome().unwrap_err().to_string();
    let errno = "EIO: Input/output error (os error 5): the device failed";
    assert_eq!(said, format!("{}: {errno}", done.opcode().name()));
    assert!(done.transferred().is_empty());
}

/// Reads all blocks, of which the second half goes bad by `disturb`, once they are submitted.
fn read_while(device: &LoopDevice, content: &[u8], disturb: impl FnOnce()) {
    let file = device.open();
    let mut cx = Reads::new().unwrap();
    let mut ledger = Ledger::default();
    submit_all(&mut cx, &mut ledger, |buf, offset| Request::read(&file, buf, offset));
    disturb();
    for done in take_all(&mut cx, &mut ledger) {
        if done.tag < HALF {
            assert_eq!(done.result, Ok(BLOCK));
            assert!(done.buf[..] == content[start(done.tag)..][..BLOCK]);
        } else {
            failed(&done);
        }
    }
    assert_eq!(ledger.settle(), BLOCKS);
}

#[test]
fn in_mid_flight() {
    let content = pattern(DEVICE);
    let Some(device) = LoopDevice::new(&content) else { return };
    let Some(stall) = Stall::of(&device) else { return };
    read_while(&device, &content, || {
        device.cut_off(start(HALF) as u64);
        stall.lift();
    });
    // A context that has seen errors is as good as before, and so is the rest of the device.
    read_while(&device, &content, || ());
}

#[test]
fn before_the_requests() {
    let content = pattern(DEVICE);
    let Some(device) = LoopDevice::new(&content) else { return };
    device.cut_off(start(HALF) as u64);
    read_while(&device, &content, || ());
}

/// As a thinly provisioned disk that is larger than what it is kept on: half of the blocks fit.
fn thin() -> Option<(LoopDevice, Mount)> {
    let small = Mount::new(&["-t", "tmpfs", "-o", "size=512k", "none"])?;
    let behind = small.path().join("behind");
    let behind = File::options().read(true).write(true).create_new(true).open(behind).unwrap();
    behind.set_len(DEVICE as u64).unwrap();
    Some((LoopDevice::of(behind)?, small))
}

#[test]
fn without_storage_of_its_own() {
    let Some((device, _small)) = thin() else { return };
    let file = device.open();
    let mut cx = Reads::new().unwrap();
    let mut ledger = Ledger::default();
    submit_all(&mut cx, &mut ledger, |buf, offset| Request::write(&file, buf, offset));
    let (mut written, mut refused) = (Vec::new(), 0);
    for done in take_all(&mut cx, &mut ledger) {
        match done.result {
            Ok(BLOCK) => written.push(done.tag),
            _ => {
                refused += 1;
                assert!(done.buf.iter().all(|&byte| byte == 0xee), "to be written elsewhere");
                assert!(done.result == Err(Errno::ENOSPC) || done.result == Err(Errno::EIO));
                assert!(done.outcome().unwrap_err().explanation().is_some());
            }
        }
    }
    assert_eq!(ledger.settle(), BLOCKS);
    assert!(refused >= BLOCKS - HALF && !written.is_empty(), "{written:?} of {BLOCKS}");
    for block in written {
        let content = device.content(DEVICE);
        assert!(content[start(block)..][..BLOCK].iter().all(|&byte| byte == 0xee));
    }
}

/// What the page cache took and the device did not: the sync that finds out says so, once for each that
/// has the file open.
#[test]
fn a_sync_tells_of_what_was_written_earlier() {
    let Some((device, _small)) = thin() else { return };
    let buffered = || File::options().read(true).write(true).open(&device.path).unwrap();
    let (one, other) = (buffered(), buffered());
    one.write_all_at(&vec![0xee; DEVICE], 0).unwrap();
    let mut cx = Context::<(), (), 1>::new().unwrap();
    let mut sync = |file: &File| {
        let mut batch = Batch::<_, _, 1>::new();
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
        assert_eq!(sync(file).result, Ok(0), "told once");
    }
}
