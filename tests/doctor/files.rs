//! Files, directories and devices that can be read: whether the verdict is right, and that nothing is
//! changed.

use super::{Ext4, Report, check, diagnosis::*, doctor, open, report};
use crate::support::{Mount, example, pattern, skip};
use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// What a change of the directory or of its files would change.
fn state(directory: &Path) -> Vec<(PathBuf, Vec<i64>)> {
    let mut state = vec![];
    for path in [directory.to_owned()]
        .into_iter()
        .chain(fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()))
    {
        let meta = fs::metadata(&path).unwrap();
        let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
        let sizes = [meta.size(), meta.blocks(), meta.ino()].map(u64::cast_signed);
        // Listing a directory changes its time of access.
        let read = if meta.is_file() { [meta.atime(), meta.atime_nsec()] } else { [0; 2] };
        state.push((path, [&times[..], &sizes, &read].concat()));
    }
    state.sort();
    state
}

#[test]
fn direct_file_on_ext4_is_asynchronous_and_unchanged() {
    let Some(ext4) = Ext4::new() else { return };
    let path = ext4.file();
    let before = state(ext4.path());
    let report = report(&mut doctor(&path));
    check(&report, Verdict::Asynchronous, &[]);
    for way in [Way::DirectRead, Way::DirectOverwrite] {
        assert_eq!(report.judgement(way), Some(&Judgement::Asynchronous), "{way}");
    }
    for way in [Way::BufferedRead, Way::BufferedOverwrite, Way::DirectExtend] {
        let judgement = report.judgement(way).unwrap();
        assert!(matches!(judgement, Judgement::Inside | Judgement::Waits), "{way}: {judgement}");
    }
    // ext4 waits for writes that extend a file, until they have completed.
    let extend = report.findings.trial(Way::DirectExtend).map(|trial| &trial.outcome);
    let Some(Outcome::Measured(extend)) = extend else { panic!("{report}") };
    assert!(extend.waited > 0, "{report}");
    // One request at a time, and more at once than the queue of the device takes.
    let at_once = |way| report.findings.trial(way).map(|trial| trial.at_once);
    assert_eq!(at_once(Way::DirectRead), Some(1));
    assert!(at_once(Way::DirectReadBurst) > Some(1), "{report}");
    let subject = report.findings.subject.unwrap();
    assert_eq!(subject.filesystem.unwrap().kind, "ext4");
    assert!(subject.device.unwrap().name.starts_with("loop"));
    assert!([512, 4096].contains(&subject.alignment.unwrap().offset_bytes));
    assert_eq!((subject.size_bytes, subject.first_hole, subject.grown_bytes), (4 << 20, None, 0));
    assert_eq!(state(ext4.path()), before, "nothing was changed, and no file is left");
    assert!(fs::read(&path).unwrap() == pattern(4 << 20));
}

#[test]
fn directory_and_device_with_ext4_are_asynchronous() {
    let Some(ext4) = Ext4::new() else { return };
    let directory = report(&mut doctor(ext4.path()));
    check(&directory, Verdict::Asynchronous, &[]);
    assert_eq!(directory.judgement(Way::DirectOverwrite), Some(&Judgement::Asynchronous));
    let name = directory.findings.subject.unwrap().device.unwrap().name;
    let device = report(&mut doctor(&Path::new("/dev").join(name)));
    check(&device, Verdict::Asynchronous, &[]);
    assert_eq!(device.judgement(Way::DirectOverwrite), Some(&Judgement::Untried));
    assert_eq!(device.findings.subject.unwrap().size_bytes, 64 << 20);
}

#[test]
fn buffered_file_is_not_asynchronous() {
    let Some(ext4) = Ext4::new() else { return };
    let report = report(doctor(&ext4.file()).arg("--buffered"));
    check(&report, Verdict::NotAsynchronous, &[Cause::Buffered]);
    let first = &report.diagnosis.advice[0];
    assert!(first.text.contains("O_DIRECT"), "{first:?}");
}

/// The flags with which the file is open decide, not those that it could be opened with.
#[test]
fn descriptor_is_judged_by_its_flags() {
    let Some(ext4) = Ext4::new() else { return };
    let path = ext4.file();
    for (flags, verdict, causes) in [
        (libc::O_DIRECT, Verdict::Asynchronous, &[][..]),
        (0, Verdict::NotAsynchronous, &[Cause::Buffered]),
        (libc::O_DIRECT | libc::O_APPEND, Verdict::Partly, &[Cause::Extending]),
    ] {
        // Some machines have no /dev/stdin.
        let names = ["/proc/self/fd/0", "/dev/stdin"].map(Path::new);
        for name in names.into_iter().filter(|name| name.is_symlink()) {
            let report = report(doctor(name).stdin(open(&path, flags)));
            check(&report, verdict, causes);
        }
    }
    // From another process, as of a program that runs.
    let mut sleeper = Command::new("sleep").arg("60").stdin(open(&path, 0)).spawn().unwrap();
    let theirs = format!("/proc/{}/fd/0", sleeper.id());
    let report = report(&mut doctor(Path::new(&theirs)));
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    check(&report, Verdict::NotAsynchronous, &[Cause::Buffered]);
}

