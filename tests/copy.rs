//! The example `copy`: copies are identical to the source. A failed copy prints one line that says
//! what happened, and leaves no file behind.
//!
//! Here: how the program is run, and copies that succeed. `refusals`: copies that it does not begin.
//! `faults`: copies that fail halfway.

mod faults;
mod refusals;

use crate::support::{Mount, example, pattern, skip};
use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
};
use tempfile::TempDir;

/// Lengths around the multiples of sectors, pages and blocks.
const LENGTHS: [usize; 10] =
    [0, 1, 511, 4095, 4096, 4097, (256 << 10) - 1, 256 << 10, (256 << 10) + 1, (3 << 20) + 77];

/// Options to copy with.
const WAYS: [&[&str]; 9] = [
    &[],
    &["--buffered"],
    &["--depth", "1"],
    &["--depth", "1", "--buffered"],
    &["--depth", "2"],
    &["--depth", "64", "--block", "4096"],
    &["--depth=1024", "--block=16KiB"],
    &["--depth", "1024", "--buffered"],
    &["--depth", "4096", "--block", "1M"],
];

/// The command that copies a file.
fn copy(source: &Path, destination: &Path) -> Command {
    let mut copy = Command::new(program());
    copy.args([source, destination]);
    copy
}

/// The path of the example.
fn program() -> PathBuf {
    example("copy")
}

/// Runs the program, which must succeed. Returns its standard output.
fn succeed(copy: &mut Command) -> String {
    let Output { status, stdout, stderr } = copy.output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert!(status.success(), "{copy:?}: {status}: {stderr}");
    assert!(
        stderr.lines().all(|line| line.starts_with("copy: note: ")),
        "{copy:?} prints nothing but notes: {stderr}"
    );
    String::from_utf8(stdout).unwrap()
}

/// Runs the program, which must fail, print one line with all these words, and leave the directory
/// unchanged. Returns the line.
fn fail(copy: &mut Command, directory: &Path, words: &[&str]) -> String {
    let before = listing(directory);
    let Output { status, stdout, stderr } = copy.output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{copy:?}: {status}: {stderr}");
    assert_eq!(String::from_utf8(stdout).unwrap(), "", "{copy:?}: stdout");
    assert_eq!(stderr.lines().count(), 1, "{copy:?} prints one line: {stderr}");
    assert!(stderr.starts_with("copy: "), "{copy:?}: {stderr}");
    for word in words {
        assert!(stderr.contains(word), "{copy:?}: no {word:?} in: {stderr}");
    }
    assert_eq!(listing(directory), before, "{copy:?} leaves the directory unchanged");
    stderr
}

/// The files in a directory: path, inode number and length.
fn listing(directory: &Path) -> Vec<(PathBuf, u64, u64)> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    let mut listing = entries
        .map(|entry| (entry.path(), entry.metadata().unwrap()))
        .map(|(path, meta)| (path, meta.ino(), meta.len()))
        .collect::<Vec<_>>();
    listing.sort();
    listing
}

/// Copies files of all lengths, with all options, from one directory to the other.
fn copy_all(from: &Path, to: &Path) {
    let one = |length: usize| {
        let source = from.join(format!("source-{length}"));
        let content = pattern(length);
        fs::write(&source, &content).unwrap();
        for (number, way) in WAYS.iter().enumerate() {
            let destination = to.join(format!("copy-{length}-{number}"));
            let said = succeed(copy(&source, &destination).args(*way));
            assert!(said.starts_with(&format!("{length} bytes in ")), "{said}");
            assert!(
                fs::read(&destination).unwrap() == content,
                "{length} bytes, {way:?}: the copy differs"
            );
        }
    };
    // In parallel: nearly all of the time is spent waiting in io_destroy.
    thread::scope(|scope| {
        for length in LENGTHS {
            scope.spawn(move || one(length));
        }
    });
    let left = listing(to).len() - if from == to { LENGTHS.len() } else { 0 };
    assert_eq!(left, LENGTHS.len() * WAYS.len(), "there are no other files");
}

