//! [`RequestError`](linux_aio::RequestError) says what an errno means for its operation. Each errno
//! here comes from a real request.

use crate::support::{direct_file_with, file_with, in_child};
use linux_aio::{Batch, Borrowed, Context, Errno, Request, RwFlags};
use std::{fs::File, os::unix::net::UnixStream};

/// Runs one request that fails, and checks the message.
fn fails(request: Request<Borrowed<'_>, Vec<u8>>, errno: Errno, words: &str) {
    let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
    let mut batch = Batch::<_, _, _, 1>::new();
    batch.push(request).unwrap();
    cx.submit(&mut batch).unwrap();
    let done = cx.wait(1, None).unwrap().next().unwrap();
    assert_eq!(done.result, Err(errno));
    let error = done.outcome().unwrap_err();
    let text = error.to_string();
    let (name, len, offset) = {
        let info = done.info();
        (info.opcode().name(), info.range().len(), info.offset())
    };
    let start = format!("{name} of {len} bytes at {offset}: {errno}: ");
    assert!(text.starts_with(&start), "{text}");
    assert_eq!((error.offset(), error.len_bytes()), (Some(offset), Some(len)));
    assert!(text.contains(words), "{text}");
    // The conversions keep the message.
    assert_eq!(std::io::Error::from(error).to_string(), text);
    assert_eq!(linux_aio::Error::from(error).to_string(), text);
}

#[test]
fn transfer_errors_are_explained() {
    let file = file_with(&[7; 4096]);
    let executable = File::open("/proc/self/exe").unwrap();
    let write_only = File::options().write(true).open("/dev/null").unwrap();
    fails(Request::read(&write_only, vec![0; 1], 0), Errno::EBADF, "not open for reading");
    fails(Request::write(&executable, vec![0; 1], 0), Errno::EBADF, "not open for writing");
    fails(Request::read(&file, vec![0; 1], u64::MAX), Errno::EINVAL, "beyond the largest file");
    let unknown = RwFlags::from_bits_retain(1 << 30);
    fails(Request::read(&file, vec![0; 1], 0).flags(unknown), Errno::EOPNOTSUPP, "a flag that");
    if let Some(direct) = direct_file_with(&[7; 4096]) {
        for (len, offset) in [(512, 1), (1, 512), (513, 0)] {
            let multiples = "the offset and the length must be multiples";
            fails(Request::read(&direct, vec![0; len], offset), Errno::EINVAL, multiples);
        }
    }
    // ext4, xfs and the like have files of at most 2^63 bytes, and the kernel's limit is below that.
    let beyond = (1 << 63) - 4096;
    fails(Request::write(&file, vec![0; 1], beyond), Errno::EFBIG, "the largest file");
}

#[test]
fn pipe_and_socket_errors_are_explained() {
    // In a child: one that another test forks meanwhile would have the other end of the pipe open.
    in_child(|| {
        let (socket, _peer) = UnixStream::pair().unwrap();
        fails(Request::read(&socket, vec![0; 1], 7), Errno::ESPIPE, "no positions");
        socket.set_nonblocking(true).unwrap();
        fails(Request::read(&socket, vec![0; 1], 0), Errno::EAGAIN, "would have blocked");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        fails(Request::write(&writer, vec![0; 1], 0), Errno::EPIPE, "nobody reads");
    });
}
