//! [`Context::write_and_sync`] on the real kernel: the sync comes after the last write, and not at all
//! if one has failed.

use crate::support::{Call, Mount, direct_file_with, file_with, pattern, supervised};
use linux_aio::{Batch, Borrowed, Context, Errno, PageBuf, Request, WriteSyncError};
use std::{fs::File, io, os::unix::fs::FileExt as _, sync::Arc};

const BLOCK: usize = 64 << 10;
const BLOCKS: usize = 16;

type Cx = Context<PageBuf, usize>;

/// A batch of writes of these bytes.
fn writes<'f>(file: &'f File, content: &[u8]) -> Batch<Borrowed<'f>, PageBuf, usize, BLOCKS> {
    let mut batch = Batch::new();
    for (tag, block) in content.chunks_exact(BLOCK).enumerate() {
        let mut buf = PageBuf::new(BLOCK).unwrap();
        buf.copy_from_slice(block);
        batch.push(Request::write(file, buf, (tag * BLOCK) as u64).tag(tag)).unwrap();
    }
    batch
}

/// The first bytes of a file, through the page cache.
fn content(file: &File, len: usize) -> Vec<u8> {
    let file = File::open(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file)));
    let mut content = vec![0; len];
    file.unwrap().read_exact_at(&mut content, 0).unwrap();
    content
}

/// Makes the calls of `work`, and returns its result. `sync` answers each `fdatasync`.
fn on_sync<R: Send>(sync: impl FnMut(&Call) -> i64, work: impl FnOnce() -> R + Send) -> R {
    supervised(&[libc::SYS_fdatasync], sync, work)
}

#[test]
fn sync_begins_when_all_writes_are_done() {
    let expected = pattern(BLOCKS * BLOCK);
    let Some(file) = direct_file_with(&vec![0; BLOCKS * BLOCK]) else { return };
    // Also with fewer requests in flight than writes.
    for capacity in [BLOCKS, 3] {
        file.write_all_at(&PageBuf::new(BLOCKS * BLOCK).unwrap(), 0).unwrap();
        let mut syncs = 0;
        let sync = |call: &Call| {
            assert!(content(&file, BLOCKS * BLOCK) == expected, "everything was written before");
            syncs += 1;
            call.pass()
        };
        let completed = on_sync(sync, || {
            let mut cx = Cx::new(capacity).unwrap();
            let mut batch = writes(&file, &expected);
            let mut completed = Vec::new();
            cx.write_and_sync(&mut batch, &file, |done| {
                assert_eq!(done.result, Ok(BLOCK));
                completed.push(done.tag);
            })
            .unwrap();
            assert!(batch.is_empty());
            completed.sort_unstable();
            completed
        });
        assert_eq!((completed, syncs), ((0..BLOCKS).collect(), 1));
    }
}

#[test]
fn failed_sync_is_an_error_that_says_what_to_do() {
    let file = file_with(&[]);
    let expected = pattern(2 * BLOCK);
    let error = on_sync(
        |_| -i64::from(libc::EIO),
        || {
            let mut cx = Cx::new(2).unwrap();
            cx.write_and_sync(&mut writes(&file, &expected), &file, drop).unwrap_err()
        },
    );
    assert_eq!(error, WriteSyncError::Sync { errno: Errno::EIO });
    let said = io::Error::from(error).to_string();
    assert!(said.starts_with("fdatasync: EIO: "), "{said}");
    assert!(
        said.contains("did not reach the disk") && said.contains("do not sync again"),
        "{said}"
    );
}