/// A directory on tmpfs.
fn in_memory() -> Option<TempDir> {
    TempDir::new_in("/dev/shm")
        .inspect_err(|error| skip(format!("no directory in /dev/shm: {error}")))
        .ok()
}

#[test]
fn copies_all_lengths_on_disk() {
    let dir = TempDir::new().unwrap();
    copy_all(dir.path(), dir.path());
}

#[test]
fn copies_all_lengths_from_disk_to_tmpfs() {
    let Some(memory) = in_memory() else { return };
    let disk = TempDir::new().unwrap();
    copy_all(disk.path(), memory.path());
}

#[test]
fn copies_all_lengths_from_tmpfs_to_disk() {
    let Some(memory) = in_memory() else { return };
    let disk = TempDir::new().unwrap();
    copy_all(memory.path(), disk.path());
}

#[test]
fn holes_are_preserved() {
    const LEN: u64 = (8 << 20) + 4097;
    for dir in [TempDir::new().ok(), in_memory()].into_iter().flatten() {
        let [source, destination] = ["source", "copy"].map(|name| dir.path().join(name));
        let file = File::create_new(&source).unwrap();
        file.set_len(LEN).unwrap();
        // Data within a block, data across two blocks, and a hole at the end.
        for (offset, len) in [(4096, 10), ((1 << 20) - 5000, 9000), (5 << 20, 300_000)] {
            file.write_all_at(&pattern(len), offset).unwrap();
        }
        file.sync_all().unwrap();
        for way in WAYS {
            succeed(copy(&source, &destination).args(way));
            let [theirs, ours] = [&source, &destination].map(|path| fs::metadata(path).unwrap());
            assert_eq!(ours.len(), LEN, "{way:?}");
            // The file system may use some blocks for metadata.
            assert!(ours.blocks() <= theirs.blocks() + 64, "{way:?}: {ours:?}, {theirs:?}");
            assert!(fs::read(&source).unwrap() == fs::read(&destination).unwrap(), "{way:?}");
        }
    }
}

#[test]
fn file_that_is_one_hole_is_copied_without_data() {
    let dir = TempDir::new().unwrap();
    let [source, destination] = ["source", "copy"].map(|name| dir.path().join(name));
    File::create_new(&source).unwrap().set_len((1 << 30) + 1).unwrap();
    let said = succeed(&mut copy(&source, &destination));
    assert!(said.contains("(0 of them data, the rest holes)"), "{said}");
    let meta = fs::metadata(&destination).unwrap();
    assert_eq!((meta.len(), meta.blocks()), ((1 << 30) + 1, 0));
}

#[test]
fn mode_bits_are_preserved() {
    let dir = TempDir::new().unwrap();
    let [source, destination] = ["source", "copy"].map(|name| dir.path().join(name));
    fs::write(&source, "#!/bin/true").unwrap();
    for mode in [0o400, 0o644, 0o755, 0o1777, 0o4755, 0o6711] {
        fs::set_permissions(&source, fs::Permissions::from_mode(mode)).unwrap();
        succeed(&mut copy(&source, &destination));
        assert_eq!(fs::metadata(&destination).unwrap().mode() & 0o7777, mode);
        fs::remove_file(&destination).unwrap();
    }
}

#[test]
fn existing_destination_is_replaced() {
    let dir = TempDir::new().unwrap();
    let [source, destination] = ["source", "copy"].map(|name| dir.path().join(name));
    fs::write(&source, pattern(5000)).unwrap();
    fs::write(&destination, pattern(100_000)).unwrap();
    let before = File::open(&destination).unwrap();
    succeed(&mut copy(&source, &destination));
    assert_eq!(fs::read(&destination).unwrap(), pattern(5000));
    assert_eq!(before.metadata().unwrap().len(), 100_000, "the old file is unchanged while open");
    assert_eq!(listing(dir.path()).len(), 2);
}

