//! A forked child has the handle but not the context: every method answers `Forked`, and the parent's
//! requests complete. A child that leaves a scope is aborted if its parent has a read in flight.

use crate::support::{direct_file_with, empty_scope, file_with, in_child, pattern};
use linux_aio::{Batch, Buf, Context, ContextError, PageBuf, PollEvents, Request};
use std::{
    os::unix::net::UnixStream,
    sync::atomic::{AtomicU32, Ordering},
};

static DROPS: AtomicU32 = AtomicU32::new(0);

/// A tag that counts how many were dropped in this process.
#[derive(Debug)]
struct Tag(#[expect(dead_code, reason = "so that it is not zero-sized")] usize);

impl Drop for Tag {
    fn drop(&mut self) {
        DROPS.fetch_add(1, Ordering::Relaxed);
    }
}

const BLOCK: usize = 1 << 20;

#[test]
fn child_gets_forked_and_parent_completes() {
    let content = pattern(8 * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let mut cx = Context::<PageBuf, Tag>::new(16).unwrap();
    let mut batch = Batch::<_, _, _, 16>::new();
    for number in 0..8 {
        let buf = PageBuf::new(BLOCK).unwrap();
        batch.push(Request::read(&file, buf, (number * BLOCK) as u64).tag(Tag(number))).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    // One completion is received, but not taken. The others may be in flight.
    drop(cx.wait(1, None).unwrap());

    let before = DROPS.load(Ordering::Relaxed);
    in_child(|| {
        batch.push(Request::read(&file, PageBuf::new(4096).unwrap(), 0).tag(Tag(8))).unwrap();
        let error = cx.submit(&mut batch).unwrap_err();
        assert_eq!(error.cause, ContextError::Forked);
        assert!(error.to_string().contains("make a new one here"));
        assert_eq!(batch.len(), 1);
        assert_eq!(cx.reap().unwrap_err(), ContextError::Forked);
        assert_eq!(cx.wait(1, None).unwrap_err(), ContextError::Forked);
        assert_eq!(cx.wait_one(None).unwrap_err(), ContextError::Forked);
        assert_eq!(empty_scope(&mut cx).unwrap_err(), ContextError::Forked);
        assert_eq!(cx.outstanding(), 8, "the count is unchanged");
        let id = cx.in_flight().next().map(|request| request.id);
        if let Some(id) = id {
            assert_eq!(cx.cancel(id), Err(ContextError::Forked));
        }

        // The child makes a context of its own, and drops its parent's.
        let mut own = Context::<PageBuf, Tag>::new(16).unwrap();
        own.submit(&mut batch).unwrap();
        assert_eq!(own.wait(1, None).unwrap().next().unwrap().result, Ok(4096));
        let after = DROPS.load(Ordering::Relaxed);
        std::mem::swap(&mut own, &mut cx);
        drop(own);
        assert_eq!(DROPS.load(Ordering::Relaxed), after, "no tag of the parent was dropped");
        empty_scope(&mut cx).unwrap();
    });

    assert_eq!(DROPS.load(Ordering::Relaxed), before);
    let mut completed = 0;
    while cx.outstanding() > 0 {
        for done in cx.wait(1, None).unwrap() {
            let start = done.info().offset() as usize;
            assert!(done.buf[..] == content[start..start + BLOCK]);
            completed += 1;
        }
    }
    assert_eq!(completed, 8);
    cx.close().unwrap();
}

#[test]
fn close_in_child_leaves_parent_context() {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
    let mut handle = Some(&mut cx);
    in_child(|| {
        let cx = handle.take().unwrap();
        // SAFETY: moves the handle out; the child does not use the original again.
        let cx = unsafe { std::ptr::read(cx) };
        assert_eq!(cx.close(), Err(ContextError::Forked));
    });
    cx.submit_one(Request::read(&file, vec![0; 5], 0)).unwrap();
    assert_eq!(cx.wait_one(None).unwrap().unwrap().buf, b"hello");
}

#[test]
fn completions_iterator_is_empty_in_child_and_whole_in_parent() {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, u8>::new(4).unwrap();
    let mut batch = Batch::<_, _, _, 4>::new();
    for tag in 0..4 {
        batch.push(Request::read(&file, vec![0; 5], 0).tag(tag)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    let mut completions = cx.wait_all(None).unwrap();
    assert_eq!(completions.next().unwrap().tag, 0);
    in_child(|| {
        assert_eq!(completions.len(), 0);
        assert!(completions.next().is_none());
        assert!(completions.next().is_none(), "it stays empty");
    });
    assert_eq!(completions.len(), 3);
    let done = completions.map(|done| (done.tag, done.buf)).collect::<Vec<_>>();
    assert_eq!(done, [1, 2, 3].map(|tag| (tag, b"hello".to_vec())));
    assert_eq!(cx.outstanding(), 0);
}

#[test]
fn fork_inside_scope_leaves_parent_scope() {
    let content = pattern(8 * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let mut bufs = [(); 8].map(|()| PageBuf::new(BLOCK).unwrap());
    let mut cx = Context::<(), ()>::new(8).unwrap();
    let parent = std::process::id();
    cx.scope(|cx| {
        read_all(cx, &file, &mut bufs);
        in_child(|| {
            assert_eq!(cx.wait(1, None).unwrap_err(), ContextError::Forked);
            assert_eq!(empty_scope(cx).unwrap_err(), ContextError::Forked);
        });
        assert_eq!(std::process::id(), parent);
        Ok::<_, ContextError>(())
    })
    .unwrap();
    for (buf, content) in bufs.iter().zip(content.chunks(BLOCK)) {
        assert!(buf[..] == *content);
    }
}

/// Submits reads of the whole file.
fn read_all<'b>(
    cx: &mut Context<&'b mut [u8], usize>,
    file: &std::fs::File,
    bufs: &'b mut [PageBuf],
) {
    let mut batch = Batch::<_, _, _, 8>::new();
    for (number, buf) in bufs.iter_mut().enumerate() {
        batch.push(Request::read(file, &mut buf[..], (number * BLOCK) as u64).tag(number)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
}

/// Forks. Both processes go on here; the child gets 0. The caller has no other threads.
fn fork() -> libc::pid_t {
    // SAFETY: the process has one thread.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    pid
}

/// Waits for the child of this process, and returns its exit status.
fn wait_for_child() -> i32 {
    let mut status = 0;
    // SAFETY: `status` is a local variable.
    assert!(unsafe { libc::wait(&raw mut status) } > 0);
    status
}

#[test]
fn child_that_leaves_scope_with_reads_in_flight_is_aborted() {
    let content = pattern(8 * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    in_child(|| {
        let mut bufs = [(); 8].map(|()| PageBuf::new(BLOCK).unwrap());
        let mut cx = Context::<(), ()>::new(8).unwrap();
        let mut pid = 0;
        cx.scope(|cx| {
            read_all(cx, &file, &mut bufs);
            pid = fork();
            Ok::<_, ContextError>(())
        })
        .unwrap();
        assert_ne!(pid, 0, "the child does not leave the scope");
        for (buf, content) in bufs.iter().zip(content.chunks(BLOCK)) {
            assert!(buf[..] == *content);
        }
        let status = wait_for_child();
        assert!(libc::WIFSIGNALED(status), "{status:#x}");
        assert_eq!(libc::WTERMSIG(status), libc::SIGILL);
        empty_scope(&mut cx).unwrap();
    });
}

#[test]
fn child_that_leaves_scope_without_reads_in_flight_continues() {
    let content = pattern(BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let (socket, _peer) = UnixStream::pair().unwrap();
    in_child(|| {
        let mut to_write = PageBuf::new(BLOCK).unwrap();
        to_write.fill(7);
        let mut cx = Context::<(), ()>::new(8).unwrap();
        let mut pid = 0;
        let left = cx.scope(|cx| {
            let mut batch = Batch::<_, Buf<'_>, (), 4>::new();
            batch.push(Request::poll(&socket).events(PollEvents::IN).into_buf()).unwrap();
            batch.push(Request::write(&file, &to_write[..], 0).into_buf()).unwrap();
            batch.push(Request::fdsync(&file).into_buf()).unwrap();
            assert_eq!(cx.submit(&mut batch).unwrap().accepted, 3);
            pid = fork();
            Ok::<_, ContextError>(cx.in_flight().count())
        });
        assert!(left.unwrap() >= 1);
        if pid == 0 {
            assert_eq!(empty_scope(&mut cx).unwrap_err(), ContextError::Forked);
            return;
        }
        assert_eq!(wait_for_child(), 0, "the child neither waits nor is aborted");
        assert_eq!((cx.outstanding(), cx.stats().completed), (0, 3));
        let mut now = PageBuf::new(BLOCK).unwrap();
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut now, 0).unwrap();
        assert!(now.iter().all(|&byte| byte == 7));
    });
}

#[test]
fn child_that_leaves_scope_with_received_reads_continues() {
    let file = file_with(b"hello");
    in_child(|| {
        let mut buf = [0; 5];
        let mut cx = Context::<(), ()>::new(1).unwrap();
        let mut pid = 0;
        cx.scope(|cx| {
            cx.submit_one(Request::read(&file, &mut buf[..], 0).tag(())).unwrap();
            // The completion is received, but not taken.
            assert_eq!(cx.wait_all(None).unwrap().len(), 1);
            pid = fork();
            Ok::<_, ContextError>(())
        })
        .unwrap();
        if pid == 0 {
            return;
        }
        assert_eq!((wait_for_child(), &buf), (0, b"hello"));
    });
}
