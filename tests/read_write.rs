//! Single reads and writes transfer the right bytes at the right offset, and no others.

use crate::support::{file_with, pattern};
use linux_aio::{Batch, Borrowed, Completion, Context, Errno, Opcode, Request, RwFlags};
use std::{fs, io::Read as _, io::Seek as _, os::unix::fs::FileExt as _};

/// Runs one request by itself.
fn run<T>(request: Request<Borrowed<'_>, Vec<u8>, T>) -> Completion<Vec<u8>, T> {
    let mut cx = Context::<Vec<u8>, T>::new(1).unwrap();
    let mut batch = Batch::<_, _, _, 1>::new();
    batch.push(request).unwrap();
    cx.submit(&mut batch).unwrap();
    assert!(batch.is_empty());
    assert_eq!(cx.outstanding(), 1);
    let done = cx.wait(1, None).unwrap().next().unwrap();
    assert_eq!(cx.outstanding(), 0);
    done
}

#[test]
fn read_from_beginning() {
    let file = file_with(b"hello, world");
    let done = run(Request::read(&file, vec![0; 5], 0).tag("tag"));
    assert_eq!(done.result, Ok(5));
    assert_eq!(done.buf, b"hello");
    assert_eq!(done.transferred(), b"hello");
    assert_eq!(
        (done.tag, done.info().opcode(), done.info().offset(), done.info().range()),
        ("tag", Opcode::Pread, 0, 0..5)
    );
    assert_eq!((done.info().event().res, done.info().event().res2), (5, 0));
}

#[test]
fn read_at_offset() {
    let content = pattern(10_000);
    let file = file_with(&content);
    let done = run(Request::read(&file, vec![0; 3000], 1234));
    assert_eq!(done.result, Ok(3000));
    assert_eq!(done.buf, content[1234..4234]);
}

#[test]
fn read_is_short_at_end_of_file() {
    let file = file_with(b"hello");
    let done = run(Request::read(&file, vec![9; 8], 3));
    assert_eq!(done.result, Ok(2));
    assert_eq!(done.transferred(), b"lo");
    assert_eq!(done.buf, [b'l', b'o', 9, 9, 9, 9, 9, 9], "the rest of the buffer is unchanged");

    let done = run(Request::read(&file, vec![9; 8], 5));
    assert_eq!((done.result, done.transferred()), (Ok(0), &[][..]));
    assert_eq!(run(Request::read(&file, vec![9; 8], 1 << 40)).result, Ok(0));
}

#[test]
fn write_then_read() {
    let file = file_with(b"");
    let content = pattern(5000);
    let done = run(Request::write(&file, content.clone(), 100));
    assert_eq!(done.result, Ok(5000));
    assert_eq!((done.info().opcode(), done.transferred()), (Opcode::Pwrite, &content[..]));
    let done = run(Request::read(&file, vec![7; 6000], 0));
    assert_eq!(done.result, Ok(5100));
    assert_eq!(done.buf[..100], [0; 100], "there is a hole before the written bytes");
    assert_eq!(done.buf[100..5100], content);
}

#[test]
fn two_writes_then_read() {
    let file = file_with(b"");
    let mut cx = Context::<Vec<u8>, &str>::new(2).unwrap();
    let mut batch = Batch::<_, _, _, 2>::new();
    batch.push(Request::write(&file, b"hello, ".to_vec(), 0).tag("first")).unwrap();
    batch.push(Request::write(&file, b"world".to_vec(), 7).tag("second")).unwrap();
    let submitted = cx.submit(&mut batch).unwrap();
    assert_eq!((submitted.accepted, submitted.refused), (2, 0));
    let mut tags =
        cx.wait(2, None).unwrap().map(|done| (done.tag, done.result)).collect::<Vec<_>>();
    tags.sort_unstable();
    assert_eq!(tags, [("first", Ok(7)), ("second", Ok(5))]);

    batch.push(Request::read(&file, vec![0; 12], 0).tag("third")).unwrap();
    cx.submit(&mut batch).unwrap();
    let done = cx.wait(1, None).unwrap().next().unwrap();
    assert_eq!(done.buf, b"hello, world");
}

#[test]
fn buffer_of_read_is_written_to_other_file() {
    let (from, to) = (file_with(b"hello"), file_with(b""));
    let done = run(Request::read(&from, vec![0; 5], 0));
    let done = run(Request::write(&to, done.buf, 0));
    let done = run(Request::read(&to, done.buf, 0));
    assert_eq!(done.buf, b"hello");
}

