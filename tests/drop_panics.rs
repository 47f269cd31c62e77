//! A tag panics when it is dropped: the other tags and buffers are dropped once, and requests in
//! flight are waited for.

use crate::support::{direct_file_with, file_with, pattern};
use linux_aio::{Batch, Borrowed, Context, ContextError, PageBuf, Request};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
};

/// A tag that panics when it is dropped, if `panics` is set.
struct Tag {
    panics: bool,
    _alive: Rc<()>,
}

impl Drop for Tag {
    fn drop(&mut self) {
        if self.panics {
            panic!("on purpose");
        }
    }
}

/// Four reads. The tag of the second panics when it is dropped.
fn reads<'f>(file: &'f std::fs::File, alive: &Rc<()>) -> Batch<Borrowed<'f>, Vec<u8>, Tag, 4> {
    let mut batch = Batch::new();
    for number in 0..4 {
        let tag = Tag { panics: number == 1, _alive: Rc::clone(alive) };
        batch.push(Request::read(file, vec![0; 5], 0).tag(tag)).unwrap();
    }
    batch
}

#[test]
fn panic_in_context_drop_drops_the_rest() {
    let (file, alive) = (file_with(b"hello"), Rc::new(()));
    let mut cx = Context::<_, _>::new(4).unwrap();
    cx.submit(&mut reads(&file, &alive)).unwrap();
    catch_unwind(AssertUnwindSafe(move || drop(cx))).unwrap_err();
    assert_eq!(Rc::strong_count(&alive), 1, "the other tags were dropped too");
}

#[test]
fn panic_at_scope_end_drops_the_rest() {
    let (file, alive) = (file_with(b"hello"), Rc::new(()));
    let mut cx = Context::<(), ()>::new(4).unwrap();
    let scope = AssertUnwindSafe(|| {
        cx.scope(|cx| {
            cx.submit(&mut reads(&file, &alive)).unwrap();
            Ok::<_, ContextError>(())
        })
    });
    catch_unwind(scope).unwrap_err();
    assert_eq!(Rc::strong_count(&alive), 1);
    // The context is usable again.
    assert_eq!(cx.outstanding(), 0);
    cx.scope(|cx| {
        let mut batch = Batch::<_, Vec<u8>, (), 1>::new();
        batch.push(Request::read(&file, vec![0; 5], 0)).unwrap();
        cx.submit(&mut batch).unwrap();
        assert_eq!(cx.wait(1, None).unwrap().next().unwrap().buf, b"hello");
        Ok::<_, ContextError>(())
    })
    .unwrap();
}

#[test]
fn panic_between_completions_keeps_the_rest() {
    let (file, alive) = (file_with(b"hello"), Rc::new(()));
    let mut cx = Context::<_, _>::new(4).unwrap();
    cx.submit(&mut reads(&file, &alive)).unwrap();
    catch_unwind(AssertUnwindSafe(|| cx.wait(4, None).unwrap().for_each(drop))).unwrap_err();
    assert_eq!(cx.outstanding(), 2, "two were taken, and the second panicked");
    assert_eq!(cx.reap().unwrap().count(), 2);
    assert_eq!(Rc::strong_count(&alive), 1);
}

#[test]
fn panic_in_scope_waits_for_reads() {
    const BLOCK: usize = 1 << 20;
    let content = pattern(4 * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let alive = Rc::new(());
    let mut bufs = [(); 4].map(|()| PageBuf::new(BLOCK).unwrap());
    let mut cx = Context::<(), ()>::new(4).unwrap();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        cx.scope(|cx| {
            let mut batch = Batch::<_, &mut [u8], Tag, 4>::new();
            for (number, buf) in bufs.iter_mut().enumerate() {
                let tag = Tag { panics: number == 0, _alive: Rc::clone(&alive) };
                batch
                    .push(Request::read(&file, &mut buf[..], (number * BLOCK) as u64).tag(tag))
                    .unwrap();
            }
            cx.submit(&mut batch).unwrap();
            // The tag panics here or at the end of the scope.
            drop(cx.wait(1, None).unwrap().next());
            Ok::<_, ContextError>(())
        })
    }));
    caught.unwrap_err();
    for (buf, content) in bufs.iter().zip(content.chunks(BLOCK)) {
        assert!(buf[..] == *content);
    }
    assert_eq!(Rc::strong_count(&alive), 1);
}

#[test]
fn panic_in_batch_drop_drops_the_rest() {
    let (file, alive) = (file_with(b"hello"), Rc::new(()));
    let mut batch = reads(&file, &alive);
    catch_unwind(AssertUnwindSafe(|| batch.clear())).unwrap_err();
    drop(batch);
    assert_eq!(Rc::strong_count(&alive), 1, "each tag was dropped once");
    let batch = reads(&file, &alive);
    catch_unwind(AssertUnwindSafe(move || drop(batch))).unwrap_err();
    assert_eq!(Rc::strong_count(&alive), 1);
}
