//! [`Completion::into_rest`]: after every short count of a read or a write, in one piece or in
//! several, the rest transfers the missing bytes, and no others. What has no rest is in `no_rest`.
//!
//! Reads are short because the file ends early, writes because of `RLIMIT_FSIZE`, in a child process.

use crate::support::{direct_file_with, file_with, in_child, pattern, run};
use linux_aio::{
    Batch, Completion, Context, ContextError, Errno, IoBuf, IoSlice, IoSliceMut, PageBuf, Pieces,
    Priority, PriorityClass, Request, RwFlags, op,
};
use rustix::process::{Resource, Rlimit};
use std::{
    fs::File,
    io::Read as _,
    os::{fd::AsRawFd as _, unix::fs::FileExt as _},
};

/// Where the transfer begins in the file, and how many bytes it has.
const OFFSET: usize = 7;
const LEN: usize = 24;
/// The lengths of the pieces of a vectored transfer.
const PIECES: [usize; 5] = [5, 0, 1, 10, 8];
const TAG: &str = "tag";

/// The content of the file when it is complete.
fn content() -> Vec<u8> {
    pattern(512)[100..][..OFFSET + LEN + 9].to_vec()
}

fn priority() -> Priority {
    Priority::new(PriorityClass::BestEffort, 6).unwrap()
}

/// With a flag, a priority and a tag, which the rest must have too.
fn marked<F, B>(request: Request<F, B, (), op::Transfer>) -> Request<F, B, &'static str> {
    request.flags(RwFlags::HIPRI).priority(priority()).tag(TAG)
}

/// Submits rests until there is none. Checks each, and that they continue where the last one stopped.
/// Returns the buffer.
fn finish<B: IoBuf>(
    cx: &mut Context<B, &'static str>,
    file: &File,
    first: Completion<B, &'static str>,
) -> B {
    let (opcode, end) = (first.info().opcode(), first.info().range().end);
    let (mut done, mut rests) = (first, 0);
    loop {
        let (info, bytes) = (done.info(), done.result.unwrap());
        let (start, offset) = (info.range().start + bytes, info.offset() + bytes as u64);
        let rest = match done.into_rest(file) {
            Ok(rest) => rest,
            Err(done) => {
                assert_eq!((start, done.tag, done.result), (end, TAG, Ok(bytes)));
                return done.buf;
            }
        };
        let info = rest.info();
        assert_eq!((info.opcode(), info.range(), info.offset()), (opcode, start..end, offset));
        assert_eq!((info.flags(), info.priority()), (RwFlags::HIPRI, Some(priority())));
        assert_eq!((info.eventfd(), *rest.tag_ref()), (None, TAG));
        done = run(cx, rest);
        assert_eq!((done.info().opcode(), done.info().range()), (opcode, start..end));
        rests += 1;
        assert!(rests <= PIECES.len(), "at most one for each piece");
    }
}

/// Makes the file shorter, so that a read gets `short` bytes, and complete again after that read.
fn with_short_file<R>(file: &File, short: usize, read: impl FnOnce() -> R) -> R {
    file.set_len((OFFSET + short) as u64).unwrap();
    let done = read();
    file.write_all_at(&content()[OFFSET + short..], (OFFSET + short) as u64).unwrap();
    done
}

#[test]
fn rest_of_short_read_reads_missing_bytes() {
    let file = file_with(&content());
    let mut cx = Context::<Vec<u8>, &str>::new(1).unwrap();
    for short in 1..=LEN {
        for before in [0, 3] {
            let buf = vec![0xee; before + LEN + 2];
            let read = Request::read(&file, buf, OFFSET as u64).range(before..before + LEN);
            let read = marked(read.unwrap());
            let first = with_short_file(&file, short, || run(&mut cx, read));
            assert_eq!(first.result, Ok(short));
            let buf = finish(&mut cx, &file, first);
            assert_eq!(buf[before..][..LEN], content()[OFFSET..][..LEN], "short by {short}");
            assert!(buf[..before].iter().chain(&buf[before + LEN..]).all(|&byte| byte == 0xee));
        }
    }
}

