//! `io_submit` fails: the requests that it did not take are in the batch, in order, and the error says
//! why. A seccomp filter answers in place of the kernel.

use crate::support::{file_with, forbid, in_child, in_thread};
use linux_aio::{Batch, Context, ContextError, Errno, Request};

#[test]
fn eagain_leaves_rest_in_batch() {
    let file = file_with(b"hello");
    in_thread(|| {
        let mut cx = Context::<Vec<u8>, usize>::new(8).unwrap();
        let mut batch = Batch::<_, _, _, 8>::new();
        for number in 0..7 {
            let offset = if number == 2 { u64::MAX } else { 0 };
            batch.push(Request::read(&file, vec![0; number], offset).tag(number)).unwrap();
        }
        // The kernel takes two requests and refuses one. The call for the last four fails.
        forbid(libc::SYS_io_submit, &[(1, 4)], libc::EAGAIN);
        let error = cx.submit(&mut batch).unwrap_err();
        assert_eq!(error.cause, ContextError::Again);
        assert_eq!((error.submitted.accepted, error.submitted.refused), (2, 1));
        assert!(error.to_string().contains("take completions, then submit again"), "{error}");

        assert_eq!(cx.outstanding(), 3);
        let mut done =
            cx.wait(3, None).unwrap().map(|done| (done.tag, done.result)).collect::<Vec<_>>();
        done.sort_unstable();
        assert_eq!(done, [(0, Ok(0)), (1, Ok(1)), (2, Err(Errno::EINVAL))]);
        for number in 3..7 {
            let (_, buf, tag) = batch.pop().unwrap().into_parts();
            assert_eq!((buf.len(), tag), (number, number), "in order, each with its own buffer");
        }
        assert!(batch.is_empty());
    });
}

#[test]
fn rest_is_submitted_after_eagain() {
    let file = file_with(b"0123456789");
    in_thread(|| {
        let mut cx = Context::<Vec<u8>, usize>::new(8).unwrap();
        let mut batch = Batch::<_, _, _, 8>::new();
        for number in 0..5 {
            batch.push(Request::read(&file, vec![0; 1], number as u64).tag(number)).unwrap();
        }
        forbid(libc::SYS_io_submit, &[(1, 5)], libc::EAGAIN);
        let error = cx.submit(&mut batch).unwrap_err();
        assert_eq!((error.cause, error.submitted), (ContextError::Again, Default::default()));
        assert_eq!((batch.len(), cx.outstanding()), (5, 0));
        batch.push(Request::read(&file, vec![0; 1], 5).tag(5)).unwrap();
        assert_eq!(cx.submit(&mut batch).unwrap().accepted, 6);
        let done = cx.wait(6, None).unwrap().map(|done| (done.tag, done.buf)).collect::<Vec<_>>();
        assert_eq!(done, (0..6).map(|n| (n, n.to_string().into_bytes())).collect::<Vec<_>>());
    });
}

#[test]
fn eagain_while_checking_refusal_keeps_requests() {
    let file = file_with(b"hello");
    in_thread(|| {
        let mut cx = Context::<Vec<u8>, u8>::new(2).unwrap();
        let mut batch = Batch::<_, _, _, 2>::new();
        batch.push(Request::read(&file, vec![0; 1], u64::MAX).tag(1)).unwrap();
        batch.push(Request::read(&file, vec![0; 1], 0).tag(2)).unwrap();
        // The kernel refuses the first request. The call with no requests, which checks the context,
        // fails.
        forbid(libc::SYS_io_submit, &[(1, 0)], libc::EAGAIN);
        assert_eq!(cx.submit(&mut batch).unwrap_err().cause, ContextError::Again);
        assert_eq!((batch.len(), cx.outstanding()), (2, 0), "both stay in the batch");
        assert_eq!(*batch.pop().unwrap().tag_ref(), 1);
    });
}

#[test]
fn submit_count_of_zero_is_again() {
    let file = file_with(b"hello");
    in_thread(|| {
        let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
        let mut batch = Batch::<_, _, _, 1>::new();
        batch.push(Request::read(&file, vec![0; 1], 0)).unwrap();
        forbid(libc::SYS_io_submit, &[], 0);
        assert_eq!(cx.submit(&mut batch).unwrap_err().cause, ContextError::Again);
        assert_eq!((batch.len(), cx.outstanding()), (1, 0));
    });
}

#[test]
fn forbidden_io_submit_is_os_error() {
    for errno in
        [Errno::EPERM, Errno::ENOSYS, Errno::EACCES, Errno::EBADF, Errno::EFAULT, Errno::EINTR]
    {
        let file = file_with(b"hello");
        in_thread(|| {
            let mut cx = Context::<Vec<u8>, u8>::new(2).unwrap();
            let mut batch = Batch::<_, _, _, 2>::new();
            batch.push(Request::read(&file, vec![0; 1], 0).tag(1)).unwrap();
            batch.push(Request::read(&file, vec![0; 1], 0).tag(2)).unwrap();
            forbid(libc::SYS_io_submit, &[], errno.raw());
            let error = cx.submit(&mut batch).unwrap_err();
            assert_eq!(error.cause, ContextError::Os { call: "io_submit", errno });
            assert!(error.to_string().starts_with(&format!("io_submit: {errno}")), "{error}");
            if matches!(errno, Errno::EPERM | Errno::ENOSYS | Errno::EACCES) {
                assert!(error.to_string().contains("seccomp filter"), "{error}");
                assert!(error.to_string().contains("allow io_setup"), "{error}");
            }
            assert_eq!((batch.len(), cx.outstanding()), (2, 0));
            assert_eq!(*batch.pop().unwrap().tag_ref(), 1);
        });
    }
}

#[test]
fn eperm_of_one_request_is_its_result() {
    // EPERM as from a security module: for this request, not for the call.
    let file = file_with(b"hello");
    in_thread(|| {
        let mut cx = Context::<Vec<u8>, u8>::new(2).unwrap();
        let mut batch = Batch::<_, _, _, 2>::new();
        batch.push(Request::read(&file, vec![0; 1], 0).tag(1)).unwrap();
        forbid(libc::SYS_io_submit, &[(1, 1)], libc::EPERM);
        let submitted = cx.submit(&mut batch).unwrap();
        assert_eq!((submitted.accepted, submitted.refused), (0, 1));
        assert_eq!(cx.reap().unwrap().next().unwrap().result, Err(Errno::EPERM));
    });
}

#[test]
fn destroyed_context_is_gone() {
    // In a process without other threads, which could get a context with the same id.
    in_child(|| {
        let file = file_with(b"hello");
        let mut cx = Context::<Vec<u8>, ()>::new(2).unwrap();
        let mut batch = Batch::<_, _, _, 2>::new();
        batch.push(Request::read(&file, vec![0; 1], 0)).unwrap();
        // SAFETY: the context is idle, and later calls on it are refused.
        unsafe { linux_aio::raw::io_destroy(cx.id()).unwrap() };
        assert_eq!(cx.submit(&mut batch).unwrap_err().cause, ContextError::Gone);
        assert_eq!((batch.len(), cx.outstanding()), (1, 0));
        assert_eq!(cx.close(), Err(ContextError::Gone));
    });
}
