//! On every way out of a scope (return, `?`, panic), requests in flight are waited for before the
//! borrow ends. If that is impossible, the context is destroyed or the process aborted.

use crate::support::{
    direct_file_with, empty_scope, file_with, forbid, in_child_status, in_thread, pattern,
};
use linux_aio::{Batch, Context, ContextError, Error, PageBuf, Request};
use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
};

const BLOCK: usize = 1 << 20;
const BLOCKS: usize = 8;

/// Submits direct reads of the whole file.
fn read_all<'b>(cx: &mut Context<&'b mut [u8], usize>, file: &File, into: &'b mut [PageBuf]) {
    let mut batch = Batch::<_, _, _, BLOCKS>::new();
    for (number, buf) in into.iter_mut().enumerate() {
        batch.push(Request::read(file, &mut buf[..], (number * BLOCK) as u64).tag(number)).unwrap();
    }
    assert_eq!(cx.submit(&mut batch).unwrap().accepted, BLOCKS);
}

/// Leaves a scope by `leave` with reads in flight, and checks that they have completed then.
fn check_exit(leave: impl FnOnce(&mut Context<&mut [u8], usize>) -> Result<(), ContextError>) {
    let content = pattern(BLOCKS * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let mut bufs = [(); BLOCKS].map(|()| PageBuf::new(BLOCK).unwrap());
    let mut cx = Context::<(), ()>::new(BLOCKS).unwrap();
    let calls = cx.stats().system_calls;
    let left = catch_unwind(AssertUnwindSafe(|| {
        cx.scope(|cx| {
            read_all(cx, &file, &mut bufs);
            // The reads are in flight: large direct reads take longer than this.
            leave(cx)
        })
    }));
    // The borrow has ended, so the reads have completed.
    for (buf, content) in bufs.iter().zip(content.chunks(BLOCK)) {
        assert!(buf[..] == *content);
    }
    assert!(cx.stats().system_calls > calls);
    assert_eq!(cx.outstanding(), 0);
    let stats = cx.stats();
    assert_eq!((stats.accepted, stats.completed), (BLOCKS as u64, BLOCKS as u64));
    drop(left);
    // The context is usable again.
    cx.scope(|cx| {
        read_all(cx, &file, &mut bufs);
        Ok::<_, ContextError>(())
    })
    .unwrap();
}

#[test]
fn return_waits_for_reads() {
    check_exit(|_| Ok(()));
}

#[test]
fn question_mark_waits_for_reads() {
    check_exit(|cx| {
        Err(ContextError::Busy { outstanding: cx.outstanding() })?;
        unreachable!();
    });
}

#[test]
fn panic_waits_for_reads() {
    check_exit(|_| panic!("on purpose"));
}

#[test]
fn scope_end_waits_for_completions_not_taken() {
    check_exit(|cx| {
        let first = cx.wait(1, None)?.next().unwrap();
        assert_eq!(first.result, Ok(BLOCK));
        Ok(())
    });
}

/// An error of a program, which a scope can return.
#[derive(Debug, PartialEq)]
enum ProgramError {
    Aio(linux_aio::Error),
    Other(&'static str),
}

impl<E: Into<linux_aio::Error>> From<E> for ProgramError {
    fn from(error: E) -> Self {
        Self::Aio(error.into())
    }
}

#[test]
fn scope_returns_result_of_closure() {
    let file = file_with(b"hello");
    let run = |cx: &mut Context<(), ()>, read: bool| {
        let mut buf = [0; 5];
        cx.scope(|cx| {
            if !read {
                return Err(ProgramError::Other("not read"));
            }
            cx.submit_one(Request::read(&file, &mut buf[..], 0).tag(()))?;
            Ok(cx.wait_all(None)?.len())
        })
    };
    let mut cx = Context::<(), ()>::new(1).unwrap();
    assert_eq!(run(&mut cx, true), Ok(1));
    assert_eq!(run(&mut cx, false), Err(ProgramError::Other("not read")));
    // An error of entering the scope comes the same way.
    cx.submit_one(Request::poll(&file)).unwrap();
    let busy = ContextError::Busy { outstanding: 1 };
    assert_eq!(run(&mut cx, true), Err(ProgramError::Aio(busy.into())));

    let scope = |capacity| {
        linux_aio::scope(capacity, |_: &mut Context<(), ()>| {
            Err::<(), _>(ProgramError::Other("closure"))
        })
    };
    assert_eq!(scope(1), Err(ProgramError::Other("closure")));
    assert!(matches!(scope(0), Err(ProgramError::Aio(linux_aio::Error::Setup(_)))));
}

#[test]
fn scope_makes_no_system_call() {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, u64>::new(4).unwrap();
    let id = cx.id();
    for round in 0..1000 {
        let mut buf = [0; 5];
        cx.scope(|cx| {
            let mut batch = Batch::<_, &mut [u8], u64, 1>::new();
            batch.push(Request::read(&file, &mut buf[..], 0).tag(round)).unwrap();
            cx.submit(&mut batch).unwrap();
            assert_eq!(cx.id(), id);
            Ok::<_, ContextError>(())
        })
        .unwrap();
        assert_eq!(&buf, b"hello");
    }
    // In each round one to submit, and where the ring is not read, one to receive.
    let calls = if cx.reads_ring() { 1000 } else { 2000 };
    assert_eq!(cx.stats().system_calls, calls);
}

#[test]
fn scopes_of_different_sizes_share_context() {
    let file = file_with(b"hello");
    let mut cx = Context::<(), ()>::new(3).unwrap();
    fn round<T: Clone + PartialEq + std::fmt::Debug>(
        cx: &mut Context<(), ()>,
        file: &File,
        tag: T,
    ) {
        let mut bufs = [[0; 5]; 3];
        cx.scope(|cx| {
            let mut batch = Batch::<_, &mut [u8], T, 3>::new();
            for buf in &mut bufs {
                batch.push(Request::read(file, &mut buf[..], 0).tag(tag.clone())).unwrap();
            }
            cx.submit(&mut batch).unwrap();
            assert!(cx.wait(2, None).unwrap().take(2).all(|done| done.tag == tag));
            Ok::<_, ContextError>(())
        })
        .unwrap();
        assert_eq!(bufs, [*b"hello"; 3]);
    }
    for _ in 0..3 {
        round(&mut cx, &file, ());
        round(&mut cx, &file, [7_u64; 1000]);
        round(&mut cx, &file, "small".to_owned());
    }
}

#[test]
fn scope_of_context_with_requests_is_busy() {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, ()>::new(2).unwrap();
    let mut batch = Batch::<_, _, _, 2>::new();
    batch.push(Request::read(&file, vec![0; 5], 0)).unwrap();
    cx.submit(&mut batch).unwrap();
    let entered = cx.scope(|_: &mut Context<&[u8], ()>| -> Result<(), _> { unreachable!() });
    let error: ContextError = entered.unwrap_err();
    assert_eq!(error, ContextError::Busy { outstanding: 1 });
    assert!(error.to_string().contains("1 requests are in flight"), "{error}");
    assert_eq!(cx.wait(1, None).unwrap().next().unwrap().buf, b"hello", "the read completes");
    empty_scope(&mut cx).unwrap();
}

#[test]
fn scopes_nest() {
    let file = file_with(b"hello");
    let (mut outer_buf, mut inner_buf) = ([0; 5], [0; 5]);
    linux_aio::scope(1, |cx: &mut Context<&mut [u8], u8>| {
        let mut batch = Batch::<_, _, _, 1>::new();
        cx.scope(|cx| {
            let mut batch = Batch::<_, &mut [u8], String, 1>::new();
            batch.push(Request::read(&file, &mut inner_buf[..], 0).tag("inner".into())).unwrap();
            cx.submit(&mut batch).unwrap();
            Ok::<_, ContextError>(())
        })
        .unwrap();
        assert_eq!(&inner_buf, b"hello", "the inner scope has waited");
        batch.push(Request::read(&file, &mut outer_buf[..], 0).tag(1)).unwrap();
        cx.submit(&mut batch).unwrap();
        Ok::<_, Error>(())
    })
    .unwrap();
    assert_eq!(&outer_buf, b"hello");
}

/// Leaves a scope with reads in flight while these system calls answer EPERM.
fn leave_scope_without(forbidden: &[i64]) {
    let content = pattern(BLOCKS * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let mut bufs = [(); BLOCKS].map(|()| PageBuf::new(BLOCK).unwrap());
    in_thread(|| {
        let mut cx = Context::<(), ()>::new(BLOCKS).unwrap();
        // With the ring, the reads could complete without a system call.
        cx.use_ring(false);
        cx.scope(|cx| {
            read_all(cx, &file, &mut bufs);
            for &call in forbidden {
                forbid(call, &[], libc::EPERM);
            }
            Ok::<_, ContextError>(())
        })
        .unwrap();
        for (buf, content) in bufs.iter().zip(content.chunks(BLOCK)) {
            assert!(buf[..] == *content, "io_destroy has waited");
        }
        // The kernel's context was destroyed.
        assert_eq!(cx.reap().unwrap_err(), ContextError::Gone);
        assert_eq!(cx.has_completions(), Err(ContextError::Gone));
        assert!(!cx.reads_ring());
        assert_eq!(empty_scope(&mut cx).unwrap_err(), ContextError::Gone);
    });
}

#[test]
fn context_is_destroyed_when_io_getevents_fails() {
    leave_scope_without(&[libc::SYS_io_getevents]);
}

#[test]
fn process_aborts_when_io_destroy_fails_too() {
    let status =
        in_child_status(|| leave_scope_without(&[libc::SYS_io_getevents, libc::SYS_io_destroy]));
    assert!(libc::WIFSIGNALED(status), "{status:#x}");
    assert_eq!(libc::WTERMSIG(status), libc::SIGILL);
}
