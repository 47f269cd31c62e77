//! The example `doctor`: its verdict on files, directories and devices of which it is known whether AIO
//! is asynchronous.
//!
//! Here: how the program is run. `files`: what it can examine. `refusals`: what it cannot. `stalls`:
//! devices that do not answer.

mod files;
mod refusals;
mod stalls;

/// The program's own types, into which its JSON is read. Its unit tests run here.
#[path = "../examples/doctor/diagnosis/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the program uses what the tests do not")]
mod diagnosis;

use crate::support::{Mount, example, pattern, skip};
use diagnosis::{Cause, Diagnosis, Findings, Judgement, Outcome, Verdict, Way};
use std::{
    fmt,
    fs::{self, File, OpenOptions},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

/// What the program prints as JSON.
#[derive(serde::Deserialize)]
struct Report {
    format: u32,
    diagnosis: Diagnosis,
    findings: Findings,
}

impl Report {
    fn has(&self, cause: Cause) -> bool {
        self.diagnosis.reasons.iter().any(|reason| reason.cause == cause)
    }

    fn judgement(&self, way: Way) -> Option<&Judgement> {
        let ways = &self.diagnosis.ways;
        ways.iter().find(|judged| judged.way == way).map(|judged| &judged.judgement)
    }
}

/// What a failed test prints.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Diagnosis { verdict, reasons, advice, .. } = &self.diagnosis;
        let Findings { subject, calls, end, trials, .. } = &self.findings;
        writeln!(f, "{verdict}\n{reasons:#?}\n{advice:#?}\n{subject:?}\n{calls:?}\n{end:?}")?;
        for trial in trials {
            let outcome = match &trial.outcome {
                Outcome::Measured(samples) => format!(
                    "{} asynchronous, {} waited, {} completed, {} blocked, {} preempted, {:?} failed",
                    samples.asynchronous,
                    samples.waited,
                    samples.completed,
                    samples.blocked,
                    samples.preempted,
                    samples.failed
                ),
                other => format!("{other:?}"),
            };
            writeln!(f, "{}: {outcome}", trial.way)?;
        }
        Ok(())
    }
}

/// The command that examines a path. A busy machine may take long.
fn doctor(path: &Path) -> Command {
    let mut doctor = Command::new(example("doctor"));
    doctor.arg(path).args(["--json", "--timeout", "60"]);
    doctor
}

/// Runs the program, and checks that its exit code is that of its verdict.
fn report(doctor: &mut Command) -> Report {
    let Output { status, stdout, stderr } = doctor.output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(stderr, "", "{doctor:?}");
    let report: Report = serde_json::from_slice(&stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&stdout)));
    let expected = match report.diagnosis.verdict {
        Verdict::Asynchronous => 0,
        Verdict::Unknown => 2,
        _ => 1,
    };
    assert_eq!((status.code(), report.format), (Some(expected), 1), "{report}");
    report
}

/// Checks the verdict and the causes, in any order.
fn check(report: &Report, verdict: Verdict, causes: &[Cause]) {
    assert_eq!(report.diagnosis.verdict, verdict, "{report}");
    let found = &report.diagnosis.reasons;
    assert!(causes.iter().all(|&cause| report.has(cause)), "not {causes:?}: {report}");
    assert_eq!(found.len(), causes.len(), "more than {causes:?}: {report}");
}

/// An ext4 file system on a loop device. Where it cannot be made, this prints why and returns `None`.
struct Ext4 {
    mount: Mount,
    _image: TempDir,
}

impl Ext4 {
    fn new() -> Option<Self> {
        Self::with("loop")
    }

    /// With these mount options.
    fn with(options: &str) -> Option<Self> {
        let directory = TempDir::new().unwrap();
        let image = directory.path().join("image");
        File::create_new(&image).unwrap().set_len(64 << 20).unwrap();
        let made = Command::new("mkfs.ext4").arg("-q").arg(&image).output();
        if !made.is_ok_and(|output| output.status.success()) {
            skip("no mkfs.ext4");
            return None;
        }
        let mount = Mount::new(&["-o", options, image.to_str().unwrap()])?;
        Some(Self { mount, _image: directory })
    }

    fn path(&self) -> &Path {
        self.mount.path()
    }

    /// A file of 4 MiB that is on the disk.
    fn file(&self) -> PathBuf {
        let path = self.path().join("file");
        fs::write(&path, pattern(4 << 20)).unwrap();
        File::open(&path).unwrap().sync_all().unwrap();
        path
    }
}

/// Opens a file with these flags of `open`.
fn open(path: &Path, flags: i32) -> File {
    OpenOptions::new().read(true).write(true).custom_flags(flags).open(path).unwrap()
}
