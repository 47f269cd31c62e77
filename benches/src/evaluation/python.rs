//! The packages for Python, installed by pip.

use super::participants::Participant;
use crate::built::{here, run, target};
use anyhow::{Context as _, Result};
use std::{ffi::OsStr, path::Path, process::Command};

/// The name for pip, and the one for `rounds.py`.
const PACKAGES: [(&str, &str); 4] = [
    ("aiofiles", "aiofiles"),
    ("aiofile", "aiofile"),
    ("libaio", "libaio"),
    ("linux-aio", "linux_aio"),
];

/// Those that work here, and why the others do not.
pub(super) fn all() -> Result<(Vec<Participant>, Vec<String>)> {
    let environment = target("python")?;
    let python = environment.join("bin/python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment))
            .context("cannot make an environment for Python")?;
    }
    let script = here("python/rounds.py");
    let participant = |name: &str, package: &str| {
        let words = [python.as_os_str(), script.as_os_str(), OsStr::new(package)];
        Participant::other(name, words)
    };
    let (mut there, mut absent) = (vec![participant("Python: open()", "open")], Vec::new());
    for (name, package) in PACKAGES {
        match install(&python, name, package) {
            Ok(version) => {
                there.push(participant(&format!("Python: {name} {version}"), package));
            }
            Err(error) => absent.push(format!("Python's {name} does not take part: {error:#}.")),
        }
    }
    Ok((there, absent))
}

/// Installs a package, checks that it can be imported, and returns its version.
fn install(python: &Path, name: &str, package: &str) -> Result<String> {
    run(Command::new(python).args(["-m", "pip", "install", "--quiet", name]))?;
    let version = format!("import {package}, importlib.metadata as m; print(m.version('{name}'))");
    let said = run(Command::new(python).args(["-c", &version]))?;
    Ok(String::from_utf8_lossy(&said).trim().to_owned())
}
