//! The process that makes the trials. It reports each of them as a line of JSON.
//!
//! A process with requests in flight cannot end before they complete, and a thread that waits for a
//! device cannot be stopped. So the trials are made by a process of their own, and the program that
//! the user has started is never stuck.

use crate::{
    args::Options,
    diagnosis::{Call, End, Kind, Subject, Trial},
    machine::calls,
    subject, trials,
};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{self, Write as _},
    process::ExitCode,
};

/// What the process reports.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Message {
    /// What it does next.
    Step(String),
    Call(Call),
    Subject(Subject),
    Trial(Trial),
    /// The path cannot be examined.
    Failed(String),
    End(End),
}

/// Examines the path.
pub(crate) fn run(options: &Options) -> ExitCode {
    // The name by which it is found in ps.
    let _named = rustix::thread::set_name(c"doctor-trials");
    // Without its parent, nobody is interested in the result.
    let _set =
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    for name in calls::NAMES {
        report(Message::Step(format!("trying the system call {name}")));
        report(Message::Call(Call { name: name.to_owned(), refused: calls::refused(name) }));
    }
    report(Message::Step(format!("looking at {:?}", options.path)));
    let mut found = match subject::examine(&options.path) {
        Ok(found) => found,
        Err(why) => {
            report(Message::Failed(why));
            return ExitCode::SUCCESS;
        }
    };
    report(Message::Subject(found.subject.clone()));
    let end = trials::run(&mut found, &options.asked, &mut report);
    if end != End::Complete {
        return ExitCode::SUCCESS;
    }
    if found.subject.kind == Kind::File
        && let Ok(meta) = fs::metadata(&options.path)
    {
        found.subject.grown_bytes = meta.len().saturating_sub(found.subject.size_bytes);
        report(Message::Subject(found.subject));
    }
    report(Message::End(end));
    ExitCode::SUCCESS
}

/// Sends a message to the parent. Without a parent, the process ends.
fn report(message: Message) {
    let mut line = serde_json::to_vec(&message).unwrap_or_default();
    line.push(b'\n');
    let mut out = io::stdout().lock();
    if out.write_all(&line).and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}
