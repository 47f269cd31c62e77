//! Vectored transfers: borrowed and owned pieces of different lengths, 1 to 1024 of them.

use crate::support::{file_with, pattern};
use linux_aio::{
    Batch, Context, ContextError, Errno, Error, Full, IoSlice, IoSliceMut, Outcome, PageBuf,
    Pieces, Request,
};
use std::{io, os::unix::fs::FileExt as _};

const MOST: usize = 1024;

/// Random lengths, some of them 0.
fn lengths(count: usize) -> Vec<usize> {
    let mut random = fastrand::Rng::with_seed(count as u64);
    (0..count).map(|_| random.usize(0..300)).collect()
}

/// Cuts bytes into pieces of these lengths.
fn cut<'b>(mut bytes: &'b mut [u8], lengths: &[usize]) -> Vec<&'b mut [u8]> {
    let mut pieces = Vec::new();
    for &len in lengths {
        let (piece, rest) = bytes.split_at_mut(len);
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

#[test]
fn borrowed_pieces_round_trip() {
    for count in [1, 2, 7, MOST - 1, MOST] {
        let lengths = lengths(count);
        let mut content = pattern(lengths.iter().sum());
        let expected = content.clone();
        let mut target = vec![0; content.len()];
        let file = file_with(b"");

        let mut out = cut(&mut content, &lengths)
            .into_iter()
            .map(|piece| IoSlice::new(piece))
            .collect::<Vec<_>>();
        let mut into =
            cut(&mut target, &lengths).into_iter().map(IoSliceMut::new).collect::<Vec<_>>();
        let mut cx = Context::<(), ()>::new(1).unwrap();
        cx.scope(|cx| {
            let mut batch = Batch::<_, &[IoSlice<'_>], (), 1>::new();
            batch.push(Request::writev(&file, &out[..], 5).unwrap()).unwrap();
            cx.submit(&mut batch).unwrap();
            let done = cx.wait(1, None).unwrap().next().unwrap();
            assert_eq!(done.outcome(), Ok(Outcome::Transferred(expected.len())), "{count} pieces");
            assert_eq!(done.buf.len(), count);
            Ok::<_, ContextError>(())
        })
        .unwrap();
        cx.scope(|cx| {
            let mut batch = Batch::<_, &mut [IoSliceMut<'_>], (), 1>::new();
            batch.push(Request::readv(&file, &mut into[..], 5).unwrap()).unwrap();
            cx.submit(&mut batch).unwrap();
            assert_eq!(cx.wait(1, None).unwrap().next().unwrap().result, Ok(expected.len()));
            Ok::<_, ContextError>(())
        })
        .unwrap();
        out.clear();
        assert_eq!(into.iter().map(|piece| piece.len()).collect::<Vec<_>>(), lengths);
        assert!(target == expected, "{count} pieces");
    }
}

#[test]
fn owned_pieces_round_trip() {
    let file = file_with(b"");
    let mut pieces = Pieces::<PageBuf, 4>::new();
    for (number, len) in [(1, 4096), (2, 1), (3, 8192)] {
        let mut piece = PageBuf::new(len).unwrap();
        piece.fill(number);
        pieces.push(piece).unwrap();
    }
    let mut cx = Context::<Pieces<PageBuf, 4>, ()>::new(1).unwrap();
    let mut batch = Batch::<_, _, _, 1>::new();
    batch.push(Request::writev(&file, pieces, 0).unwrap()).unwrap();
    cx.submit(&mut batch).unwrap();
    let done = cx.wait(1, None).unwrap().next().unwrap();
    assert_eq!(done.result, Ok(4096 + 1 + 8192));

    // The same buffers in another order, so that each gets other bytes.
    let mut pieces = done.buf;
    pieces.reverse();
    pieces.iter_mut().for_each(|piece| piece.fill(0));
    batch.push(Request::readv(&file, pieces, 0).unwrap()).unwrap();
    cx.submit(&mut batch).unwrap();
    let done = cx.wait(1, None).unwrap().next().unwrap();
    let read = done.buf.iter().flat_map(|piece| piece.iter().copied()).collect::<Vec<_>>();
    let expected = [vec![1; 4096], vec![2; 1], vec![3; 8192]].concat();
    assert!(read == expected);
    assert_eq!(done.buf.iter().map(|piece| piece.len()).collect::<Vec<_>>(), [8192, 1, 4096]);
}

#[test]
fn boxed_pieces_of_maximum_count_are_read() {
    let file = file_with(&pattern(MOST * 3));
    let mut pieces = Box::new(Pieces::<Vec<u8>, MOST>::new());
    for _ in 0..MOST {
        pieces.push(vec![0; 3]).unwrap();
    }
    assert_eq!(pieces.try_push(vec![7]).unwrap_err().0, [7], "the piece is handed back");
    assert_eq!(pieces.push(vec![7]), Err(Full(())));
    // The context moves with the request in flight.
    let mut cx = Context::<Box<Pieces<Vec<u8>, MOST>>, ()>::new(1).unwrap();
    let mut batch = Batch::<_, _, _, 1>::new();
    batch.push(Request::readv(&file, pieces, 0).unwrap()).unwrap();
    cx.submit(&mut batch).unwrap();
    let mut cx = Box::new(cx);
    let done = cx.wait(1, None).unwrap().next().unwrap();
    assert_eq!(done.result, Ok(MOST * 3));
    assert!(done.buf.concat() == pattern(MOST * 3));
}

#[test]
fn short_readv_fills_first_pieces() {
    let file = file_with(b"hello");
    let (mut a, mut b, mut c) = ([b'.'; 3], [b'.'; 3], [b'.'; 3]);
    let mut pieces = [&mut a, &mut b, &mut c].map(|piece| IoSliceMut::new(piece));
    linux_aio::scope(1, |cx: &mut Context<_, ()>| {
        let mut batch = Batch::<_, _, _, 1>::new();
        batch.push(Request::readv(&file, &mut pieces[..], 0).unwrap()).unwrap();
        cx.submit(&mut batch).unwrap();
        assert_eq!(cx.wait(1, None).unwrap().next().unwrap().result, Ok(5));
        Ok::<_, Error>(())
    })
    .unwrap();
    assert_eq!([a, b, c], [*b"hel", *b"lo.", *b"..."]);
}

#[test]
fn invalid_piece_count_is_refused_without_system_call() {
    let file = file_with(b"");
    let piece = [0; 1];
    for count in [0, MOST + 1, 5000] {
        let pieces = vec![IoSlice::new(&piece); count];
        let error = Request::try_writev(&file, &pieces[..], 0).unwrap_err();
        assert_eq!((error.count, error.buf.len()), (count, count), "the buffer is handed back");
        assert_eq!(
            error.to_string(),
            format!("a vectored transfer has 1 to 1024 pieces, not {count}")
        );
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidInput);
        assert_eq!(Request::writev(&file, &pieces[..], 0).unwrap_err().count, count);
    }
    let empty = Pieces::<Vec<u8>, 1>::new();
    let empty = Request::try_readv(&file, empty, 0).unwrap_err().buf;
    assert_eq!(Request::readv(&file, empty, 0).unwrap_err().count, 0);
}

#[test]
fn refused_vectored_requests_complete_with_errno() {
    let file = file_with(b"hello");
    let read_only = std::fs::File::open("/proc/self/exe").unwrap();
    let mut cx = Context::<Pieces<Vec<u8>, 2>, u8>::new(2).unwrap();
    let mut batch = Batch::<_, _, _, 2>::new();
    for (tag, file, offset) in [(0, &read_only, 0), (1, &file, u64::MAX)] {
        let mut pieces = Pieces::new();
        pieces.push(vec![1; 2]).unwrap();
        batch.push(Request::writev(file, pieces, offset).unwrap().tag(tag)).unwrap();
    }
    assert_eq!(cx.submit(&mut batch).unwrap().refused, 2);
    let results = cx.reap().unwrap().map(|done| done.result).collect::<Vec<_>>();
    assert_eq!(results, [Err(Errno::EBADF), Err(Errno::EINVAL)]);
    let mut head = [0; 5];
    file.read_exact_at(&mut head, 0).unwrap();
    assert_eq!(&head, b"hello");
}

#[test]
fn pieces_deref_to_their_bytes() {
    let mut bytes = *b"hello";
    let mut piece = IoSliceMut::new(&mut bytes);
    piece[0] = b'j';
    assert_eq!(&*piece, b"jello");
    assert_eq!(piece.into_bytes(), b"jello");
    assert_eq!(&*IoSlice::new(b"hello"), b"hello");
    let mut pieces = Pieces::<_, 2>::default();
    pieces.push(vec![1]).unwrap();
    pieces[0][0] = 2;
    assert_eq!((pieces.len(), pieces.pop(), pieces.pop()), (1, Some(vec![2]), None));
}
