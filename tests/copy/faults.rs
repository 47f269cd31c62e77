//! Copies that fail halfway: a full or failing disk, a source that changes, a signal. And copies that
//! succeed although `strace` makes system calls fail or take long.

use super::{copy, fail, listing, succeed};
use crate::support::{LoopDevice, Mount, pattern, skip};
use rustix::{
    fs::FallocateFlags,
    process::{Resource, Rlimit},
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::{
        fs::{FileExt as _, MetadataExt as _},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};
use tempfile::TempDir;

/// A directory, a large source in it, which takes a while to copy a page at a time, and a destination.
fn slow_copy() -> (TempDir, PathBuf, PathBuf) {
    let dir = TempDir::new().unwrap();
    let [source, destination] = ["source", "copy"].map(|name| dir.path().join(name));
    fs::write(&source, pattern(64 << 20)).unwrap();
    fs::write(&destination, "precious").unwrap();
    (dir, source, destination)
}

/// Starts a slow copy, calls `disturb` with the source and the process id while it runs, and checks
/// that the copy prints these words, removes its temporary file and leaves the destination unchanged.
fn fails_when(disturb: impl FnOnce(&Path, u32), words: &[&str]) {
    let (dir, source, destination) = slow_copy();
    let mut copy = copy(&source, &destination);
    copy.args(["--depth", "1", "--block", "4096", "--buffered"]);
    let child = copy.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while listing(dir.path()).len() < 3 {
        assert!(began.elapsed() < Duration::from_secs(10), "no temporary file");
        thread::sleep(Duration::from_micros(100));
    }
    disturb(&source, child.id());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{}: {stderr}", output.status);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "no {word:?} in: {stderr}");
    }
    assert_eq!(listing(dir.path()).len(), 2, "the temporary file is gone");
    assert_eq!(fs::read(&destination).unwrap(), b"precious");
}

#[test]
fn source_that_grows_is_an_error() {
    let grow = |source: &Path, _| {
        OpenOptions::new().append(true).open(source).unwrap().write_all(b"more").unwrap();
    };
    fails_when(grow, &["changed while it was copied", "from 67108864 bytes to 67108868"]);
}

#[test]
fn source_that_shrinks_is_an_error() {
    let shrink = |source: &Path, _| {
        OpenOptions::new().write(true).open(source).unwrap().set_len(4097).unwrap();
    };
    fails_when(shrink, &["changed while it was copied", "from 67108864 bytes to 4097"]);
}

#[test]
fn source_that_is_modified_is_an_error() {
    let touch = |source: &Path, _| {
        File::open(source).unwrap().set_modified(SystemTime::now()).unwrap();
    };
    fails_when(touch, &["changed while it was copied", "last modification"]);
}

#[test]
fn signal_ends_copy_and_removes_temporary_file() {
    for signal in ["INT", "TERM", "HUP"] {
        let kill = |_: &Path, process: u32| {
            let args = ["-s", signal, &process.to_string()];
            assert!(Command::new("kill").args(args).status().unwrap().success());
        };
        fails_when(kill, &["copy: interrupted"]);
    }
}

#[test]
fn full_destination_is_an_error() {
    let Some(small) = Mount::new(&["-t", "tmpfs", "-o", "size=1m", "none"]) else { return };
    let dir = TempDir::new().unwrap();
    let source = dir.path().join("source");
    fs::write(&source, pattern(3 << 20)).unwrap();
    let destination = small.path().join("copy");
    fs::write(&destination, "precious").unwrap();
    for way in [&["--depth", "1"][..], &["--depth", "64"], &["--buffered"]] {
        let words = ["No space left", "free some space", "at byte", "copy\""];
        fail(copy(&source, &destination).args(way), small.path(), &words);
        assert_eq!(fs::read(&destination).unwrap(), b"precious");
    }
    // There is room for a small file.
    fs::write(&source, pattern(300_000)).unwrap();
    succeed(&mut copy(&source, &destination));
    assert_eq!(fs::read(&destination).unwrap(), pattern(300_000));
}

