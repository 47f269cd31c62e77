//! Programs that are built on demand, because each is linked in its own way.

use anyhow::{Context as _, Result, ensure};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A folder of this package.
pub(crate) fn here(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// Makes a folder for build results, next to this program.
pub(crate) fn target(folder: &str) -> Result<PathBuf> {
    let program = env::current_exe().context("cannot find the path of this program")?;
    let place = program.parent().context("this program is in no folder")?.join(folder);
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    Ok(place)
}

/// Builds the package without libc, optimised for speed (3) or size (z), and returns the folder of its
/// programs.
pub(crate) fn nolibc(level: &str) -> Result<PathBuf> {
    let place = target(&format!("nolibc-{level}"))?;
    run(cargo(&here("nolibc"), &place).env("CARGO_PROFILE_RELEASE_OPT_LEVEL", level))?;
    Ok(place.join("release"))
}

/// `cargo build` for the package in a folder, with `place` as its target directory.
pub(crate) fn cargo(folder: &Path, place: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["build", "--quiet", "--release", "--manifest-path"]);
    cargo.arg(folder.join("Cargo.toml")).arg("--target-dir").arg(place);
    // The toolchain may be set by a file in the package's folder.
    cargo.current_dir(folder);
    cargo
}

/// Runs a program that must succeed, and returns its standard output.
pub(crate) fn run(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed, {}: {said}", output.status);
    Ok(output.stdout)
}

/// The number of all system calls in the table of `strace -c -U calls,name`.
pub(crate) fn total_of_strace(table: &str) -> Result<f64> {
    let total = table.lines().find(|line| line.split_whitespace().last() == Some("total"));
    let calls = total.and_then(|line| line.split_whitespace().next());
    Ok(calls.context("strace has not printed the number of calls")?.parse()?)
}
