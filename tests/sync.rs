//! Syncs succeed on what can be synced, have no bytes, and are ordered after writes by waiting.

use crate::support::file_with;
use linux_aio::{Batch, Context, Errno, Outcome, PageBuf, Request, RequestError, Sync};
use std::fs::File;

/// Runs one sync by itself.
fn run(request: Request<'_, (), (), Sync>) -> Result<Outcome, RequestError> {
    let mut cx = Context::<(), (), 1>::new().unwrap();
    let mut batch = Batch::<_, _, 1>::new();
    batch.push(request).unwrap();
    cx.submit(&mut batch).unwrap();
    let done = cx.wait(1, None).unwrap().next().unwrap();
    assert!(done.result.is_err() || done.result == Ok(0));
    done.outcome()
}

#[test]
fn files_and_directories() {
    let file = file_with(b"hello");
    assert_eq!(run(Request::fsync(&file)), Ok(Outcome::Synced));
    assert_eq!(run(Request::fdsync(&file)), Ok(Outcome::Synced));
    let directory = File::open(std::env::temp_dir()).unwrap();
    assert_eq!(run(Request::fsync(&directory)), Ok(Outcome::Synced));
    assert_eq!(run(Request::fdsync(&directory)), Ok(Outcome::Synced));
    let path = tempfile::NamedTempFile::new().unwrap();
    let read_only = File::open(path.path()).unwrap();
    assert_eq!(run(Request::fsync(&read_only)), Ok(Outcome::Synced), "need not be writable");
}

#[test]
fn what_cannot_be_synced() {
    let (pipe, _other) = std::io::pipe().unwrap();
    let error = run(Request::fsync(&pipe)).unwrap_err();
    assert_eq!(error.errno, Errno::EINVAL);
    assert!(error.to_string().contains("files of this kind cannot be synced"), "{error}");
}

#[test]
fn write_these_then_sync() {
    let file = file_with(b"");
    let mut cx = Context::<PageBuf, u64, 8>::new().unwrap();
    let mut batch = Batch::<_, _, 8>::new();
    for block in 0..8 {
        batch
            .push(Request::write(&file, PageBuf::new(4096).unwrap(), block * 4096).tag(block))
            .unwrap();
    }
    cx.submit(&mut batch).unwrap();
    let written =
        cx.wait(usize::MAX, None).unwrap().map(|done| done.result.unwrap()).sum::<usize>();
    assert_eq!((written, cx.in_flight()), (8 * 4096, 0), "all writes are over");
    // A sync needs no buffer of its own; what it carries comes back.
    batch.push(Request::fdsync(&file).tag(8).carry(PageBuf::new(7).unwrap())).unwrap();
    batch.push(Request::fsync(&file).carry(PageBuf::empty()).tag(9)).unwrap();
    cx.submit(&mut batch).unwrap();
    let mut done = cx.wait(2, None).unwrap().collect::<Vec<_>>();
    done.sort_by_key(|done| done.tag);
    assert!(done.iter().all(|done| done.outcome() == Ok(Outcome::Synced)));
    assert_eq!((done[0].buf.len(), done[1].buf.len()), (7, 0));
    assert_eq!((done[0].transferred().len(), done[0].range()), (0, 0..0));
}
