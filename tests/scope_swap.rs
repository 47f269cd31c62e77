//! Whatever is done through the `&mut Context` that a scope hands out, its borrows are safe: the
//! scope empties what stands in its own frame when it ends.

use crate::support::{direct_file_with, file_with, pattern};
use linux_aio::{Batch, Context, PageBuf, Request};
use std::mem;

const BLOCK: usize = 1 << 20;

#[test]
fn contexts_of_nested_scopes_change_places() {
    let content = pattern(4 * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let mut bufs = [(); 4].map(|()| PageBuf::new(BLOCK).unwrap());
    let [a, b, c, d] = &mut bufs;
    // Both scopes' buffers live longer than both scopes: that is what the types ask for.
    let mut first = Context::<(), (), 2>::new().unwrap();
    let mut second = Context::<(), [u64; 500], 2>::new().unwrap();
    let (first_id, second_id) = (first.id(), second.id());
    first
        .scope(|outer: &mut Context<&mut [u8], u64, 2>| {
            second
                .scope(|inner: &mut Context<&mut [u8], u64, 2>| {
                    let mut batch = Batch::<_, _, 2>::new();
                    batch.push(Request::read(&file, &mut a[..], 0).tag(0)).unwrap();
                    batch.push(Request::read(&file, &mut b[..], BLOCK as u64).tag(1)).unwrap();
                    inner.submit(&mut batch).unwrap();
                    mem::swap(outer, inner);
                    assert_eq!((outer.in_flight(), inner.in_flight()), (2, 0));
                    batch.push(Request::read(&file, &mut c[..], 2 * BLOCK as u64).tag(2)).unwrap();
                    inner.submit(&mut batch).unwrap();
                })
                .unwrap();
            // The inner scope waited for what stood in its frame: the third read.
            assert_eq!(
                outer.in_flight(),
                2,
                "the others go on, and may, since they outlive this scope too"
            );
            let mut batch = Batch::<_, _, 2>::new();
            assert!(outer.wait(1, None).unwrap().next().is_some());
            batch.push(Request::read(&file, &mut d[..], 3 * BLOCK as u64).tag(3)).unwrap();
            outer.submit(&mut batch).unwrap();
        })
        .unwrap();
    for (buf, content) in bufs.iter().zip(content.chunks(BLOCK)) {
        assert!(buf[..] == *content);
    }
    // The handles have each other's context now, and both work.
    assert_eq!((first.id(), second.id()), (second_id, first_id));
    let file = file_with(b"hello");
    let mut buf = [0; 5];
    second
        .scope(|cx| {
            let mut batch = Batch::<&mut [u8], (), 1>::new();
            batch.push(Request::read(&file, &mut buf[..], 0)).unwrap();
            cx.submit(&mut batch).unwrap();
        })
        .unwrap();
    assert_eq!(&buf, b"hello");
    let mut big = Batch::<Vec<u8>, _, 2>::new();
    big.push(Request::read(&file, vec![0; 5], 0).tag([9; 500])).unwrap();
    second
        .scope(|cx: &mut Context<Vec<u8>, [u64; 500], 2>| {
            cx.submit(&mut big).unwrap();
            assert_eq!(
                cx.wait(1, None).unwrap().next().unwrap().tag,
                [9; 500],
                "there is room for its tags"
            );
        })
        .unwrap();
}

#[test]
fn an_owned_context_takes_the_place_of_a_scope_s() {
    let content = pattern(BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let mut cx = Context::<(), (), 1>::new().unwrap();
    let old = cx
        .scope(|cx: &mut Context<PageBuf, (), 1>| {
            let mut batch = Batch::<_, _, 1>::new();
            batch.push(Request::read(&file, PageBuf::new(BLOCK).unwrap(), 0)).unwrap();
            cx.submit(&mut batch).unwrap();
            // Its buffers are owned, so it may be carried out with a read in flight.
            mem::replace(cx, Context::new().unwrap())
        })
        .unwrap();
    let mut old = old;
    assert!(old.wait(1, None).unwrap().next().unwrap().buf[..] == content);
    assert_ne!(old.id(), cx.id());
    mem::forget(old);
    cx.scope(|cx: &mut Context<&mut [u8], (), 1>| assert_eq!(cx.in_flight(), 0)).unwrap();
}

#[test]
fn an_owned_context_with_reads_in_flight_is_swapped_in() {
    let content = pattern(BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let mut owned = Context::<PageBuf, (), 1>::new().unwrap();
    let mut batch = Batch::<_, _, 1>::new();
    batch.push(Request::read(&file, PageBuf::new(BLOCK).unwrap(), 0)).unwrap();
    owned.submit(&mut batch).unwrap();
    let mut cx = Context::<(), (), 1>::new().unwrap();
    cx.scope(|cx| mem::swap(cx, &mut owned)).unwrap();
    assert_eq!(
        (owned.in_flight(), cx.in_flight()),
        (0, 0),
        "the scope waited for what it was left with"
    );
    batch.push(Request::read(&file, PageBuf::new(BLOCK).unwrap(), 0)).unwrap();
    owned.submit(&mut batch).unwrap();
    assert!(owned.wait(1, None).unwrap().next().unwrap().buf[..] == content);
}

#[test]
fn a_context_that_cannot_come_home_is_gone_and_looks_at_nothing() {
    let file = file_with(b"hello");
    crate::support::in_thread(|| {
        // One that needs much room and has used it, and one that needs little.
        let mut big = Context::<Vec<u8>, [u64; 4096], 8>::new().unwrap();
        let mut small = Context::<(), (), 8>::new().unwrap();
        let mut batch = Batch::<_, _, 1>::new();
        batch.push(Request::read(&file, vec![0; 5], 0).tag([7; 4096])).unwrap();
        big.submit(&mut batch).unwrap();
        assert_eq!(big.wait(1, None).unwrap().count(), 1);
        big.scope(|outer: &mut Context<(), (), 8>| {
            small.scope(|inner| mem::swap(outer, inner)).unwrap();
            // The pages that come home are too few, and there are no others.
            crate::support::forbid(libc::SYS_mmap, &[], libc::ENOMEM);
        })
        .unwrap();
        drop(small);
        assert_eq!((big.requests().count(), big.in_flight()), (0, 0));
        assert_eq!(big.reap().unwrap_err(), linux_aio::ContextError::Gone);
        assert_eq!(big.submit(&mut batch).unwrap_err().cause, linux_aio::ContextError::Gone);
    });
}
