//! The programs that copy a file.

use crate::{
    built::{here, run, target},
    report::Report,
};
use anyhow::{Context as _, Result};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// The programs.
pub(super) struct Programs {
    /// The example `copy`.
    copy: PathBuf,
    ways: Vec<Way>,
    names: Vec<&'static str>,
}

/// A way to copy a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The example `copy`, and the time that it reports.
    CopyReported,
    /// The example `copy`, as a process.
    Copy,
    Std,
    Cp,
    Dd,
    Fio,
}

const WAYS: [(Way, &str); 6] = [
    (Way::CopyReported, "linux-aio (copy), until on disk"),
    (Way::Copy, "linux-aio (copy)"),
    (Way::Std, "std::fs::copy, sync_all"),
    (Way::Cp, "cp, sync"),
    (Way::Dd, "dd, direct, 1 MiB, fsync"),
    (Way::Fio, "fio, libaio, 16 x 1 MiB, direct"),
];

impl Programs {
    /// Builds the example. Reports what is missing.
    pub(super) fn build(report: &Report) -> Result<Self> {
        let place = target("copy")?;
        let root = here("..");
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
        cargo.args(["build", "--quiet", "--release", "--example", "copy", "--target-dir"]);
        run(cargo.arg(&place).current_dir(&root))?;
        let mut ways = WAYS.to_vec();
        if let Err(error) = run(Command::new("fio").arg("--version")) {
            report.say(&format!("fio does not take part: {error}."));
            ways.retain(|(way, _)| *way != Way::Fio);
        }
        let (ways, names) = ways.into_iter().unzip();
        Ok(Self { copy: place.join("release/examples/copy"), ways, names })
    }

    pub(super) fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// Copies a file, and returns the time that it took.
    pub(super) fn copy(&self, index: usize, source: &Path, copy: &Path) -> Result<Duration> {
        let start = Instant::now();
        match self.ways[index] {
            Way::CopyReported => {
                let said = run(Command::new(&self.copy).args([source, copy]))?;
                return reported(&String::from_utf8_lossy(&said));
            }
            Way::Copy => _ = run(Command::new(&self.copy).args([source, copy]))?,
            Way::Std => {
                let mut participant = Command::new(env::current_exe()?);
                run(participant.args(["participant", "copies"]).args([source, copy]))?;
            }
            Way::Cp => {
                run(Command::new("cp").args([source, copy]))?;
                run(Command::new("sync").arg(copy))?;
            }
            Way::Dd => {
                let mut dd = Command::new("dd");
                dd.args(["bs=1M", "iflag=direct", "oflag=direct", "conv=fsync"]);
                let of = |what: &str, path: &Path| format!("{what}={}", path.display());
                run(dd.args([of("if", source), of("of", copy)]))?;
            }
            Way::Fio => return fio(source, copy),
        }
        Ok(start.elapsed())
    }
}

/// The time in the line that `copy` prints: "... bytes in 0.135 s, ...".
fn reported(line: &str) -> Result<Duration> {
    let seconds = line.split_once(" in ").and_then(|(_, rest)| rest.split_once(" s, "));
    let seconds = seconds.and_then(|(seconds, _)| seconds.parse().ok());
    let seconds = seconds.with_context(|| format!("copy printed no time: {line}"))?;
    Ok(Duration::from_secs_f64(seconds))
}

/// Reads one file and writes another, at the same time.
fn fio(source: &Path, copy: &Path) -> Result<Duration> {
    let len = fs::metadata(source)?.len();
    let mut fio = Command::new("fio");
    fio.args([
        "--output-format=json",
        "--ioengine=libaio",
        "--direct=1",
        "--bs=1M",
        "--iodepth=16",
    ]);
    fio.arg(format!("--size={len}")).args(["--end_fsync=1", "--fallocate=native"]);
    fio.args(["--name=read", "--rw=read"]).arg(format!("--filename={}", source.display()));
    fio.args(["--name=write", "--rw=write"]).arg(format!("--filename={}", copy.display()));
    let said = run(&mut fio)?;
    let json: serde_json::Value = serde_json::from_slice(&said).context("fio printed no JSON")?;
    let runtime = |job: usize, what: &str| json["jobs"][job][what]["runtime"].as_u64();
    let (read, written) = (runtime(0, "read"), runtime(1, "write"));
    let (read, written) = read.zip(written).context("fio reported no times")?;
    Ok(Duration::from_millis(read.max(written).max(1)))
}
