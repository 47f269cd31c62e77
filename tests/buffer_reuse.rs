//! File, buffer and tag of a completed request are used again by a request for any other operation:
//! all pairs of operations are tried.

use crate::support::{file_with, pattern};
use linux_aio::{
    Batch, Borrowed, Buf, Context, ContextError, IoSliceMut, Opcode, Outcome, PollEvents, Request,
    op::Any,
};
use std::fs::File;

const LEN: usize = 64;

/// A request for that operation with the buffer that it needs: bytes or pieces.
fn request<'f, 'b>(
    file: &'f File,
    opcode: Opcode,
    bytes: &mut Option<&'b mut [u8]>,
    pieces: &mut Option<&'b mut [IoSliceMut<'b>]>,
) -> Request<Borrowed<'f>, Buf<'b>, Opcode, Any> {
    let request = match opcode {
        Opcode::Pread => Request::read(file, bytes.take().unwrap(), 0).into_buf().into_any(),
        Opcode::Pwrite => Request::write(file, bytes.take().unwrap(), 0).into_buf().into_any(),
        Opcode::Preadv => {
            Request::readv(file, pieces.take().unwrap(), 0).unwrap().into_buf().into_any()
        }
        Opcode::Pwritev => {
            Request::writev(file, pieces.take().unwrap(), 0).unwrap().into_buf().into_any()
        }
        // These have no use for a buffer, and return it.
        Opcode::Fsync => Request::fsync(file).with_buf(any_buf(bytes)).into_any(),
        Opcode::Fdsync => Request::fdsync(file).with_buf(any_buf(bytes)).into_any(),
        _ => Request::poll(file).events(PollEvents::IN).with_buf(any_buf(bytes)).into_any(),
    };
    request.tag(opcode)
}

/// The bytes as a buffer; nothing if they are in use.
fn any_buf<'b>(bytes: &mut Option<&'b mut [u8]>) -> Buf<'b> {
    bytes.take().map_or(Buf::Nothing, Buf::BytesMut)
}

#[test]
fn buffer_passes_from_every_operation_to_every_other() {
    let content = pattern(LEN);
    let file = file_with(&content);
    let mut memory = [0; LEN];
    let mut halves = [[0; LEN / 2]; 2];
    let [first, second] = &mut halves;
    let mut iovecs = [IoSliceMut::new(first), IoSliceMut::new(second)];
    let (mut bytes, mut pieces) = (Some(&mut memory[..]), Some(&mut iovecs[..]));

    // Reads first, so that later writes do not change the file.
    let all = [
        Opcode::Pread,
        Opcode::Preadv,
        Opcode::Pwrite,
        Opcode::Pwritev,
        Opcode::Fsync,
        Opcode::Fdsync,
        Opcode::Poll,
    ];
    let mut steps = vec![Opcode::Pread, Opcode::Preadv];
    for from in all {
        for to in all {
            steps.extend([from, to]);
        }
    }
    let mut cx = Context::<(), ()>::new(1).unwrap();
    cx.scope(|cx| {
        let mut batch = Batch::<_, Buf<'_>, Opcode, 1>::new();
        for opcode in steps {
            batch.push(request(&file, opcode, &mut bytes, &mut pieces)).unwrap();
            cx.submit(&mut batch).unwrap();
            let done = cx.wait(1, None).unwrap().next().unwrap();
            assert_eq!((done.tag, done.info().opcode()), (opcode, opcode));
            match done.outcome().unwrap() {
                Outcome::Transferred(len) => assert_eq!((len, opcode.is_transfer()), (LEN, true)),
                Outcome::Synced => assert!(matches!(opcode, Opcode::Fsync | Opcode::Fdsync)),
                Outcome::Ready { .. } => assert_eq!(opcode, Opcode::Poll),
                other => panic!("{opcode:?}: {other:?}"),
            }
            match done.buf {
                Buf::BytesMut(back) => bytes = Some(back),
                Buf::VecsMut(back) => pieces = Some(back),
                other => panic!("{opcode:?}: {other:?}"),
            }
        }
        Ok::<_, ContextError>(())
    })
    .unwrap();
    assert_eq!(memory, content[..]);
    assert_eq!(halves.concat(), content);
}
