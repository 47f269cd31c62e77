//! A forked child has a handle but no context: every method answers `Forked`, and nothing of the
//! parent's is touched, ended, taken or dropped.

use crate::support::{direct_file_with, file_with, in_child, pattern};
use linux_aio::{Batch, Context, ContextError, PageBuf, Request};
use std::sync::atomic::{AtomicU32, Ordering};

static DROPS: AtomicU32 = AtomicU32::new(0);

/// Counts its drops, in this process.
struct Tag(#[expect(dead_code, reason = "so that it is not zero-sized")] usize);

impl Drop for Tag {
    fn drop(&mut self) {
        DROPS.fetch_add(1, Ordering::Relaxed);
    }
}

const BLOCK: usize = 1 << 20;

#[test]
fn every_method_answers_forked_and_the_parent_goes_on() {
    let content = pattern(8 * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let mut cx = Context::<PageBuf, Tag, 16>::new().unwrap();
    let mut batch = Batch::<_, _, 16>::new();
    for number in 0..8 {
        let buf = PageBuf::new(BLOCK).unwrap();
        batch.push(Request::read(&file, buf, (number * BLOCK) as u64).tag(Tag(number))).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    // One completion taken from the kernel but not by us, the others wherever they are.
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
        assert_eq!(
            cx.scope(|_: &mut Context<&[u8], (), 16>| ()).unwrap_err(),
            ContextError::Forked
        );
        assert_eq!(cx.in_flight(), 8, "as it was");

        // A context of the child's own is not confused with it.
        let mut own = Context::<PageBuf, Tag, 16>::new().unwrap();
        own.submit(&mut batch).unwrap();
        assert_eq!(own.wait(1, None).unwrap().next().unwrap().result, Ok(4096));
        let after = DROPS.load(Ordering::Relaxed);
        std::mem::swap(&mut own, &mut cx);
        drop(own);
        assert_eq!(
            DROPS.load(Ordering::Relaxed),
            after,
            "nothing was dropped with the parent's handle"
        );
        cx.scope(|_: &mut Context<&[u8], (), 16>| ()).unwrap();
    });

    assert_eq!(DROPS.load(Ordering::Relaxed), before);
    let mut seen = 0;
    while cx.in_flight() > 0 {
        for done in cx.wait(1, None).unwrap() {
            let start = done.offset() as usize;
            assert!(done.buf[..] == content[start..start + BLOCK]);
            seen += 1;
        }
    }
    assert_eq!(seen, 8);
    cx.close().unwrap();
}

#[test]
fn closing_in_the_child_leaves_the_parent_s_alone() {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, (), 1>::new().unwrap();
    let mut handle = Some(&mut cx);
    in_child(|| {
        let cx = handle.take().unwrap();
        // SAFETY: moves the handle out; the child never returns to where it was.
        let cx = unsafe { std::ptr::read(cx) };
        assert_eq!(cx.close(), Err(ContextError::Forked));
    });
    let mut batch = Batch::<_, _, 1>::new();
    batch.push(Request::read(&file, vec![0; 5], 0)).unwrap();
    cx.submit(&mut batch).unwrap();
    assert_eq!(cx.wait(1, None).unwrap().next().unwrap().buf, b"hello");
}

#[test]
fn forking_inside_a_scope() {
    let content = pattern(8 * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let mut bufs = [(); 8].map(|()| PageBuf::new(BLOCK).unwrap());
    let mut cx = Context::<(), (), 8>::new().unwrap();
    let parent = std::process::id();
    cx.scope(|cx| {
        let mut batch = Batch::<&mut [u8], usize, 8>::new();
        for (number, buf) in bufs.iter_mut().enumerate() {
            batch
                .push(Request::read(&file, &mut buf[..], (number * BLOCK) as u64).tag(number))
                .unwrap();
        }
        cx.submit(&mut batch).unwrap();
        in_child(|| {
            assert_eq!(cx.wait(1, None).unwrap_err(), ContextError::Forked);
            assert_eq!(
                cx.scope(|_: &mut Context<&[u8], (), 8>| ()).unwrap_err(),
                ContextError::Forked
            );
        });
        assert_eq!(std::process::id(), parent);
    })
    .unwrap();
    for (buf, content) in bufs.iter().zip(content.chunks(BLOCK)) {
        assert!(buf[..] == *content);
    }
}

#[test]
fn leaving_a_scope_in_the_child() {
    let content = pattern(8 * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let mut cx = Context::<(), (), 8>::new().unwrap();
    in_child(|| {
        let mut own = Context::<(), (), 8>::new().unwrap();
        let mut bufs = [(); 8].map(|()| PageBuf::new(BLOCK).unwrap());
        let mut grandchild = false;
        own.scope(|cx| {
            let mut batch = Batch::<&mut [u8], usize, 8>::new();
            for (number, buf) in bufs.iter_mut().enumerate() {
                batch
                    .push(Request::read(&file, &mut buf[..], (number * BLOCK) as u64).tag(number))
                    .unwrap();
            }
            cx.submit(&mut batch).unwrap();
            // SAFETY: this process has one thread; both sides go on and leave the scope.
            grandchild = unsafe { libc::fork() } == 0;
        })
        .unwrap();
        if grandchild {
            // No wait, no abort: the reads are not into this process's memory.
            let again = own.scope(|_: &mut Context<&[u8], (), 8>| ());
            assert_eq!(again.unwrap_err(), ContextError::Forked);
            return;
        }
        for (buf, content) in bufs.iter().zip(content.chunks(BLOCK)) {
            assert!(buf[..] == *content);
        }
        let mut status = 0;
        // SAFETY: `status` is a local variable.
        unsafe { libc::wait(&raw mut status) };
        assert_eq!(status, 0, "the grandchild left the scope unharmed");
    });
    cx.scope(|_: &mut Context<&[u8], (), 8>| ()).unwrap();
}
