//! `fsync` and `fdsync`: they succeed on files and directories, fail on pipes, and follow writes that
//! were waited for.

use crate::support::file_with;
use linux_aio::{
    Batch, Borrowed, Context, Errno, Outcome, PageBuf, Request, RequestError, op::Sync,
};
use std::fs::File;

/// Runs one sync by itself.
fn run(request: Request<Borrowed<'_>, (), (), Sync>) -> Result<Outcome, RequestError> {
    let mut cx = Context::<(), ()>::new(1).unwrap();
    let mut batch = Batch::<_, _, _, 1>::new();
    batch.push(request).unwrap();
    cx.submit(&mut batch).unwrap();
    let done = cx.wait(1, None).unwrap().next().unwrap();
    assert!(done.result.is_err() || done.result == Ok(0));
    done.outcome()
}

#[test]
fn files_and_directories_are_synced() {
    let file = file_with(b"hello");
    assert_eq!(run(Request::fsync(&file)), Ok(Outcome::Synced));
    assert_eq!(run(Request::fdsync(&file)), Ok(Outcome::Synced));
    let directory = File::open(std::env::temp_dir()).unwrap();
    assert_eq!(run(Request::fsync(&directory)), Ok(Outcome::Synced));
    assert_eq!(run(Request::fdsync(&directory)), Ok(Outcome::Synced));
    let path = tempfile::NamedTempFile::new().unwrap();
    let read_only = File::open(path.path()).unwrap();
    assert_eq!(run(Request::fsync(&read_only)), Ok(Outcome::Synced), "it need not be writable");
}

#[test]
fn sync_of_pipe_is_einval() {
    let (pipe, _other) = std::io::pipe().unwrap();
    let error = run(Request::fsync(&pipe)).unwrap_err();
    assert_eq!(error.errno, Errno::EINVAL);
    assert!(error.to_string().contains("files of this kind cannot be synced"), "{error}");
}

#[test]
fn sync_follows_writes_that_are_waited_for() {
    let file = file_with(b"");
    let mut cx = Context::<PageBuf, u64>::new(8).unwrap();
    let mut batch = Batch::<_, _, _, 8>::new();
    for block in 0..8 {
        batch
            .push(Request::write(&file, PageBuf::new(4096).unwrap(), block * 4096).tag(block))
            .unwrap();
    }
    cx.submit(&mut batch).unwrap();
    let written =
        cx.wait(usize::MAX, None).unwrap().map(|done| done.result.unwrap()).sum::<usize>();
    assert_eq!((written, cx.outstanding()), (8 * 4096, 0), "all writes have completed");
    // A sync needs no buffer. The one that it is given comes back.
    batch.push(Request::fdsync(&file).tag(8).with_buf(PageBuf::new(7).unwrap())).unwrap();
    batch.push(Request::fsync(&file).with_buf(PageBuf::empty()).tag(9)).unwrap();
    cx.submit(&mut batch).unwrap();
    let mut done = cx.wait(2, None).unwrap().collect::<Vec<_>>();
    done.sort_by_key(|done| done.tag);
    assert!(done.iter().all(|done| done.outcome() == Ok(Outcome::Synced)));
    assert_eq!((done[0].buf.len(), done[1].buf.len()), (7, 0));
    assert_eq!((done[0].transferred().len(), done[0].info().range()), (0, 0..0));
}
