//! What the program cannot examine, or only in part: wrong arguments, missing files and permissions,
//! pipes, AIO that is forbidden.

use super::{Ext4, check, diagnosis::*, doctor, report};
use crate::support::{SYS_IO_PGETEVENTS, example, forbid, in_thread, kill_at, pattern, skip};
use std::{
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt as _, net::UnixListener, process::CommandExt as _},
    path::Path,
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

/// Runs the program, which must fail with one line that has all these words.
fn fail(doctor: &mut Command, words: &[&str]) {
    let Output { status, stdout, stderr } = doctor.output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!((status.code(), stdout.len()), (Some(2), 0), "{doctor:?}: {stderr}");
    assert!(stderr.starts_with("doctor: ") && stderr.lines().count() == 1, "{doctor:?}: {stderr}");
    for word in words {
        assert!(stderr.contains(word), "{doctor:?}: no {word:?} in: {stderr}");
    }
}

#[test]
fn invalid_arguments_print_usage() {
    let cases: [(&[&str], &str); 10] = [
        (&[], "PATH is missing"),
        (&["a", "b"], "one argument too many: \"b\""),
        (&["a", "--bogus"], "--bogus"),
        (&["a", "--json=yes"], "--json"),
        (&["a", "--block"], "--block"),
        (&["a", "--block", "0"], "1 to 1M"),
        (&["a", "--block", "2M"], "1 to 1M"),
        (&["a", "--block", "4 parsecs"], "1 to 1M"),
        (&["a", "--timeout", "0"], "1 to 3600"),
        (&["a", "--timeout", "soon"], "1 to 3600"),
    ];
    for (args, word) in cases {
        let Output { status, stdout, stderr } =
            Command::new(example("doctor")).args(args).output().unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        assert_eq!((status.code(), stdout.len()), (Some(2), 0), "{args:?}: {stderr}");
        assert!(stderr.starts_with("doctor: ") && stderr.contains("\nusage: "), "{stderr}");
        assert!(stderr.contains(word), "{args:?}: no {word:?} in: {stderr}");
    }
    let help = Command::new(example("doctor")).arg("--help").output().unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success() && text.contains("usage: doctor PATH"), "{text}");
}

#[test]
fn missing_path_is_an_error() {
    let directory = TempDir::new().unwrap();
    let missing = directory.path().join("missing");
    fail(&mut doctor(&missing), &["No such file", &format!("{missing:?}")]);
    fail(&mut doctor(Path::new("")), &["No such file"]);
}

#[test]
fn pipes_sockets_and_devices_are_not_asynchronous() {
    let directory = TempDir::new().unwrap();
    let [pipe, socket] = ["pipe", "socket"].map(|name| directory.path().join(name));
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success(), "mkfifo: {made}");
    let _listener = UnixListener::bind(&socket).unwrap();
    for (path, kind) in [
        (&*pipe, Kind::Pipe),
        (&socket, Kind::Socket),
        (Path::new("/dev/zero"), Kind::CharacterDevice),
    ] {
        let report = report(&mut doctor(path));
        check(&report, Verdict::NotAsynchronous, &[Cause::NotAFile]);
        assert_eq!(report.findings.subject.unwrap().kind, kind);
    }
    let mut of_stdin = doctor(Path::new("/proc/self/fd/0"));
    let report = report(of_stdin.stdin(Stdio::from(std::io::pipe().unwrap().0)));
    check(&report, Verdict::NotAsynchronous, &[Cause::NotAFile]);
}

/// The command as nobody, since permissions do not apply to root. Where nobody cannot run the program,
/// this prints why and returns `None`.
fn as_nobody(mut doctor: Command) -> Option<Command> {
    if rustix::process::geteuid().is_root() {
        let help = Command::new(example("doctor")).arg("--help").uid(65534).gid(65534).output();
        if let Err(error) = help {
            skip(format!("nobody cannot run the example: {error}"));
            return None;
        }
        doctor.uid(65534).gid(65534);
    }
    Some(doctor)
}