#[test]
fn file_size_limit_is_an_error() {
    let dir = TempDir::new().unwrap();
    let [source, destination] = ["source", "copy"].map(|name| dir.path().join(name));
    fs::write(&source, pattern(3 << 20)).unwrap();
    let copy = copy(&source, &destination);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 1024 && exec \"$@\"", "sh"]);
    limited.arg(copy.get_program()).args(copy.get_args());
    fail(&mut limited, dir.path(), &["File too large", "ulimit -f", "copy\""]);
}

/// The limit allows the file, but not a whole last page: the direct write of its end fails, and the
/// program writes it through the page cache instead.
#[test]
fn file_size_limit_within_last_page_suffices() {
    const LEN: u64 = 10_001;
    let dir = TempDir::new().unwrap();
    let [source, destination] = ["source", "copy"].map(|name| dir.path().join(name));
    fs::write(&source, pattern(10_001)).unwrap();
    let mut limited = copy(&source, &destination);
    let limit = || {
        let limit = Rlimit { current: Some(LEN), maximum: Some(LEN) };
        rustix::process::setrlimit(Resource::Fsize, limit).map_err(io::Error::from)
    };
    // SAFETY: the closure makes one system call.
    unsafe { limited.pre_exec(limit) };
    succeed(&mut limited);
    assert_eq!(fs::read(&destination).unwrap(), pattern(10_001));
}

/// A file system without extents cannot allocate in advance, so it is full halfway.
#[test]
fn destination_that_fills_up_is_an_error() {
    let dir = TempDir::new().unwrap();
    let [image, source] = ["image", "source"].map(|name| dir.path().join(name));
    let features = "^has_journal,^extent,^64bit,^metadata_csum";
    if !make_file_system(&image, 4 << 20, &["-b", "1024", "-O", features]) {
        return;
    }
    let Some(small) = Mount::new(&["-o", "loop", image.to_str().unwrap()]) else { return };
    fs::write(&source, pattern(5 << 20)).unwrap();
    for way in [&["--depth", "1"][..], &["--block", "1M"], &["--depth", "1024"], &["--buffered"]] {
        let words = ["cannot write", "No space left", "at byte"];
        fail(copy(&source, &small.path().join("copy")).args(way), small.path(), &words);
    }
}

/// Makes an ext4 file system in a file. Where that is not possible, it prints why and returns `false`.
fn make_file_system(image: &Path, len: u64, args: &[&str]) -> bool {
    File::create_new(image).unwrap().set_len(len).unwrap();
    let made = Command::new("mkfs.ext4").arg("-q").args(args).arg(image).output();
    let made = made.is_ok_and(|output| output.status.success());
    if !made {
        skip("no mkfs.ext4 that makes what is needed");
    }
    made
}

/// The file behind the loop device is truncated, so blocks of the source cannot be read.
#[test]
fn bad_block_of_source_is_an_error() {
    let dir = TempDir::new().unwrap();
    let [image, destination] = ["image", "copy"].map(|name| dir.path().join(name));
    if !make_file_system(&image, 16 << 20, &["-O", "^has_journal"]) {
        return;
    }
    let image_name = image.to_str().unwrap();
    let Some(whole) = Mount::new(&["-o", "loop", image_name]) else { return };
    // Allocated in one extent, which is in the inode, so that opening reads no bad block.
    let mut source = File::create_new(whole.path().join("source")).unwrap();
    rustix::fs::fallocate(&source, FallocateFlags::empty(), 0, 12 << 20).unwrap();
    source.write_all(&pattern(12 << 20)).unwrap();
    drop((source, whole));
    for way in [&["--depth", "1"][..], &["--depth", "64"], &["--buffered"]] {
        let behind = OpenOptions::new().read(true).write(true).open(&image).unwrap();
        behind.set_len(16 << 20).unwrap();
        let Some(device) = LoopDevice::of(behind) else { return };
        let Some(cut) = Mount::new(&["-o", "ro", device.path.to_str().unwrap()]) else { return };
        device.cut_off(6 << 20);
        let source = cut.path().join("source");
        let words = ["cannot read", "at byte", "Input/output error", "the device failed"];
        fail(copy(&source, &destination).args(way), dir.path(), &words);
    }
}