#[test]
fn file_that_grows_is_partly_asynchronous() {
    let Some(ext4) = Ext4::new() else { return };
    let path = ext4.file();
    let file = open(&path, 0);
    let ended = AtomicBool::new(false);
    let report = thread::scope(|scope| {
        scope.spawn(|| {
            for block in 0.. {
                file.set_len((4 << 20) + block * 4096).unwrap();
                thread::sleep(Duration::from_millis(1));
                if ended.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let output = doctor(&path).output();
        ended.store(true, Ordering::Relaxed);
        serde_json::from_slice::<Report>(&output.unwrap().stdout).unwrap()
    });
    assert_eq!(report.diagnosis.verdict, Verdict::Partly, "{report}");
    assert!(report.has(Cause::Extending), "{report}");
    assert!(report.findings.subject.unwrap().grown_bytes >= 4096);
}

#[test]
fn file_in_memory_is_not_asynchronous() {
    let Some(memory) = Mount::new(&["-t", "tmpfs", "none"]) else { return };
    let path = memory.path().join("file");
    fs::write(&path, pattern(1 << 20)).unwrap();
    for path in [&*path, memory.path()] {
        check(&report(&mut doctor(path)), Verdict::NotAsynchronous, &[Cause::Memory]);
    }
}

/// With `data=journal`, ext4 accepts `O_DIRECT` and ignores it.
#[test]
fn journaled_data_is_not_asynchronous() {
    let Some(ext4) = Ext4::with("loop,data=journal") else { return };
    let report = report(&mut doctor(&ext4.file()));
    check(&report, Verdict::NotAsynchronous, &[Cause::NoDirect]);
    assert!(report.findings.subject.unwrap().without_direct_io);
}

#[test]
fn unaligned_requests_are_not_asynchronous() {
    let Some(ext4) = Ext4::new() else { return };
    let report = report(doctor(&ext4.file()).args(["--block", "1000"]));
    check(&report, Verdict::NotAsynchronous, &[Cause::Unaligned]);
    assert!(report.diagnosis.advice[0].text.contains("multiples of"), "{report}");
}

/// A direct read has to write the dirty pages first, and waits for that inside of `io_submit`.
#[test]
fn dirty_pages_are_reported() {
    let Some(ext4) = Ext4::new() else { return };
    let path = ext4.path().join("dirty");
    fs::write(&path, pattern(4 << 20)).unwrap();
    let report = report(&mut doctor(&path));
    let Some(cache) = report.findings.subject.as_ref().unwrap().page_cache else {
        return skip("the kernel does not say how much of a file is in the page cache");
    };
    // If the kernel has written all of them meanwhile, they are no reason.
    let all_written = cache.dirty_pages == 0
        || report.judgement(Way::DirectRead) == Some(&Judgement::Asynchronous);
    assert_eq!(report.has(Cause::Dirty), !all_written, "{report}");
}

#[test]
fn empty_file_is_examined_by_a_scratch_file() {
    let Some(ext4) = Ext4::new() else { return };
    let path = ext4.path().join("empty");
    File::create_new(&path).unwrap();
    check(&report(&mut doctor(&path)), Verdict::Asynchronous, &[]);
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
}

/// The processes that make trials of a path.
fn workers(path: &Path) -> Vec<PathBuf> {
    let path = path.as_os_str().as_encoded_bytes();
    let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let of_path = |process: &PathBuf| {
        let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
        let mut arguments = arguments.split(|&byte| byte == 0).skip(1);
        arguments.next() == Some(b"--worker") && arguments.next() == Some(path)
    };
    processes.filter(of_path).collect()
}

#[test]
fn killed_program_leaves_neither_file_nor_process() {
    let Some(ext4) = Ext4::new() else { return };
    let path = ext4.file();
    let before = state(ext4.path());
    for ms in [0, 20, 50, 100, 200] {
        let mut doctor = doctor(&path).stdout(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(ms));
        doctor.kill().unwrap();
        doctor.wait().unwrap();
        let start = Instant::now();
        while !workers(&path).is_empty() {
            assert!(start.elapsed() < Duration::from_secs(30), "{:?}", workers(&path));
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(state(ext4.path()), before, "after {ms} ms");
    }
}

#[test]
fn text_has_verdict_reasons_advice_and_histograms() {
    let Some(ext4) = Ext4::new() else { return };
    let path = ext4.file();
    let output = Command::new(example("doctor")).arg(&path).arg("--buffered").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let first = format!("{path:?}: not asynchronous\n  * without O_DIRECT, ");
    assert!(text.starts_with(&first), "{text}");
    for word in [
        "\nWhat to change, by what it brings\n  1 Open the file with O_DIRECT",
        "\nRequests of 4096 bytes, one at a time\n",
        "\nbuffered reads         inside io_submit               to completion\n",
        "\n  file system    ext4 on ",
        " reserved (fs.aio-nr, fs.aio-max-nr)\n",
        "\n  huge pages     ",
        "the system calls of AIO are allowed\n",
    ] {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 130), "{text}");
}