#[test]
fn rest_of_short_readv_reads_missing_bytes() {
    let file = file_with(&content());
    let mut cx = Context::<Pieces<Vec<u8>, 6>, &str>::new(1).unwrap();
    for short in 1..=LEN {
        let mut pieces = Pieces::new();
        for len in PIECES {
            pieces.push(vec![0xee; len]).unwrap();
        }
        let readv = marked(Request::readv(&file, pieces, OFFSET as u64).unwrap());
        let first = with_short_file(&file, short, || run(&mut cx, readv));
        assert_eq!(first.result, Ok(short));
        let pieces = finish(&mut cx, &file, first);
        assert_eq!(pieces.concat(), content()[OFFSET..][..LEN], "short by {short}");
    }
}

#[test]
fn rest_of_short_readv_in_scope_reads_missing_bytes() {
    let file = file_with(&content());
    let mut cx = Context::<(), ()>::new(1).unwrap();
    for short in 1..=LEN {
        let mut bytes = PIECES.map(|len| vec![0xee; len]);
        let mut pieces = bytes.each_mut().map(|piece| IoSliceMut::new(piece));
        cx.scope(|cx| {
            let readv = marked(Request::readv(&file, &mut pieces[..], OFFSET as u64).unwrap());
            let first = with_short_file(&file, short, || run(cx, readv));
            assert_eq!(first.result, Ok(short));
            let lens = finish(cx, &file, first).iter().map(|piece| piece.len()).collect::<Vec<_>>();
            assert_eq!(lens, PIECES, "the iovecs are unchanged");
            Ok::<_, ContextError>(())
        })
        .unwrap();
        assert_eq!(bytes.concat(), content()[OFFSET..][..LEN], "short by {short}");
    }
}

/// Limits the size of the files of this process, without a signal. Only for child processes.
fn limit_file_size(bytes: Option<usize>) {
    // SAFETY: sets a valid action.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let limit = Rlimit { current: bytes.map(|bytes| bytes as u64), maximum: None };
    rustix::process::setrlimit(Resource::Fsize, limit).unwrap();
}

/// Checks that the file has the bytes of the transfer.
fn check_written(file: &File, short: usize) {
    let mut written = Vec::new();
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
        .unwrap()
        .read_to_end(&mut written)
        .unwrap();
    assert_eq!(written[..OFFSET], [0; OFFSET], "short by {short}");
    assert_eq!(written[OFFSET..], content()[OFFSET..][..LEN], "short by {short}");
}

#[test]
fn rest_of_short_write_writes_missing_bytes() {
    in_child(|| {
        let mut cx = Context::<Vec<u8>, &str>::new(1).unwrap();
        for short in 1..=LEN {
            let file = file_with(b"");
            let write = Request::write(&file, content(), OFFSET as u64);
            let write = marked(write.range(OFFSET..OFFSET + LEN).unwrap());
            limit_file_size(Some(OFFSET + short));
            let first = run(&mut cx, write);
            limit_file_size(None);
            assert_eq!(first.result, Ok(short));
            assert_eq!(finish(&mut cx, &file, first), content());
            check_written(&file, short);
        }
    });
}

#[test]
fn rest_of_short_writev_writes_missing_bytes() {
    in_child(|| {
        let mut cx = Context::<Box<Pieces<Vec<u8>, 6>>, &str>::new(1).unwrap();
        for short in 1..=LEN {
            let file = file_with(b"");
            let mut pieces = Box::new(Pieces::new());
            let mut bytes = &content()[OFFSET..];
            for len in PIECES {
                pieces.push(bytes.split_off(..len).unwrap().to_vec()).unwrap();
            }
            let writev = marked(Request::writev(&file, pieces, OFFSET as u64).unwrap());
            limit_file_size(Some(OFFSET + short));
            let first = run(&mut cx, writev);
            limit_file_size(None);
            assert_eq!(first.result, Ok(short));
            finish(&mut cx, &file, first);
            check_written(&file, short);
        }
    });
}

