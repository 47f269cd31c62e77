//! [`Machine`]: the machine that the figures were measured on.

use anyhow::{Context as _, Result};
use serde::Serialize;
use std::{
    fmt, fs, os::unix::fs::MetadataExt as _, path::Path, process::Command,
    thread::available_parallelism,
};

/// Machine, kernel, file system, tools and date.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    processor: String,
    cpus: usize,
    virtual_machine: bool,
    architecture: &'static str,
    kernel: String,
    file_system: String,
    rust: &'static str,
    c: &'static str,
    libaio: &'static str,
    date: String,
}

impl Machine {
    /// This machine, and the file system of `place`.
    pub(crate) fn look(place: &Path) -> Result<Self> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").context("cannot read /proc/cpuinfo")?;
        let line = |name: &str| {
            let line = cpuinfo.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        Ok(Self {
            processor: line("model name").unwrap_or_else(|| "unknown processor".into()),
            cpus: available_parallelism()?.get(),
            virtual_machine: line("flags").is_some_and(|flags| flags.contains("hypervisor")),
            architecture: std::env::consts::ARCH,
            // The text after the number depends on who built it.
            kernel: release.split('-').next().unwrap_or_default().to_owned(),
            file_system: file_system(place)?,
            rust: env!("BENCHES_RUST"),
            c: env!("BENCHES_C"),
            libaio: env!("BENCHES_LIBAIO"),
            date: said("date", &["-u", "+%F"])?,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            processor, cpus, architecture, kernel, file_system, rust, c, libaio, date, ..
        } = self;
        let kind = if self.virtual_machine { "virtual machine" } else { "machine" };
        write!(
            f,
            "{date}; {kind} with {cpus} CPUs, {processor}, {architecture}; Linux {kernel}; "
        )?;
        write!(f, "{file_system}; {rust}, {c}, libaio {libaio}")
    }
}

/// The type of the file system of a path, from the list of mounts.
fn file_system(place: &Path) -> Result<String> {
    let at = || format!("cannot read the attributes of {}", place.display());
    let device = fs::metadata(place).with_context(at)?.dev();
    let device = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    let mounts = fs::read_to_string("/proc/self/mountinfo").context("cannot read the mounts")?;
    let kind = mounts.lines().find_map(|line| {
        (line.split(' ').nth(2)? == device).then_some(())?;
        Some(line.split_once(" - ")?.1.split(' ').next()?.to_owned())
    });
    Ok(kind.unwrap_or_else(|| "unknown file system".into()))
}

/// The standard output of a program.
fn said(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.with_context(|| format!("cannot run {program}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