#[test]
fn range_limits_transfer() {
    let content = pattern(100);
    let file = file_with(&content);
    let done = run(Request::read(&file, vec![1; 10], 50).range(3..7).unwrap());
    assert_eq!((done.result, done.info().range()), (Ok(4), 3..7));
    assert_eq!(done.transferred(), &content[50..54]);
    assert_eq!(
        [&done.buf[..3], &done.buf[7..]],
        [[1; 3]; 2],
        "bytes outside the range are unchanged"
    );
    assert_eq!(done.buf[3..7], content[50..54]);

    run(Request::write(&file, b"0123456789".to_vec(), 0).range(8..).unwrap());
    run(Request::write(&file, b"abcdefghij".to_vec(), 2).range(..=1).unwrap());
    let mut head = [0; 5];
    file.read_exact_at(&mut head, 0).unwrap();
    assert_eq!(head, [b'8', b'9', b'a', b'b', content[4]]);

    let done = run(Request::read(&file, vec![1; 10], 0).range(10..).unwrap());
    assert_eq!((done.result, done.buf), (Ok(0), vec![1; 10]), "an empty range transfers nothing");
}

#[test]
fn range_outside_buffer_returns_request() {
    let file = file_with(b"hello");
    let request = Request::read(&file, vec![0; 10], 0).tag("still here");
    let error = request.try_range(5..11).unwrap_err();
    assert_eq!(error.to_string(), "the range 5..11 does not lie within a buffer of 10 bytes");
    #[expect(clippy::reversed_empty_ranges, reason = "the test is for this mistake")]
    let error = error.request.try_range(7..3).unwrap_err();
    let error = error.request.try_range(..=usize::MAX).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a range that overflows usize does not lie within a buffer of 10 bytes"
    );
    let error = error.request.try_range(11..).unwrap_err();
    let done = run(error.request.range(..2).unwrap());
    assert_eq!((done.tag, done.transferred()), ("still here", &b"he"[..]));
}

#[test]
fn flags_take_effect() {
    let file = file_with(b"0123456789");
    // Every file system accepts these since Linux 4.13.
    for flags in [RwFlags::DSYNC, RwFlags::SYNC, RwFlags::HIPRI, RwFlags::DSYNC | RwFlags::SYNC] {
        assert_eq!(
            run(Request::write(&file, b"ab".to_vec(), 0).flags(flags)).result,
            Ok(2),
            "{flags:?}"
        );
    }
    // APPEND ignores the offset.
    assert_eq!(run(Request::write(&file, b"end".to_vec(), 0).flags(RwFlags::APPEND)).result, Ok(3));
    assert_eq!(run(Request::read(&file, vec![0; 20], 0)).transferred(), b"ab23456789end");
    // No kernel knows this bit.
    let unknown = RwFlags::from_bits_retain(1 << 30);
    assert_eq!(
        run(Request::read(&file, vec![0; 2], 0).flags(unknown)).result,
        Err(Errno::EOPNOTSUPP)
    );
}

#[test]
fn offset_above_maximum_is_einval() {
    let file = file_with(b"hello");
    for offset in [1 << 63, u64::MAX] {
        assert_eq!(run(Request::read(&file, vec![0; 2], offset)).result, Err(Errno::EINVAL));
    }
    // The last byte would be above the largest offset.
    assert_eq!(run(Request::read(&file, vec![0; 2], (1 << 63) - 1)).result, Err(Errno::EINVAL));
}

#[test]
fn file_position_is_unused_and_unmoved() {
    let mut file = file_with(b"hello, world");
    file.seek(std::io::SeekFrom::Start(7)).unwrap();
    assert_eq!(run(Request::read(&file, vec![0; 5], 0)).buf, b"hello");
    run(Request::write(&file, b"HELLO".to_vec(), 0));
    let mut rest = String::new();
    file.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "world");
}

#[test]
fn file_not_open_for_operation_is_refused() {
    let directory = fs::File::open("/").unwrap();
    assert_eq!(run(Request::read(&directory, vec![0; 2], 0)).result, Err(Errno::EINVAL));
    let read_only = fs::File::open("/proc/self/exe").unwrap();
    assert_eq!(run(Request::write(&read_only, vec![0; 2], 0)).result, Err(Errno::EBADF));
}

#[test]
fn empty_buffer_transfers_nothing() {
    let file = file_with(b"hello");
    assert_eq!(run(Request::read(&file, Vec::new(), 0)).result, Ok(0));
    assert_eq!(run(Request::write(&file, Vec::new(), 0)).result, Ok(0));
}