#[test]
fn rest_of_short_writev_in_scope_writes_missing_bytes() {
    in_child(|| {
        let content = content();
        let mut bytes = &content[OFFSET..];
        let pieces = PIECES.map(|len| IoSlice::new(bytes.split_off(..len).unwrap()));
        let mut cx = Context::<(), ()>::new(1).unwrap();
        cx.scope(|cx| {
            for short in 1..=LEN {
                let file = file_with(b"");
                let writev = marked(Request::writev(&file, &pieces[..], OFFSET as u64).unwrap());
                limit_file_size(Some(OFFSET + short));
                let first = run(cx, writev);
                limit_file_size(None);
                assert_eq!(first.result, Ok(short));
                finish(cx, &file, first);
                check_written(&file, short);
            }
            Ok::<_, ContextError>(())
        })
        .unwrap();
    });
}

/// Reads a file of an unaligned size by direct I/O, a block at a time.
#[test]
fn aligned_rest_ends_at_end_of_direct_file() {
    const WHOLE: usize = 16 << 10;
    let content = pattern(3 * 4096 + 1000);
    let Some(file) = direct_file_with(&content) else { return };
    let mut cx = Context::<PageBuf, ()>::new(1).unwrap();
    for alignment in [512, 4096] {
        let read = Request::read(&file, PageBuf::new(WHOLE).unwrap(), 0);
        let done = run(&mut cx, read);
        assert_eq!(done.result, Ok(content.len()));
        let start = content.len() / alignment * alignment;
        let rest = done.into_rest_aligned(&file, alignment).unwrap();
        assert_eq!((rest.info().offset(), rest.info().range()), (start as u64, start..WHOLE));
        let done = run(&mut cx, rest);
        if alignment == 512 && done.result == Err(Errno::EINVAL) {
            continue; // the device has larger blocks
        }
        assert_eq!(done.result, Ok(content.len() - start));
        assert_eq!(done.transferred(), &content[start..]);
        let done = done.into_rest_aligned(&file, alignment).unwrap_err();
        assert_eq!(done.result, Ok(content.len() - start), "the file ends within this block");
        assert!(done.buf[..content.len()] == content);
    }
}

#[test]
fn aligned_rest_begins_at_aligned_offset_of_file() {
    let file = file_with(&content());
    let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
    // The offset in the file is aligned, not that in the buffer.
    for (offset, short, alignment, expected) in [
        (0, 10, 8, Some(8)),
        (0, 8, 8, Some(8)),
        (0, 7, 8, None),
        (3, 10, 8, Some(5)),
        (3, 5, 8, Some(5)),
        (3, 4, 8, None),
        (3, 10, 1, Some(10)),
    ] {
        file.set_len(offset + short).unwrap();
        let read = Request::read(&file, vec![0; 30], offset).range(2..).unwrap();
        let done = run(&mut cx, read);
        assert_eq!(done.result, Ok(short as usize));
        let rest = done.into_rest_aligned(&file, alignment).ok();
        let info = rest.map(|rest| (rest.info().offset(), rest.info().range()));
        let expected = expected.map(|done: usize| (offset + done as u64, 2 + done..30));
        assert_eq!(info, expected, "{short} bytes at {offset}");
    }
}

/// A program that loops until all is written, with files that its requests own.
#[test]
fn loop_with_rests_transfers_everything() {
    let file = std::sync::Arc::new(file_with(b""));
    let mut cx = Context::<Vec<u8>, usize>::new(8).unwrap();
    let mut batch = Batch::<_, _, _, 8>::new();
    for tag in 0..8 {
        let bytes = vec![tag as u8; 1000];
        batch.push(Request::write(file.clone(), bytes, 1000 * tag as u64).tag(tag)).unwrap();
    }
    let mut written = [0; 8];
    while !batch.is_empty() || cx.outstanding() > 0 {
        cx.submit(&mut batch).unwrap();
        for mut done in cx.wait(1, None).unwrap() {
            // As if the device took at most 300 bytes at a time.
            done.result = done.result.map(|bytes| bytes.min(300));
            written[done.tag] += done.result.unwrap();
            if let Ok(rest) = done.into_rest(file.clone()) {
                batch.push(rest).unwrap();
            }
        }
    }
    assert_eq!(written, [1000; 8]);
    assert_eq!(std::sync::Arc::strong_count(&file), 1);
}
