//! A panic in the drop of a tag or a buffer leaves nothing in flight unowned and nothing undropped.

use crate::support::{direct_file_with, file_with, pattern};
use linux_aio::{Batch, Context, PageBuf, Request};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
};

/// Panics when it is dropped, if it is to.
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

/// Requests of which the second one's tag panics when it is dropped.
fn reads<'f>(file: &'f std::fs::File, alive: &Rc<()>) -> Batch<'f, Vec<u8>, Tag, 4> {
    let mut batch = Batch::new();
    for number in 0..4 {
        let tag = Tag { panics: number == 1, _alive: Rc::clone(alive) };
        batch.push(Request::read(file, vec![0; 5], 0).tag(tag)).unwrap();
    }
    batch
}

#[test]
fn when_the_context_is_dropped() {
    let (file, alive) = (file_with(b"hello"), Rc::new(()));
    let mut cx = Context::<_, _, 4>::new().unwrap();
    cx.submit(&mut reads(&file, &alive)).unwrap();
    catch_unwind(AssertUnwindSafe(move || drop(cx))).unwrap_err();
    assert_eq!(Rc::strong_count(&alive), 1, "the others were dropped all the same");
}

#[test]
fn when_a_scope_ends() {
    let (file, alive) = (file_with(b"hello"), Rc::new(()));
    let mut cx = Context::<(), (), 4>::new().unwrap();
    catch_unwind(AssertUnwindSafe(|| cx.scope(|cx| cx.submit(&mut reads(&file, &alive)).unwrap())))
        .unwrap_err();
    assert_eq!(Rc::strong_count(&alive), 1);
    // The core came home.
    assert_eq!(cx.in_flight(), 0);
    cx.scope(|cx| {
        let mut batch = Batch::<Vec<u8>, (), 1>::new();
        batch.push(Request::read(&file, vec![0; 5], 0)).unwrap();
        cx.submit(&mut batch).unwrap();
        assert_eq!(cx.wait(1, None).unwrap().next().unwrap().buf, b"hello");
    })
    .unwrap();
}

#[test]
fn while_completions_are_taken() {
    let (file, alive) = (file_with(b"hello"), Rc::new(()));
    let mut cx = Context::<_, _, 4>::new().unwrap();
    cx.submit(&mut reads(&file, &alive)).unwrap();
    catch_unwind(AssertUnwindSafe(|| cx.wait(4, None).unwrap().for_each(drop))).unwrap_err();
    assert_eq!(cx.in_flight(), 2, "two were taken, of which one panicked");
    assert_eq!(cx.reap().unwrap().count(), 2);
    assert_eq!(Rc::strong_count(&alive), 1);
}

#[test]
fn with_reads_still_in_flight() {
    const BLOCK: usize = 1 << 20;
    let content = pattern(4 * BLOCK);
    let Some(file) = direct_file_with(&content) else {
        return;
    };
    let alive = Rc::new(());
    let mut bufs = [(); 4].map(|()| PageBuf::new(BLOCK).unwrap());
    let mut cx = Context::<(), (), 4>::new().unwrap();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        cx.scope(|cx| {
            let mut batch = Batch::<&mut [u8], Tag, 4>::new();
            for (number, buf) in bufs.iter_mut().enumerate() {
                let tag = Tag { panics: number == 0, _alive: Rc::clone(&alive) };
                batch
                    .push(Request::read(&file, &mut buf[..], (number * BLOCK) as u64).tag(tag))
                    .unwrap();
            }
            cx.submit(&mut batch).unwrap();
            // The first to come panics here or at the end of the scope.
            drop(cx.wait(1, None).unwrap().next());
        })
    }));
    caught.unwrap_err();
    for (buf, content) in bufs.iter().zip(content.chunks(BLOCK)) {
        assert!(buf[..] == *content);
    }
    assert_eq!(Rc::strong_count(&alive), 1);
}

#[test]
fn in_a_batch() {
    let (file, alive) = (file_with(b"hello"), Rc::new(()));
    let mut batch = reads(&file, &alive);
    catch_unwind(AssertUnwindSafe(|| batch.clear())).unwrap_err();
    drop(batch);
    assert_eq!(Rc::strong_count(&alive), 1, "each was dropped once");
    let batch = reads(&file, &alive);
    catch_unwind(AssertUnwindSafe(move || drop(batch))).unwrap_err();
    assert_eq!(Rc::strong_count(&alive), 1);
}