#[test]
fn symbolic_link_is_followed() {
    let dir = TempDir::new().unwrap();
    let elsewhere = TempDir::new().unwrap();
    let [source, link] = ["source", "link"].map(|name| dir.path().join(name));
    let real = elsewhere.path().join("real");
    fs::write(&source, pattern(5000)).unwrap();
    fs::write(&real, "").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    succeed(&mut copy(&source, &link));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&real).unwrap(), pattern(5000));
    assert_eq!((listing(dir.path()).len(), listing(elsewhere.path()).len()), (2, 1));
}

#[test]
fn file_names_need_not_be_utf8() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let dir = TempDir::new().unwrap();
    let [source, destination] =
        [&b"a\xff\nb"[..], b"-c d"].map(|name| dir.path().join(OsStr::from_bytes(name)));
    fs::write(&source, "text").unwrap();
    succeed(copy(Path::new("./"), Path::new("")).current_dir(dir.path()).args(["--help"]));
    let mut relative = Command::new(program());
    relative.current_dir(dir.path()).arg("--");
    succeed(relative.args([source.file_name().unwrap(), destination.file_name().unwrap()]));
    assert_eq!(fs::read(&destination).unwrap(), b"text");
}

#[test]
fn output_says_direct_or_buffered() {
    let dir = TempDir::new().unwrap();
    let [source, destination] = ["source", "copy"].map(|name| dir.path().join(name));
    fs::write(&source, pattern(5000)).unwrap();
    let said = succeed(copy(&source, &destination).arg("--buffered"));
    assert!(said.contains(" requests per system call, buffers in "), "{said}");
    assert!(said.ends_with(" pages, buffered\n"), "{said}");

    let direct = rustix::fs::OFlags::DIRECT.bits().cast_signed();
    let probe = OpenOptions::new().read(true).custom_flags(direct).open(&source);
    let said = succeed(&mut copy(&source, &destination));
    match probe {
        Ok(_) => assert!(said.ends_with(" pages, direct\n"), "{said}"),
        Err(error) => skip(format!("no direct I/O in the temp directory: {error}")),
    }
}

/// ramfs has no direct I/O: the program uses buffered I/O on that side, and notes it.
#[test]
fn file_system_without_direct_io_is_copied_buffered() {
    let Some(ramfs) = Mount::new(&["-t", "ramfs", "none"]) else { return };
    let dir = TempDir::new().unwrap();
    let [source, copied_back] = ["source", "copy"].map(|name| dir.path().join(name));
    let between = ramfs.path().join("between");
    fs::write(&source, pattern(1_000_001)).unwrap();
    for (from, to) in [(&source, &between), (&between, &copied_back)] {
        let output = copy(from, to).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let note = format!("copy: note: no direct I/O for {between:?}: buffered instead\n");
        assert!(String::from_utf8(output.stderr).unwrap().contains(&note));
        assert!(fs::read(to).unwrap() == pattern(1_000_001));
    }
}

#[test]
fn demonstration_compares_and_leaves_nothing_behind() {
    let dir = TempDir::new().unwrap();
    let said = succeed(Command::new(program()).args(["--size", "2M"]).env("TMPDIR", dir.path()));
    for words in
        ["of 2 MiB", "The copy is identical", "std::fs::copy, then sync_all", "runs by turns"]
    {
        assert!(said.contains(words), "{words:?} is not in: {said}");
    }
    assert!(!said.contains("in memory"), "{said}");
    assert_eq!(listing(dir.path()), []);
}

#[test]
fn demonstration_on_tmpfs_says_so_and_needs_space() {
    let Some(tmpfs) = Mount::new(&["-t", "tmpfs", "-o", "size=8M", "none"]) else { return };
    let demo = |size| {
        let mut demo = Command::new(program());
        demo.args(["--size", size]).env("TMPDIR", tmpfs.path());
        demo
    };
    let said = succeed(&mut demo("2M"));
    assert!(said.contains("in memory (tmpfs), so no disk was measured"), "{said}");
    let words = ["has 8 MiB free", "needs 10", "set TMPDIR"];
    fail(&mut demo("5M"), tmpfs.path(), &words);
    fail(demo("2M").env("TMPDIR", ""), tmpfs.path(), &["is TMPDIR: set it to a directory"]);
}
