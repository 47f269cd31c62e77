//! Programs that are built when they are needed, since they are linked in their own ways.

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

/// Where what is built goes: beside what cargo has built of this package.
pub(crate) fn target(folder: &str) -> Result<PathBuf> {
    let program = env::current_exe().context("this program cannot find itself")?;
    let place = program.parent().context("this program is in no folder")?.join(folder);
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    Ok(place)
}

/// Builds the package without libc, optimised for speed (3) or size (z), and gives where its programs
/// are.
pub(crate) fn nolibc(level: &str) -> Result<PathBuf> {
    let place = target(&format!("nolibc-{level}"))?;
    run(cargo(&here("nolibc"), &place).env("CARGO_PROFILE_RELEASE_OPT_LEVEL", level))?;
    Ok(place.join("release"))
}

/// `cargo build` for the package in a folder, with what it builds going to a place.
pub(crate) fn cargo(folder: &Path, place: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["build", "--quiet", "--release", "--manifest-path"]);
    cargo.arg(folder.join("Cargo.toml")).arg("--target-dir").arg(place);
    // Its folder decides on the toolchain.
    cargo.current_dir(folder);
    cargo
}

/// Runs a program that must succeed, and gives what it said.
pub(crate) fn run(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed, {}: {said}", output.status);
    Ok(output.stdout)
}
