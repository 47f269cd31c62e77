//! A program exchanges the context of a scope through its `&mut Context`, by `mem::swap` and
//! `mem::replace`. The borrows stay safe: a scope waits for the context that is in its place when it
//! ends.

use crate::support::{direct_file_with, file_with, pattern};
use linux_aio::{Batch, Context, ContextError, PageBuf, Request};
use std::mem;

const BLOCK: usize = 1 << 20;

#[test]
fn swap_contexts_of_nested_scopes() {
    let content = pattern(4 * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let mut bufs = [(); 4].map(|()| PageBuf::new(BLOCK).unwrap());
    let [a, b, c, d] = &mut bufs;
    // The types require that the buffers of both scopes outlive both scopes.
    let mut first = Context::<(), ()>::new(2).unwrap();
    let mut second = Context::<(), [u64; 500]>::new(2).unwrap();
    let (first_id, second_id) = (first.id(), second.id());
    first
        .scope(|outer: &mut Context<&mut [u8], u64>| {
            second
                .scope(|inner: &mut Context<&mut [u8], u64>| {
                    let mut batch = Batch::<_, _, _, 2>::new();
                    batch.push(Request::read(&file, &mut a[..], 0).tag(0)).unwrap();
                    batch.push(Request::read(&file, &mut b[..], BLOCK as u64).tag(1)).unwrap();
                    inner.submit(&mut batch).unwrap();
                    mem::swap(outer, inner);
                    assert_eq!((outer.outstanding(), inner.outstanding()), (2, 0));
                    batch.push(Request::read(&file, &mut c[..], 2 * BLOCK as u64).tag(2)).unwrap();
                    inner.submit(&mut batch).unwrap();
                    Ok::<_, ContextError>(())
                })
                .unwrap();
            // The inner scope has waited for the context in its place: for the third read.
            assert_eq!(
                outer.outstanding(),
                2,
                "the other two are in flight, and their buffers outlive this scope too"
            );
            let mut batch = Batch::<_, _, _, 2>::new();
            assert!(outer.wait(1, None).unwrap().next().is_some());
            batch.push(Request::read(&file, &mut d[..], 3 * BLOCK as u64).tag(3)).unwrap();
            outer.submit(&mut batch).unwrap();
            Ok::<_, ContextError>(())
        })
        .unwrap();
    for (buf, content) in bufs.iter().zip(content.chunks(BLOCK)) {
        assert!(buf[..] == *content);
    }
    // The handles have exchanged their contexts, and both work.
    assert_eq!((first.id(), second.id()), (second_id, first_id));
    let file = file_with(b"hello");
    let mut buf = [0; 5];
    second
        .scope(|cx| {
            let mut batch = Batch::<_, &mut [u8], (), 1>::new();
            batch.push(Request::read(&file, &mut buf[..], 0)).unwrap();
            cx.submit(&mut batch).unwrap();
            Ok::<_, ContextError>(())
        })
        .unwrap();
    assert_eq!(&buf, b"hello");
    let mut big = Batch::<_, Vec<u8>, _, 2>::new();
    big.push(Request::read(&file, vec![0; 5], 0).tag([9; 500])).unwrap();
    second
        .scope(|cx: &mut Context<Vec<u8>, [u64; 500]>| {
            cx.submit(&mut big).unwrap();
            assert_eq!(
                cx.wait(1, None).unwrap().next().unwrap().tag,
                [9; 500],
                "there is room for its tags"
            );
            Ok::<_, ContextError>(())
        })
        .unwrap();
}

#[test]
fn replace_scope_context_by_owned_one() {
    let content = pattern(BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let mut cx = Context::<(), ()>::new(1).unwrap();
    let old = cx
        .scope(|cx: &mut Context<PageBuf, ()>| {
            let mut batch = Batch::<_, _, _, 1>::new();
            batch.push(Request::read(&file, PageBuf::new(BLOCK).unwrap(), 0)).unwrap();
            cx.submit(&mut batch).unwrap();
            // Its buffers are owned, so it may leave the scope with a read in flight.
            Ok::<_, ContextError>(mem::replace(cx, Context::new(1).unwrap()))
        })
        .unwrap();
    let mut old = old;
    assert!(old.wait(1, None).unwrap().next().unwrap().buf[..] == content);
    assert_ne!(old.id(), cx.id());
    mem::forget(old);
    let outstanding = |cx: &mut Context<&mut [u8], ()>| Ok::<_, ContextError>(cx.outstanding());
    assert_eq!(cx.scope(outstanding), Ok(0));
}

#[test]
fn swap_in_owned_context_with_reads_in_flight() {
    let content = pattern(BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let mut owned = Context::<PageBuf, ()>::new(1).unwrap();
    let mut batch = Batch::<_, _, _, 1>::new();
    batch.push(Request::read(&file, PageBuf::new(BLOCK).unwrap(), 0)).unwrap();
    owned.submit(&mut batch).unwrap();
    let mut cx = Context::<(), ()>::new(1).unwrap();
    cx.scope(|cx| {
        mem::swap(cx, &mut owned);
        Ok::<_, ContextError>(())
    })
    .unwrap();
    assert_eq!(
        (owned.outstanding(), cx.outstanding()),
        (0, 0),
        "the scope waited for the context that was swapped in"
    );
    batch.push(Request::read(&file, PageBuf::new(BLOCK).unwrap(), 0)).unwrap();
    owned.submit(&mut batch).unwrap();
    assert!(owned.wait(1, None).unwrap().next().unwrap().buf[..] == content);
}

#[test]
fn context_that_cannot_be_restored_is_gone() {
    let file = file_with(b"hello");
    crate::support::in_thread(|| {
        // The first needs more pages than the second.
        let mut big = Context::<Vec<u8>, [u64; 4096]>::new(8).unwrap();
        let mut small = Context::<(), ()>::new(8).unwrap();
        let mut batch = Batch::<_, _, _, 1>::new();
        batch.push(Request::read(&file, vec![0; 5], 0).tag([7; 4096])).unwrap();
        big.submit(&mut batch).unwrap();
        assert_eq!(big.wait(1, None).unwrap().count(), 1);
        big.scope(|outer: &mut Context<(), ()>| {
            small.scope(|inner| {
                mem::swap(outer, inner);
                Ok::<_, ContextError>(())
            })?;
            // The pages of the other context are too few, and no more can be mapped.
            crate::support::forbid(libc::SYS_mmap, &[], libc::ENOMEM);
            Ok::<_, ContextError>(())
        })
        .unwrap();
        drop(small);
        assert_eq!((big.in_flight().count(), big.outstanding()), (0, 0));
        assert_eq!(big.reap().unwrap_err(), linux_aio::ContextError::Gone);
        assert_eq!(big.submit(&mut batch).unwrap_err().cause, linux_aio::ContextError::Gone);
    });
}