#[test]
fn missing_permission_is_reported() {
    let Some(ext4) = Ext4::new() else { return };
    let file = ext4.file();
    let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();

    set(ext4.path(), 0o555);
    let Some(mut directory) = as_nobody(doctor(ext4.path())) else { return };
    let directory = report(&mut directory);
    check(&directory, Verdict::Unknown, &[Cause::Untried]);
    assert!(directory.diagnosis.reasons[0].text.contains("Permission denied"), "{directory}");

    // A file there can be read: the verdict is about reads only, and says so.
    let reads = report(&mut as_nobody(doctor(&file)).unwrap());
    check(&reads, Verdict::Asynchronous, &[]);
    let untried = |note: &&Reason| note.cause == Cause::Untried;
    let note = reads.diagnosis.notes.iter().find(untried).unwrap();
    assert!(note.text.starts_with("direct overwrites were not tried: "), "{note:?}");

    set(&file, 0);
    fail(&mut as_nobody(doctor(&file)).unwrap(), &["cannot read", "Permission denied", "user"]);
    set(ext4.path(), 0);
    fail(&mut as_nobody(doctor(&file)).unwrap(), &["cannot look at", "Permission denied"]);
}

/// A file to examine, in a directory that does not matter.
fn any_file() -> (TempDir, Command) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, pattern(10_000)).unwrap();
    let doctor = doctor(&path);
    (directory, doctor)
}

#[test]
fn forbidden_aio_is_unavailable() {
    let (_directory, mut doctor) = any_file();
    for (call, number, errno) in [
        ("io_setup", libc::SYS_io_setup, libc::EPERM),
        ("io_setup", libc::SYS_io_setup, libc::ENOSYS),
        ("io_submit", libc::SYS_io_submit, libc::EPERM),
    ] {
        let report = in_thread(|| {
            forbid(number, &[], errno);
            report(&mut doctor)
        });
        check(&report, Verdict::Unavailable, &[Cause::Forbidden]);
        let reason = &report.diagnosis.reasons[0].text;
        assert!(reason.contains(call) && reason.contains("seccomp"), "{reason}");
        let advice = &report.diagnosis.advice[0].text;
        assert!(advice.contains("seccomp profile"), "{advice}");
        let refused = report.findings.calls.iter().filter(|call| call.refused.is_some());
        assert_eq!(refused.map(|call| &*call.name).collect::<Vec<_>>(), [call]);
        assert!(report.findings.machine.seccomp_filters >= Some(1));
    }
}

#[test]
fn aio_that_kills_is_unavailable() {
    let (_directory, mut doctor) = any_file();
    let report = in_thread(|| {
        kill_at(libc::SYS_io_setup);
        report(&mut doctor)
    });
    check(&report, Verdict::Unavailable, &[Cause::Forbidden]);
    assert!(report.diagnosis.reasons[0].text.contains("io_setup"), "{report}");
}

#[test]
fn limit_that_is_used_up_is_reported() {
    let (_directory, mut doctor) = any_file();
    let report = in_thread(|| {
        // As if it were: no other program of the machine is disturbed.
        forbid(libc::SYS_io_setup, &[(0, 1)], libc::EAGAIN);
        report(&mut doctor)
    });
    check(&report, Verdict::Unavailable, &[Cause::Limit]);
    assert!(report.diagnosis.advice[0].text.contains("fs.aio-max-nr"), "{report}");
}

/// A forbidden call that the trials do not need changes the advice only.
#[test]
fn forbidden_io_pgetevents_is_advice() {
    let Some(ext4) = Ext4::new() else { return };
    let mut doctor = doctor(&ext4.file());
    let report = in_thread(|| {
        forbid(SYS_IO_PGETEVENTS, &[], libc::EPERM);
        report(&mut doctor)
    });
    check(&report, Verdict::Asynchronous, &[]);
    let allow = |advice: &Advice| advice.text.contains("Allow io_pgetevents");
    assert!(report.diagnosis.advice.iter().any(allow), "{report}");
}
