//! One batch with all operations, each valid and invalid: every request completes once, with its own
//! buffer and the outcome of its operation.

use crate::support::{file_with, pattern};
use linux_aio::{
    Batch, Buf, Context, ContextError, Errno, IoSlice, IoSliceMut, Opcode, Outcome, PollEvents,
    Request,
};
use std::{collections::BTreeMap, fs::File, os::unix::net::UnixStream};

#[test]
fn batch_of_all_operations_completes_each_once() {
    let content = pattern(4096);
    let file = file_with(&content);
    let read_only = File::open("/proc/self/exe").unwrap();
    let (socket, _peer) = UnixStream::pair().unwrap();
    let (pipe, _other) = std::io::pipe().unwrap();

    let (mut a, mut b, mut c) = ([0; 512], [0; 100], [0; 200]);
    let [mut d, mut e] = [[0; 8]; 2];
    let text = b"written";
    let out = [IoSlice::new(b"wri"), IoSlice::new(b"tten")];
    let mut into = [IoSliceMut::new(&mut b), IoSliceMut::new(&mut c)];
    let mut into_nothing = [IoSliceMut::new(&mut e)];

    let mut cx = Context::<(), ()>::new(16).unwrap();
    cx.scope(|cx| {
        let mut batch = Batch::<_, Buf<'_>, &str, 16>::new();
        batch.push(Request::read(&file, &mut a[..], 1024).into_buf().tag("read")).unwrap();
        batch.push(Request::read(&file, &mut d[..], u64::MAX).into_buf().tag("read, bad")).unwrap();
        batch.push(Request::write(&file, &text[..], 8192).into_buf().tag("write")).unwrap();
        batch.push(Request::write(&read_only, &text[..], 0).into_buf().tag("write, bad")).unwrap();
        batch.push(Request::fsync(&file).into_buf().tag("fsync")).unwrap();
        batch.push(Request::fsync(&pipe).into_buf().tag("fsync, bad")).unwrap();
        batch.push(Request::fdsync(&file).into_buf().tag("fdsync")).unwrap();
        batch.push(Request::fdsync(&pipe).into_buf().tag("fdsync, bad")).unwrap();
        let poll = Request::poll(&socket).events(PollEvents::OUT);
        batch.push(poll.into_buf().tag("poll")).unwrap();
        let poll = Request::poll(&socket).events(PollEvents::IN);
        batch.push(poll.into_buf().tag("poll, silent")).unwrap();
        let readv = Request::readv(&file, &mut into[..], 0).unwrap();
        batch.push(readv.into_buf().tag("readv")).unwrap();
        let readv = Request::readv(&file, &mut into_nothing[..], 1 << 63).unwrap();
        batch.push(readv.into_buf().tag("readv, bad")).unwrap();
        let writev = Request::writev(&file, &out[..], 9000).unwrap();
        batch.push(writev.into_buf().tag("writev")).unwrap();
        let writev = Request::writev(&read_only, &out[..], 0).unwrap();
        batch.push(writev.into_buf().tag("writev, bad")).unwrap();

        assert_eq!(cx.submit(&mut batch).unwrap().refused, 6);
        let silent = cx.in_flight().find(|request| *request.tag == "poll, silent").unwrap().id;
        cx.cancel(silent).unwrap();
        let mut outcomes = BTreeMap::new();
        for done in cx.wait(usize::MAX, None).unwrap() {
            let outcome = match done.outcome() {
                Ok(Outcome::Ready { events, asked }) => {
                    Ok(Outcome::Ready { events: events & asked, asked })
                }
                other => other.map_err(|error| error.errno),
            };
            let kind = match (done.info().opcode(), &done.buf) {
                (Opcode::Pread, Buf::BytesMut(_)) | (Opcode::Preadv, Buf::VecsMut(_)) => "read",
                (Opcode::Pwrite, Buf::Bytes(_)) | (Opcode::Pwritev, Buf::Vecs(_)) => "write",
                (Opcode::Fsync | Opcode::Fdsync, Buf::Nothing) => "f",
                (Opcode::Poll, Buf::Nothing) => "poll",
                other => panic!("{other:?}"),
            };
            assert!(done.tag.starts_with(kind), "{} has its own buffer", done.tag);
            assert!(outcomes.insert(done.tag, outcome).is_none(), "{} completes once", done.tag);
        }
        let asked = PollEvents::OUT;
        let expected = BTreeMap::from([
            ("fdsync", Ok(Outcome::Synced)),
            ("fdsync, bad", Err(Errno::EINVAL)),
            ("fsync", Ok(Outcome::Synced)),
            ("fsync, bad", Err(Errno::EINVAL)),
            ("poll", Ok(Outcome::Ready { events: PollEvents::OUT, asked })),
            ("poll, silent", Ok(Outcome::Cancelled)),
            ("read", Ok(Outcome::Transferred(512))),
            ("read, bad", Err(Errno::EINVAL)),
            ("readv", Ok(Outcome::Transferred(300))),
            ("readv, bad", Err(Errno::EINVAL)),
            ("write", Ok(Outcome::Transferred(7))),
            ("write, bad", Err(Errno::EBADF)),
            ("writev", Ok(Outcome::Transferred(7))),
            ("writev, bad", Err(Errno::EBADF)),
        ]);
        assert_eq!(outcomes, expected);
        assert_eq!(cx.outstanding(), 0);
        Ok::<_, ContextError>(())
    })
    .unwrap();
    assert_eq!(a, content[1024..1536]);
    assert_eq!([&b[..], &c[..]].concat(), content[..300]);
}