/// Copies with each of these options while `strace` injects faults into the program's system calls.
fn copies_with_faults(injection: &str, ways: &[&[&str]]) {
    if Command::new("strace").arg("-V").output().is_err() {
        return skip("strace is not installed");
    }
    let dir = TempDir::new().unwrap();
    let [source, destination, log] = ["source", "copy", "log"].map(|name| dir.path().join(name));
    fs::write(&source, pattern((2 << 20) + 77)).unwrap();
    for way in ways {
        let copy = copy(&source, &destination);
        let mut traced = Command::new("strace");
        traced.args(["-qq", "-e", "trace=io_submit,io_getevents", "-e", injection, "-o"]).arg(&log);
        succeed(traced.arg(copy.get_program()).args(copy.get_args()).args(*way));
        let calls = fs::read_to_string(&log).unwrap();
        let affected = |line: &&str| injection.contains(line.split('(').next().unwrap());
        if calls.lines().filter(affected).count() < 3 {
            skip(format!("{injection} {way:?}: the requests completed before the program waited"));
        } else {
            let injected = calls.contains("(INJECTED)") || calls.contains("(DELAYED)");
            assert!(injected, "{injection}: {calls}");
        }
        assert!(fs::read(&destination).unwrap() == pattern((2 << 20) + 77), "{injection} {way:?}");
    }
}

const SMALL_BLOCKS: [&[&str]; 3] = [
    &["--depth", "1", "--block", "65536"],
    &["--depth", "8", "--block", "16384"],
    &["--depth", "8", "--block", "16384", "--buffered"],
];

#[test]
fn copy_succeeds_despite_eagain() {
    copies_with_faults("inject=io_submit:error=EAGAIN:when=2+3", &SMALL_BLOCKS);
}

#[test]
fn copy_succeeds_despite_slow_calls() {
    copies_with_faults(
        "inject=io_submit,io_getevents:delay_enter=1000:delay_exit=1000",
        &SMALL_BLOCKS,
    );
}

/// One direct read at a time and no polling, so that the program sleeps.
#[test]
fn copy_succeeds_despite_eintr() {
    let way: &[&str] = &["--depth", "1", "--block", "65536", "--poll", "0"];
    copies_with_faults("inject=io_getevents:error=EINTR:when=1+2", &[way]);
}

/// A file system reports that a file has no data, and it has. Such reports have been seen; they cost all
/// of the data if they are believed.
#[test]
fn data_that_lseek_does_not_report_is_copied() {
    if Command::new("strace").arg("-V").output().is_err() {
        return skip("strace is not installed");
    }
    const PART: usize = 1 << 20;
    let dir = TempDir::new().unwrap();
    let [full, sparse, destination] = ["full", "sparse", "copy"].map(|name| dir.path().join(name));
    fs::write(&full, pattern(2 * PART + 77)).unwrap();
    let file = File::create_new(&sparse).unwrap();
    file.write_all_at(&pattern(PART), 0).unwrap();
    file.write_all_at(&pattern(PART), 3 * PART as u64).unwrap();
    file.set_len(5 * PART as u64).unwrap();
    file.sync_all().unwrap();
    for source in [&full, &sparse] {
        // No data at all, and none after the first part.
        for faults in ["error=ENXIO", "error=ENXIO:when=3+"] {
            for way in [&[][..], &["--buffered"]] {
                let copy = copy(source, &destination);
                let mut traced = Command::new("strace");
                let injection = format!("inject=lseek:{faults}");
                traced.args(["-qq", "-o", "/dev/null", "-e", "trace=lseek", "-e", &injection]);
                succeed(traced.arg(copy.get_program()).args(copy.get_args()).args(way));
                let copied = fs::read(&destination).unwrap();
                assert!(copied == fs::read(source).unwrap(), "{source:?} {faults} {way:?}");
                let [from, to] = [source, &destination].map(|path| fs::metadata(path).unwrap());
                assert!(
                    to.blocks() <= from.blocks() + 8,
                    "holes stay holes: {} blocks",
                    to.blocks()
                );
            }
        }
    }
}
