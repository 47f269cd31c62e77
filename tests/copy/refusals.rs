//! Copies that the program does not begin: invalid arguments, files that it does not copy or replace,
//! missing permissions, no AIO.

use super::{copy, fail, program};
use crate::support::{forbid, in_thread, pattern, skip};
use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt as _, symlink},
        net::UnixListener,
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// A directory, a source in it, and the path of a destination that does not exist.
fn small_copy() -> (TempDir, PathBuf, PathBuf) {
    let dir = TempDir::new().unwrap();
    let [source, destination] = ["source", "copy"].map(|name| dir.path().join(name));
    fs::write(&source, pattern(10_000)).unwrap();
    (dir, source, destination)
}

fn make_pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success(), "mkfifo: {made}");
}

#[test]
fn invalid_arguments_print_usage() {
    let cases: [(&[&str], &str); 17] = [
        (&["a"], "DST is missing"),
        (&["a", "b", "c"], "one argument too many: \"c\""),
        (&["--depth"], "--depth"),
        (&["--depth", "0"], "1 to 65536"),
        (&["--depth", "65537"], "1 to 65536"),
        (&["--depth", "many"], "1 to 65536"),
        (&["--block", "1000"], "multiple of 4096"),
        (&["--block", "0"], "multiple of 4096"),
        (&["--block", "99999999999999999999G"], "not a size"),
        (&["--block", "2G"], "more than 1 GiB"),
        (&["--block", "4 parsecs"], "not a size"),
        (&["--poll", "1s"], "number of microseconds"),
        (&["--poll", "1000001"], "number of microseconds"),
        (&["--size", "1000"], "multiple of 1 MiB"),
        (&["--size", "much"], "not a size"),
        (&["--size", "1M", "a", "b"], "neither SRC nor DST"),
        (&["--fast"], "--fast"),
    ];
    for (args, word) in cases {
        let output = Command::new(program()).args(args).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.starts_with("copy: ") && stderr.contains("\nusage: "), "{args:?}: {stderr}");
        assert!(stderr.contains(word), "{args:?}: no {word:?} in: {stderr}");
    }
    let output = Command::new(program()).args(["--depth=4096", "--block=1G"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "4 TiB of buffers: {stderr}");
    assert!(stderr.contains("4194304 MiB of buffers"), "{stderr}");
}

#[test]
fn invalid_source_is_refused() {
    let (dir, _, destination) = small_copy();
    let at = |name: &str| dir.path().join(name);
    make_pipe(&at("pipe"));
    let _listener = UnixListener::bind(at("socket")).unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    let cases = [
        (at("missing"), "No such file"),
        (at("dangling"), "No such file"),
        (at("source/below"), "Not a directory"),
        (at(""), "is a directory"),
        (at("pipe"), "is a pipe"),
        (at("socket"), "is a socket"),
        (PathBuf::from("/dev/zero"), "is a device"),
        (PathBuf::new(), "No such file"),
        (PathBuf::from("/proc/self/status"), "length is given as 0"),
    ];
    for (source, word) in cases {
        fail(&mut copy(&source, &destination), dir.path(), &[word, &format!("{source:?}")]);
    }
}

#[test]
fn pseudo_file_with_length_is_refused() {
    let (dir, _, destination) = small_copy();
    let source = Path::new("/sys/kernel/mm/transparent_hugepage/enabled");
    if !source.exists() {
        return skip(format!("no {source:?}"));
    }
    fail(&mut copy(source, &destination), dir.path(), &["ends at byte", "no ordinary file"]);
}

#[test]
fn copy_onto_itself_is_refused() {
    let (dir, source, _) = small_copy();
    let [hard, soft] = ["hard", "soft"].map(|name| dir.path().join(name));
    fs::hard_link(&source, &hard).unwrap();
    symlink("source", &soft).unwrap();
    for destination in [&source, &hard, &soft] {
        fail(&mut copy(&source, destination), dir.path(), &["are the same file"]);
    }
    fail(&mut copy(&soft, &source), dir.path(), &["are the same file"]);
}

#[test]
fn invalid_destination_is_refused() {
    let (dir, source, _) = small_copy();
    let at = |name: &str| dir.path().join(name);
    make_pipe(&at("pipe"));
    fs::create_dir(at("subdirectory")).unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    symlink("/dev/null", at("null")).unwrap();
    symlink("loop", at("loop")).unwrap();
    let cases = [
        (at("subdirectory"), "is a directory"),
        (at("subdirectory/"), "is a directory"),
        (at("subdirectory/.."), "is a directory"),
        (at("pipe"), "is a pipe"),
        (at("null"), "is a device"),
        (at("dangling"), "symbolic link to a file that does not exist"),
        (at("loop"), "symbolic links"),
        (at("missing/copy"), "does not exist: create the directory"),
        (at("new/"), "names a directory"),
        (at("source/copy"), "Not a directory"),
        (at(&"long".repeat(100)), "File name too long"),
        (PathBuf::from("/dev/null"), "is a device"),
        (PathBuf::from("/"), "is a directory"),
        (PathBuf::new(), "not the name of a file"),
    ];
    for (destination, word) in cases {
        fail(&mut copy(&source, &destination), dir.path(), &[word]);
    }
}

#[test]
fn missing_permission_is_refused() {
    let (dir, source, destination) = small_copy();
    fs::write(&destination, "precious").unwrap();
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    // Permissions do not apply to root, so the program runs as nobody.
    let nobody = |copy: Command| {
        let mut copy = copy;
        if rustix::process::geteuid().is_root() {
            copy.uid(65534).gid(65534);
        }
        copy
    };
    if let Err(error) = nobody(Command::new(program())).arg("--help").output() {
        return skip(format!("nobody cannot run the example: {error}"));
    }
    let new = dir.path().join("new");

    set(dir.path(), 0o777);
    set(&destination, 0o444);
    fail(&mut nobody(copy(&source, &destination)), dir.path(), &["cannot replace", "denied"]);
    assert_eq!(fs::read(&destination).unwrap(), b"precious");

    set(&source, 0);
    fail(&mut nobody(copy(&source, &new)), dir.path(), &["cannot open", "denied"]);

    set(&source, 0o444);
    set(dir.path(), 0o555);
    fail(&mut nobody(copy(&source, &new)), dir.path(), &["cannot create a file in", "denied"]);
    set(dir.path(), 0o777);
}

#[test]
fn forbidden_aio_is_an_error() {
    let (dir, source, destination) = small_copy();
    in_thread(|| {
        forbid(libc::SYS_io_setup, &[], libc::ENOSYS);
        fail(&mut copy(&source, &destination), dir.path(), &["io_setup", "ENOSYS", "allow"]);
    });
    in_thread(|| {
        forbid(libc::SYS_io_submit, &[], libc::EPERM);
        fail(&mut copy(&source, &destination), dir.path(), &["io_submit", "EPERM", "allow"]);
    });
}

#[test]
fn permanent_eagain_is_an_error() {
    let (dir, source, destination) = small_copy();
    in_thread(|| {
        forbid(libc::SYS_io_submit, &[], libc::EAGAIN);
        fail(&mut copy(&source, &destination), dir.path(), &["io_submit", "EAGAIN"]);
    });
}
