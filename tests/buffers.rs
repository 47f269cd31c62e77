//! Buffers and tags of every type pass through the kernel and come back the same.

use crate::support::{file_with, pattern};
use linux_aio::{Batch, Buf, Context, ContextError, IoBufMut, IoBytes, PageBuf, Request};
use std::{rc::Rc, string::String, sync::Arc};

/// Writes the buffer, reads it back into the same buffer, and returns it.
fn round_trip<B: IoBytes + IoBufMut + AsRef<[u8]> + 'static>(buf: B) -> B {
    let expected = buf.as_ref().to_vec();
    let file = file_with(b"");
    let mut cx = Context::<B, ()>::new(1).unwrap();
    let mut batch = Batch::<_, _, _, 1>::new();
    batch.push(Request::write(&file, buf, 0)).unwrap();
    cx.submit(&mut batch).unwrap();
    let done = cx.wait(1, None).unwrap().next().unwrap();
    assert_eq!(done.result, Ok(expected.len()));
    batch.push(Request::read(&file, done.buf, 0)).unwrap();
    cx.submit(&mut batch).unwrap();
    let done = cx.wait(1, None).unwrap().next().unwrap();
    assert_eq!(done.result, Ok(expected.len()));
    assert_eq!(done.transferred(), expected);
    done.buf
}

#[test]
fn owned_buffers_round_trip() {
    let content = pattern(4096);
    assert_eq!(round_trip(content.clone()), content);
    assert_eq!(round_trip(content.clone().into_boxed_slice()), content.clone().into_boxed_slice());
    assert_eq!(*round_trip(&mut *content.clone().leak()), content);
    let mut pages = PageBuf::new(4096).unwrap();
    pages.copy_from_slice(&content);
    assert_eq!(*round_trip(pages), *content);
}

#[test]
fn vec_keeps_length_and_capacity() {
    let mut buf = Vec::with_capacity(100);
    buf.extend_from_slice(b"hello");
    let address = buf.as_ptr();
    let buf = round_trip(buf);
    assert_eq!((buf.len(), buf.as_ptr()), (5, address));
    assert!(buf.capacity() >= 100);
}

#[test]
fn static_slice_is_written() {
    let file = file_with(b"");
    let mut cx = Context::<&'static [u8], ()>::new(1).unwrap();
    let mut batch = Batch::<_, _, _, 1>::new();
    batch.push(Request::write(&file, &b"hello"[..], 0)).unwrap();
    cx.submit(&mut batch).unwrap();
    let done = cx.wait(1, None).unwrap().next().unwrap();
    assert_eq!((done.result, done.buf), (Ok(5), &b"hello"[..]));
}

#[test]
fn scope_takes_shared_and_exclusive_slices() {
    let file = file_with(b"0123456789");
    let mut cx = Context::<(), ()>::new(2).unwrap();
    let (source, mut target) = (b"AB", [0; 4]);
    cx.scope(|cx| {
        let mut batch = Batch::<_, Buf, _, 2>::new();
        batch.push(Request::read(&file, &mut target[..], 6).tag('r').into_buf()).unwrap();
        batch.push(Request::write(&file, &source[..], 0).into_buf().tag('w')).unwrap();
        cx.submit(&mut batch).unwrap();
        for done in cx.wait(2, None).unwrap() {
            match (done.tag, done.buf) {
                ('r', Buf::BytesMut(target)) => {
                    assert_eq!(target, b"6789");
                    target[0] = b'!';
                }
                ('w', Buf::Bytes(source)) => assert_eq!(source, b"AB"),
                (tag, buf) => panic!("{tag}: {buf:?}"),
            }
        }
        Ok::<_, ContextError>(())
    })
    .unwrap();
    assert_eq!(&target, b"!789", "the completion returned the borrow of the buffer");
}

#[test]
fn page_bufs_are_aligned_zeroed_and_distinct() {
    let mut bufs = [1, 511, 4096, 4097, 1 << 20].map(|len| PageBuf::new(len).unwrap());
    for (number, buf) in bufs.iter_mut().enumerate() {
        assert_eq!(buf.as_ptr().addr() % 4096, 0);
        assert!(buf.iter().all(|&byte| byte == 0));
        buf.fill(number.try_into().unwrap());
    }
    for (number, buf) in bufs.iter().enumerate() {
        assert!(buf.iter().all(|&byte| usize::from(byte) == number));
    }
    assert_eq!(bufs.map(|buf| buf.len()), [1, 511, 4096, 4097, 1 << 20]);
}

#[test]
fn page_buf_of_impossible_length_is_enomem() {
    assert!(PageBuf::new(0).unwrap().is_empty(), "a length of 0 is possible");
    for len in [usize::MAX, 1 << 63, (1 << 63) - 1, 1 << 62] {
        assert_eq!(PageBuf::new(len).unwrap_err(), linux_aio::Errno::ENOMEM, "{len:#x}");
    }
}

/// Submits one request with a tag and returns the tag.
fn tag_round_trip<T>(tag: T) -> T {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, T>::new(1).unwrap();
    let mut batch = Batch::<_, _, _, 1>::new();
    batch.push(Request::read(&file, vec![0; 5], 0).tag(tag)).unwrap();
    cx.submit(&mut batch).unwrap();
    let done = cx.wait(1, None).unwrap().next().unwrap();
    assert_eq!(done.buf, b"hello");
    done.tag
}

#[test]
fn tag_of_any_type_comes_back() {
    tag_round_trip(());
    assert_eq!(tag_round_trip(String::from("owned")), "owned");
    assert_eq!(tag_round_trip([7_u64; 100]), [7; 100]);
    let local = 5;
    assert_eq!(tag_round_trip(&local), &5, "a tag may be borrowed");
    let (rc, arc) = (Rc::new(1), Arc::new(2));
    assert_eq!((*tag_round_trip(Rc::clone(&rc)), *tag_round_trip(Arc::clone(&arc))), (1, 2));
    assert_eq!((Rc::strong_count(&rc), Arc::strong_count(&arc)), (1, 1), "dropped once");
    assert_eq!(tag_round_trip(|x: u32| x + 1)(1), 2);

    #[derive(Debug, PartialEq)]
    #[repr(align(4096))]
    struct Wide(u8);
    assert_eq!(tag_round_trip(Wide(3)), Wide(3));
}
