//! Devices and file systems that do not answer: the program says so, and ends.

use super::{Ext4, Report, check, diagnosis::*};
use crate::support::{LoopDevice, Stall, example, pattern};
use std::{
    fs::{self, File},
    io,
    os::fd::AsRawFd as _,
    path::Path,
    process::Command,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// Examines a path with a short timeout. Checks that the program ends, and that its output ends, in
/// spite of what does not.
fn report_soon(path: &Path) -> Report {
    let mut doctor = Command::new(example("doctor"));
    doctor.arg(path).args(["--json", "--timeout", "1"]);
    let (sender, receiver) = mpsc::channel();
    let start = Instant::now();
    // Not a scoped thread: if the program does not end, the test must, so that the stall does.
    thread::spawn(move || sender.send(super::report(&mut doctor)).unwrap());
    let report = receiver.recv_timeout(Duration::from_secs(30)).expect("the program does not end");
    assert!(start.elapsed() >= Duration::from_secs(1), "{report}");
    report
}

/// Whether the process that made the trials still exists. Another process may get its number later.
fn exists(process: u32) -> bool {
    let name = fs::read_to_string(format!("/proc/{process}/comm"));
    name.is_ok_and(|name| name == "doctor-trials\n")
}

/// The process that waits for the device.
fn waiting(report: &Report) -> u32 {
    let process = report.findings.waiting_process.unwrap();
    assert!(exists(process), "{report}");
    process
}

/// Waits until that process has ended, since the device answers again.
fn wait_for_end(process: u32) {
    let start = Instant::now();
    while exists(process) {
        assert!(start.elapsed() < Duration::from_secs(30), "process {process} does not end");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn device_that_does_not_answer_is_stalled() {
    let Some(device) = LoopDevice::new(&pattern(1 << 20)) else { return };
    let Some(stall) = Stall::of(&device) else { return };
    let report = report_soon(&device.path);
    let process = waiting(&report);
    stall.lift();
    wait_for_end(process);
    check(&report, Verdict::Stalled, &[Cause::Stalled]);
    let End::Stalled(oldest) = &report.findings.end else { panic!("{report}") };
    assert_eq!((&*oldest.operation, oldest.len_bytes), ("read", 4096));
    assert!(oldest.offset_bytes < 1 << 20 && oldest.offset_bytes.is_multiple_of(4096));
    assert!(oldest.age_ms >= 1000, "{oldest:?}");
    let name = device.path.file_name().unwrap().to_str().unwrap();
    assert!(report.diagnosis.reasons[0].text.contains(name), "{report}");
}

const FIFREEZE: u32 = 0xc004_5877;
const FITHAW: u32 = 0xc004_5878;

/// A file system that is frozen until this is dropped.
struct Frozen(File);

impl Frozen {
    fn new(path: &Path) -> Self {
        let directory = File::open(path).unwrap();
        ioctl(&directory, FIFREEZE).unwrap();
        Self(directory)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let thawed = ioctl(&self.0, FITHAW);
        if !thread::panicking() {
            thawed.unwrap();
        }
    }
}

/// Makes an ioctl that ignores its argument.
fn ioctl(file: &File, request: u32) -> io::Result<()> {
    // SAFETY: no memory is passed.
    match unsafe { libc::ioctl(file.as_raw_fd(), request as _, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Reads of a frozen file system complete. The scratch file cannot be made.
#[test]
fn frozen_file_system_is_stalled() {
    let Some(ext4) = Ext4::new() else { return };
    let path = ext4.file();
    let frozen = Frozen::new(ext4.path());
    let report = report_soon(&path);
    let process = waiting(&report);
    drop(frozen);
    wait_for_end(process);
    check(&report, Verdict::Stalled, &[Cause::Stalled]);
    assert_eq!(report.judgement(Way::DirectRead), Some(&Judgement::Asynchronous));
    let End::Blocked(blocked) = &report.findings.end else { panic!("{report}") };
    assert!(blocked.step.starts_with("creating a scratch file"), "{blocked:?}");
    assert_eq!(blocked.call.as_deref(), Some("openat"), "{blocked:?}");
}