#[test]
fn full_file_system_is_an_error_without_sync() {
    // Three blocks and a half.
    let room = 3 * BLOCK + BLOCK / 2;
    let size = format!("size={room}");
    let Some(small) = Mount::new(&["-t", "tmpfs", "-o", &size, "none"]) else { return };
    let path = small.path().join("file");
    let file = File::options().read(true).write(true).create_new(true).open(path).unwrap();
    let expected = pattern(8 * BLOCK);
    let (error, completed) = on_sync(
        |_| panic!("nothing is synced"),
        || {
            let mut cx = Cx::new(8).unwrap();
            let mut completed = Vec::new();
            let mut batch = writes(&file, &expected);
            let error = cx.write_and_sync(&mut batch, &file, |done| {
                assert!(done.buf[..] == expected[done.tag * BLOCK..][..BLOCK]);
                completed.push(done.tag);
            });
            let left = batch.pop().unwrap();
            assert!(batch.is_empty());
            assert_eq!((left.tag_ref(), left.info().range()), (&3, BLOCK / 2..BLOCK));
            (error.unwrap_err(), completed)
        },
    );
    // The fourth write was short. When those behind it had failed, its rest was not submitted.
    let WriteSyncError::Write(error) = error else { panic!("{error}") };
    assert_eq!((error.errno, error.offset()), (Errno::ENOSPC, Some(4 * BLOCK as u64)));
    assert_eq!(completed, [0, 1, 2, 4, 5, 6, 7]);
    assert!(content(&file, room) == expected[..room]);
}

#[test]
fn unsuitable_batch_is_refused_and_unchanged() {
    let (file, other) = (file_with(&[7; 4096]), file_with(&[7; 4096]));
    let page = || PageBuf::new(4096).unwrap();
    let mut cx = Context::<PageBuf, ()>::new(4).unwrap();
    let check = |cx: &mut Context<PageBuf, ()>, batch: &mut Batch<_, PageBuf, (), 2>| {
        let before = batch.len();
        let refused = cx.write_and_sync(batch, &file, |_| panic!("nothing is submitted"));
        assert_eq!((refused, batch.len()), (Err(WriteSyncError::Unsuitable), before));
    };
    let mut batch = Batch::new();
    batch.push(Request::write(&file, page(), 0)).unwrap();
    batch.push(Request::read(&file, page(), 0)).unwrap();
    check(&mut cx, &mut batch);
    let mut batch = Batch::new();
    batch.push(Request::write(&file, page(), 0)).unwrap();
    batch.push(Request::write(&other, page(), 0)).unwrap();
    check(&mut cx, &mut batch);
    let mut batch = Batch::new();
    batch.push(Request::fsync(&file).with_buf(page())).unwrap();
    check(&mut cx, &mut batch);
    // A request that is outstanding.
    cx.submit_one(Request::read(&file, page(), 0)).unwrap();
    check(&mut cx, &mut Batch::new());
    assert_eq!(cx.wait_all(None).unwrap().count(), 1);
    assert_eq!(content(&file, 4096), [7; 4096]);
    // Without writes, the file is synced.
    let mut batch = Batch::<_, _, _, 2>::new();
    assert_eq!(cx.write_and_sync(&mut batch, &file, drop), Ok(()));
}

#[test]
fn owned_files_and_vectored_writes_are_synced() {
    let file = Arc::new(file_with(&[]));
    let mut cx = Context::<Box<linux_aio::Pieces<Vec<u8>, 2>>, ()>::new(4).unwrap();
    let mut batch = Batch::<_, _, _, 4>::new();
    for block in 0..4_u8 {
        let mut pieces = Box::new(linux_aio::Pieces::new());
        pieces.push(vec![block; 100]).unwrap();
        pieces.push(vec![block + 10; 200]).unwrap();
        let request = Request::writev(Arc::clone(&file), pieces, u64::from(block) * 300);
        batch.push(request.unwrap()).unwrap();
    }
    cx.write_and_sync(&mut batch, Arc::clone(&file), |done| assert_eq!(done.result, Ok(300)))
        .unwrap();
    let content = content(&file, 1200);
    for (number, block) in (0..4).zip(content.chunks(300)) {
        assert_eq!(
            (block[0], block[99], block[100], block[299]),
            (number, number, number + 10, number + 10)
        );
    }
}
