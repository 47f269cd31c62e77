//! Completions of which [`into_rest`](linux_aio::Completion::into_rest) makes no request: complete,
//! empty and failed transfers, other operations, and buffers that were exchanged for others that do
//! not suit. The completion is handed back.

use crate::support::{file_with, run};
use linux_aio::{Buf, Context, Errno, IoSlice, IoSliceMut, Pieces, Request};
use std::fs::File;

#[test]
fn complete_empty_and_failed_transfers_have_no_rest() {
    let (file, write_only) = (file_with(b"hello"), File::create("/dev/null").unwrap());
    let mut cx = Context::<Vec<u8>, u8>::new(1).unwrap();
    let complete = Request::read(&file, vec![0; 5], 0).tag(1);
    let at_end = Request::read(&file, vec![0; 5], 5).tag(2);
    let refused = Request::read(&write_only, vec![0; 5], 0).tag(3);
    let of_nothing = Request::write(&file, vec![], 0).tag(4);
    for (request, result) in
        [(complete, Ok(5)), (at_end, Ok(0)), (refused, Err(Errno::EBADF)), (of_nothing, Ok(0))]
    {
        let tag = *request.tag_ref();
        let done = run(&mut cx, request).into_rest(&file).unwrap_err();
        assert_eq!((done.tag, done.result), (tag, result), "the completion is handed back");
    }
    for request in [Request::fsync(&file).into_any(), Request::poll(&file).into_any()] {
        let done = run(&mut cx, request.with_buf(vec![7]).tag(0)).into_rest(&file).unwrap_err();
        assert_eq!(done.buf, [7]);
    }
}

#[test]
fn rest_depends_on_buffer_and_result_as_they_are() {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
    let mut short = || run(&mut cx, Request::read(&file, vec![0; 10], 0).range(1..9).unwrap());
    // The buffer is exchanged for one that the range fits, or does not fit.
    for (len, fits) in [(0, false), (6, false), (8, false), (9, true), (100, true)] {
        let mut done = short();
        done.buf = vec![7; len];
        match done.into_rest(&file) {
            Ok(rest) => {
                assert_eq!((rest.info().range(), rest.buf().len(), fits), (6..9, len, true))
            }
            Err(done) => assert_eq!((done.result, done.buf.len(), fits), (Ok(5), len, false)),
        }
        let mut done = short();
        done.buf = vec![7; len];
        assert_eq!(done.into_request(&file).is_ok(), fits);
    }
    // The result is exchanged.
    for (result, start) in [
        (Ok(1), Some(2)),
        (Ok(7), Some(8)),
        (Ok(8), None),
        (Ok(9), None),
        (Ok(usize::MAX), None),
        (Err(Errno::EIO), None),
    ] {
        let mut done = short();
        done.result = result;
        let rest = done.into_rest(&file).ok().map(|rest| rest.info().range());
        assert_eq!(rest, start.map(|start| start..9), "{result:?}");
    }
}

#[test]
fn pieces_exchanged_for_others_of_another_length_have_no_rest() {
    let file = file_with(b"hello");
    let mut cx = Context::<Pieces<Vec<u8>, 3>, ()>::new(1).unwrap();
    for lens in [vec![], vec![4], vec![5], vec![1, 3], vec![7], vec![9, 9, 9], vec![3, 5]] {
        let mut pieces = Pieces::new();
        pieces.push(vec![0; 8]).unwrap();
        let mut done = run(&mut cx, Request::readv(&file, pieces, 0).unwrap());
        assert_eq!(done.result, Ok(5));
        done.buf = Pieces::new();
        for &len in &lens {
            done.buf.push(vec![0; len]).unwrap();
        }
        let same = lens.iter().sum::<usize>() == 8;
        match done.into_rest(&file) {
            Ok(rest) => assert!(rest.info().range() == (5..8) && same, "{lens:?}"),
            Err(done) => assert!(done.result == Ok(5) && !same, "{lens:?}"),
        }
    }
}

#[test]
fn buf_exchanged_for_another_kind_has_no_rest() {
    let file = file_with(b"hello");
    let (mut bytes, mut other) = ([0; 8], [0; 8]);
    let shared = [IoSlice::new(&[0; 8])];
    let mut exclusive = [IoSliceMut::new(&mut other)];
    let exclusive = &mut exclusive[..];
    linux_aio::scope(1, |cx: &mut Context<Buf<'_>, ()>| {
        let mut done = run(cx, Request::read(&file, &mut bytes[..], 0).into_buf());
        for other in
            [Buf::Nothing, Buf::Bytes(&[0; 8]), Buf::Vecs(&shared), Buf::VecsMut(exclusive)]
        {
            let own = std::mem::replace(&mut done.buf, other);
            done = done.into_rest(&file).unwrap_err();
            done = done.into_request(&file).unwrap_err();
            done.buf = own;
        }
        assert_eq!(done.into_rest(&file).unwrap().info().range(), 5..8);

        // A write needs no exclusive borrow.
        let mut done = run(cx, Request::write(&file, &b"HELLO"[..], 0).into_buf());
        done.result = Ok(2);
        done.buf = Buf::Vecs(&shared);
        let mut done = done.into_rest(&file).unwrap_err();
        done.buf = Buf::Bytes(b"abcde");
        assert_eq!(done.into_rest(&file).unwrap().info().range(), 2..5);
        Ok::<_, linux_aio::Error>(())
    })
    .unwrap();
}

#[test]
fn option_exchanged_for_none_has_no_rest() {
    let file = file_with(b"hello");
    let mut cx = Context::<Option<Vec<u8>>, ()>::new(1).unwrap();
    let mut done = run(&mut cx, Request::read(&file, Some(vec![0; 8]), 0));
    let own = done.buf.take();
    let mut done = done.into_rest(&file).unwrap_err().into_request(&file).unwrap_err();
    done.buf = own;
    assert_eq!(done.into_rest(&file).unwrap().info().range(), 5..8);
}
