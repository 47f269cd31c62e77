//! [`Probe`] on files, sockets and pipes, and in a sandbox: what it says is supported, refused or
//! untried.

use crate::support::{SYS_IO_PGETEVENTS, example, file_with, forbid, in_thread};
use linux_aio::{Errno, Opcode, Probe, RwFlags, Support};
use std::{
    fs::File,
    os::unix::net::UnixStream,
    process::{Command, Output},
};

#[test]
fn regular_file_supports_all_operations_unchanged() {
    let file = file_with(b"hello");
    let before = file.metadata().unwrap();
    let probe = Probe::run(&file).unwrap();
    for opcode in Opcode::ALL {
        assert_eq!(probe.operation(opcode), Support::Yes, "{opcode:?}");
    }
    for flag in [RwFlags::HIPRI, RwFlags::DSYNC, RwFlags::SYNC, RwFlags::APPEND] {
        assert_eq!(probe.flag(Opcode::Pwritev, flag), Support::Yes, "{flag:?}");
    }
    assert_eq!(probe.flag(Opcode::Pwrite, RwFlags::DSYNC | RwFlags::SYNC), Support::Yes);
    assert_eq!(probe.flag(Opcode::Pread, RwFlags::ATOMIC), Support::No(Errno::EOPNOTSUPP));
    assert_eq!(probe.flag(Opcode::Fsync, RwFlags::SYNC), Support::No(Errno::EINVAL));
    assert_eq!(probe.flag(Opcode::Pread, RwFlags::from_bits_retain(1 << 25)), Support::Untried);
    assert_eq!((probe.pieces, probe.priority), (Some(1024), Support::Yes));
    assert!(probe.in_use <= probe.limit && probe.limit.is_some());
    let after = file.metadata().unwrap();
    assert_eq!(
        (before.len(), before.modified().unwrap()),
        (after.len(), after.modified().unwrap())
    );
}

#[test]
fn operation_file_is_not_open_for_is_untried() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let reading = Probe::run(&File::open(file.path()).unwrap()).unwrap();
    assert_eq!(reading.operation(Opcode::Pread), Support::Yes);
    assert_eq!(reading.operation(Opcode::Pwrite), Support::Untried);
    assert_eq!(reading.flag(Opcode::Pwrite, RwFlags::DSYNC), Support::Untried);
    let writing = Probe::run(&File::options().write(true).open(file.path()).unwrap()).unwrap();
    assert_eq!(writing.operation(Opcode::Preadv), Support::Untried);
    assert_eq!(writing.operation(Opcode::Pwritev), Support::Yes);
    assert_eq!((writing.pieces, writing.priority), (Some(1024), Support::Yes));
}

#[test]
fn probe_of_silent_socket_returns() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let probe = Probe::run(&socket).unwrap();
    assert_eq!(probe.operation(Opcode::Pread), Support::Untried);
    assert_eq!(probe.operation(Opcode::Poll), Support::Yes);
    assert_eq!(probe.operation(Opcode::Fsync), Support::No(Errno::EINVAL));
    assert_eq!((probe.pieces, probe.priority), (None, Support::Untried));
}

#[test]
fn probe_of_empty_pipe_returns() {
    let (reader, _writer) = std::io::pipe().unwrap();
    let probe = Probe::run(&reader).unwrap();
    assert_eq!(probe.operation(Opcode::Poll), Support::Yes, "the poll was cancelled");
    let probe = in_thread(|| {
        forbid(libc::SYS_io_cancel, &[], libc::EPERM);
        Probe::run(&reader).unwrap()
    });
    assert_eq!(probe.operation(Opcode::Poll), Support::No(Errno::EPERM));
}

#[test]
fn transfers_are_untried_on_directory() {
    let directory = File::open("/").unwrap();
    let probe = Probe::run(&directory).unwrap();
    assert_eq!(probe.operation(Opcode::Pread), Support::Untried);
    assert_eq!(probe.operation(Opcode::Pwritev), Support::Untried);
    assert_eq!(probe.flag(Opcode::Pread, RwFlags::HIPRI), Support::Untried);
    assert_eq!((probe.pieces, probe.priority), (None, Support::Untried));
    assert_eq!(probe.operation(Opcode::Fsync), Support::Yes);
}

#[test]
fn forbidden_calls_are_unsupported() {
    let file = file_with(b"hello");
    let probe = in_thread(|| {
        forbid(SYS_IO_PGETEVENTS, &[], libc::EPERM);
        forbid(libc::SYS_madvise, &[(2, 18)], libc::EINVAL);
        Probe::run(&file).unwrap()
    });
    assert_eq!(probe.pgetevents, Support::No(Errno::EPERM));
    assert_eq!(probe.wipe_on_fork, Support::No(Errno::EINVAL));
    let error = in_thread(|| {
        forbid(libc::SYS_io_setup, &[], libc::ENOSYS);
        Probe::run(&file).unwrap_err()
    });
    assert_eq!(error.errno, Errno::ENOSYS);
}

/// Runs the example `probe` with these arguments. Returns its exit code and both outputs.
fn probe_example(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(example("probe")).args(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn example_refuses_invalid_arguments() {
    for (arguments, word) in [
        (&["--bogus"][..], "--bogus"),
        (&["-x"], "-x"),
        (&["/dev/null", "/dev/zero"], "one argument too many: \"/dev/zero\""),
    ] {
        let (code, stdout, stderr) = probe_example(arguments);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("probe: ") && stderr.contains("\nusage: "), "{stderr}");
        assert!(stderr.contains(word), "{arguments:?}: no {word:?} in: {stderr}");
    }
}

#[test]
fn example_accepts_file_after_end_of_options() {
    let (code, _, stderr) = probe_example(&["--", "--missing"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("\"--missing\": No such file"), "{stderr}");
    let (code, stdout, stderr) = probe_example(&["-h"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.starts_with("usage: probe"), "{stdout}");
}
