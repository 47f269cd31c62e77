//! On every way out of a scope, what is in flight is waited for before the borrow ends.

use crate::support::{direct_file_with, file_with, forbid, in_child_status, in_thread, pattern};
use linux_aio::{Batch, Context, ContextError, PageBuf, Request};
use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
};

const BLOCK: usize = 1 << 20;
const BLOCKS: usize = 8;

/// Submits direct reads of the whole file into the blocks, and comes back with them in flight.
fn read_all<'b>(
    cx: &mut Context<&'b mut [u8], usize, BLOCKS>,
    file: &File,
    into: &'b mut [PageBuf],
) {
    let mut batch = Batch::<_, _, BLOCKS>::new();
    for (number, buf) in into.iter_mut().enumerate() {
        batch.push(Request::read(file, &mut buf[..], (number * BLOCK) as u64).tag(number)).unwrap();
    }
    assert_eq!(cx.submit(&mut batch).unwrap().accepted, BLOCKS);
}

/// Leaves a scope by `leave` with reads in flight, and checks that they were over by then.
fn left_by(leave: impl FnOnce(&mut Context<&mut [u8], usize, BLOCKS>) -> Result<(), ContextError>) {
    let content = pattern(BLOCKS * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let mut bufs = [(); BLOCKS].map(|()| PageBuf::new(BLOCK).unwrap());
    let mut cx = Context::<(), (), BLOCKS>::new().unwrap();
    let calls = cx.stats().system_calls;
    let left = catch_unwind(AssertUnwindSafe(|| {
        cx.scope(|cx| {
            read_all(cx, &file, &mut bufs);
            // Nothing was waited for yet; large direct reads take longer than to come here.
            leave(cx)
        })
    }));
    // No borrow is left, so nothing may write to the buffers now, and all has been written.
    for (buf, content) in bufs.iter().zip(content.chunks(BLOCK)) {
        assert!(buf[..] == *content);
    }
    assert!(cx.stats().system_calls > calls);
    assert_eq!(cx.in_flight(), 0);
    let stats = cx.stats();
    assert_eq!((stats.accepted, stats.completed), (BLOCKS as u64, BLOCKS as u64));
    drop(left);
    // The context is as good as before.
    cx.scope(|cx| read_all(cx, &file, &mut bufs)).unwrap();
}

#[test]
fn by_return() {
    left_by(|_| Ok(()));
}

#[test]
fn by_question_mark() {
    left_by(|cx| {
        Err(ContextError::Busy { outstanding: cx.in_flight() })?;
        unreachable!();
    });
}

#[test]
fn by_panic() {
    left_by(|_| panic!("on purpose"));
}

#[test]
fn with_some_completions_taken() {
    left_by(|cx| {
        let first = cx.wait(1, None)?.next().unwrap();
        assert_eq!(first.result, Ok(BLOCK));
        Ok(())
    });
}

#[test]
fn entering_and_leaving_makes_no_system_call() {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, u64, 4>::new().unwrap();
    let id = cx.id();
    for round in 0..1000 {
        let mut buf = [0; 5];
        cx.scope(|cx| {
            let mut batch = Batch::<&mut [u8], u64, 1>::new();
            batch.push(Request::read(&file, &mut buf[..], 0).tag(round)).unwrap();
            cx.submit(&mut batch).unwrap();
            assert_eq!(cx.id(), id);
        })
        .unwrap();
        assert_eq!(&buf, b"hello");
    }
    // One to submit, a round, and where the ring is not read, one to receive.
    let calls = if cx.set_ring(true) { 1000 } else { 2000 };
    assert_eq!(cx.stats().system_calls, calls);
}

#[test]
fn scopes_of_all_sizes_on_one_context() {
    let file = file_with(b"hello");
    let mut cx = Context::<(), (), 3>::new().unwrap();
    fn round<T: Clone + PartialEq + std::fmt::Debug>(
        cx: &mut Context<(), (), 3>,
        file: &File,
        tag: T,
    ) {
        let mut bufs = [[0; 5]; 3];
        cx.scope(|cx| {
            let mut batch = Batch::<&mut [u8], T, 3>::new();
            for buf in &mut bufs {
                batch.push(Request::read(file, &mut buf[..], 0).tag(tag.clone())).unwrap();
            }
            cx.submit(&mut batch).unwrap();
            assert!(cx.wait(2, None).unwrap().take(2).all(|done| done.tag == tag));
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
fn a_scope_needs_an_idle_context() {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, (), 2>::new().unwrap();
    let mut batch = Batch::<_, _, 2>::new();
    batch.push(Request::read(&file, vec![0; 5], 0)).unwrap();
    cx.submit(&mut batch).unwrap();
    let error = cx.scope(|_: &mut Context<&[u8], (), 2>| unreachable!()).unwrap_err();
    assert_eq!(error, ContextError::Busy { outstanding: 1 });
    assert!(error.to_string().contains("1 requests are in flight"), "{error}");
    assert_eq!(cx.wait(1, None).unwrap().next().unwrap().buf, b"hello", "nothing happened to it");
    cx.scope(|_: &mut Context<&[u8], (), 2>| ()).unwrap();
}

#[test]
fn scopes_nest_on_one_context() {
    let file = file_with(b"hello");
    let (mut outer_buf, mut inner_buf) = ([0; 5], [0; 5]);
    linux_aio::scope(|cx: &mut Context<&mut [u8], u8, 1>| {
        let mut batch = Batch::<_, _, 1>::new();
        cx.scope(|cx| {
            let mut batch = Batch::<&mut [u8], String, 1>::new();
            batch.push(Request::read(&file, &mut inner_buf[..], 0).tag("inner".into())).unwrap();
            cx.submit(&mut batch).unwrap();
        })
        .unwrap();
        assert_eq!(&inner_buf, b"hello", "over before the outer scope");
        batch.push(Request::read(&file, &mut outer_buf[..], 0).tag(1)).unwrap();
        cx.submit(&mut batch).unwrap();
    })
    .unwrap();
    assert_eq!(&outer_buf, b"hello");
}

/// A scope left with reads in flight while `forbidden` calls answer EPERM.
fn leave_where_forbidden(forbidden: &[i64]) {
    let content = pattern(BLOCKS * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let mut bufs = [(); BLOCKS].map(|()| PageBuf::new(BLOCK).unwrap());
    in_thread(|| {
        let mut cx = Context::<(), (), BLOCKS>::new().unwrap();
        // Otherwise a fast disk is done before the scope ends, and nothing is left to be asked.
        cx.set_ring(false);
        cx.scope(|cx| {
            read_all(cx, &file, &mut bufs);
            for &call in forbidden {
                forbid(call, &[], libc::EPERM);
            }
        })
        .unwrap();
        for (buf, content) in bufs.iter().zip(content.chunks(BLOCK)) {
            assert!(buf[..] == *content, "io_destroy has waited");
        }
        // What it cost: the kernel's context.
        assert_eq!(cx.reap().unwrap_err(), ContextError::Gone);
        assert_eq!(cx.has_completions(), Err(ContextError::Gone));
        assert!(!cx.set_ring(true));
        assert_eq!(
            cx.scope(|_: &mut Context<&[u8], (), BLOCKS>| ()).unwrap_err(),
            ContextError::Gone
        );
    });
}

#[test]
fn where_waiting_is_forbidden_the_context_is_destroyed() {
    leave_where_forbidden(&[libc::SYS_io_getevents]);
}

#[test]
fn where_nothing_can_tell_that_the_kernel_is_done_the_process_ends() {
    let status =
        in_child_status(|| leave_where_forbidden(&[libc::SYS_io_getevents, libc::SYS_io_destroy]));
    assert!(libc::WIFSIGNALED(status), "{status:#x}");
    assert_eq!(libc::WTERMSIG(status), libc::SIGILL);
}
