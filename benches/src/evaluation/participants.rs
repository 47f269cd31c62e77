//! The participants of the evaluation.

use super::python;
use crate::{built, process::myself};
use anyhow::Result;
use std::{ffi::OsString, path::PathBuf, process::Command};

/// A program that reads files.
pub(super) struct Participant {
    /// The name in tables.
    pub(super) name: String,
    program: Program,
}

enum Program {
    /// This program, with this name for a participant.
    Myself(&'static str),
    /// Another program, with these arguments before the number of rounds and the files.
    Other(Vec<OsString>),
}

impl Participant {
    /// The command that runs so many rounds with these files.
    pub(super) fn command(&self, rounds: usize, files: &[PathBuf]) -> Result<Command> {
        let mut command = match &self.program {
            Program::Myself(name) => {
                let mut command = myself()?;
                command.args(["evaluation", name]);
                command
            }
            Program::Other(words) => {
                let mut command = Command::new(&words[0]);
                command.args(&words[1..]);
                command
            }
        };
        command.arg(rounds.to_string()).args(files);
        Ok(command)
    }

    fn myself(name: &str, id: &'static str) -> Self {
        Self { name: name.into(), program: Program::Myself(id) }
    }

    /// Another program.
    pub(super) fn other(name: &str, words: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        let words = words.into_iter().map(Into::into).collect();
        Self { name: name.into(), program: Program::Other(words) }
    }
}

/// Everybody who can take part here, and why others cannot.
pub(super) fn all(with_python: bool) -> Result<(Vec<Participant>, Vec<String>)> {
    let mut absent = Vec::new();
    let mut participants = vec![
        Participant::myself("thread pool (tokio::fs)", "pool"),
        Participant::myself("POSIX AIO (glibc)", "posix"),
        Participant::myself("libaio (C)", "libaio"),
        Participant::myself("open, read (std)", "blocking"),
    ];
    match io_uring::IoUring::new(1) {
        Ok(_) => participants.push(Participant::myself("io_uring (io-uring)", "io_uring")),
        Err(error) => absent.push(format!("io_uring does not take part: {error}.")),
    }
    participants.push(Participant::myself("linux-aio, io_getevents", "aio-calls"));
    participants.push(Participant::myself("linux-aio", "aio"));
    let nolibc = built::nolibc("3")?.join("rounds");
    participants.push(Participant::other("linux-aio, no libc", [nolibc]));
    if with_python {
        let (there, not_there) = python::all()?;
        participants.extend(there);
        absent.extend(not_there);
    }
    Ok((participants, absent))
}
