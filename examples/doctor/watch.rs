//! Starts the process that makes the trials, and collects what it reports.

use crate::{
    args::Options,
    diagnosis::{Blocked, End, Findings},
    machine,
    worker::Message,
};
use core::time::Duration;
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::process::ExitStatusExt as _,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Instant,
};

/// How much longer than a request a step may take: time to make a scratch file, and other requests.
const MARGIN: Duration = Duration::from_secs(1);

/// Examines a path, in another process.
///
/// # Errors
///
/// A message, if the path does not exist or cannot be read, or if the process cannot be started.
pub(crate) fn examine(options: &Options) -> Result<Findings, String> {
    let mut child = Command::new("/proc/self/exe")
        .arg("--worker")
        .args(std::env::args_os().skip(1))
        .stdout(Stdio::piped())
        // Not that of this program: whoever reads it would wait for a process that waits for a device.
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start /proc/self/exe, which makes the trials: {error}"))?;
    let messages = messages(&mut child);
    let mut findings = Findings {
        path: options.path.to_string_lossy().into_owned(),
        asked: options.asked,
        machine: machine::examine(),
        calls: Vec::new(),
        subject: None,
        trials: Vec::new(),
        end: End::Complete,
        waiting_process: None,
    };
    let patience = options.asked.timeout() + MARGIN;
    let mut step = "starting".to_owned();
    let mut since = Instant::now();
    findings.end = loop {
        match messages.recv_timeout(patience) {
            Ok(Message::Step(next)) => step = next,
            Ok(Message::Call(call)) => findings.calls.push(call),
            Ok(Message::Subject(subject)) => findings.subject = Some(subject),
            Ok(Message::Trial(trial)) => findings.trials.push(trial),
            Ok(Message::Failed(why)) => {
                let _ended = child.wait();
                return Err(why);
            }
            Ok(Message::End(end)) => break end,
            Err(RecvTimeoutError::Timeout) => break blocked(&child, step, since.elapsed()),
            Err(RecvTimeoutError::Disconnected) => break ended(&mut child, step)?,
        }
        since = Instant::now();
    };
    // If it waits for a device, it ends when the device answers. It is not waited for.
    let _killed = child.kill();
    let waits = matches!(findings.end, End::Stalled(_) | End::Blocked(_));
    findings.waiting_process = waits.then_some(child.id());
    Ok(findings)
}

/// Receives the messages of the process.
fn messages(child: &mut Child) -> Receiver<Message> {
    let (sender, receiver) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let message = serde_json::from_str(&line);
                if message.is_ok_and(|message| sender.send(message).is_err()) {
                    return;
                }
            }
        });
    }
    receiver
}

/// The process has ended without saying why.
fn ended(child: &mut Child, step: String) -> Result<End, String> {
    let status = child.wait().map_err(|error| format!("cannot wait for the trials: {error}"))?;
    if let Some(signal) = status.signal() {
        return Ok(End::Killed { signal, step });
    }
    let mut said = String::new();
    let _read = child.stderr.take().map(|mut stderr| stderr.read_to_string(&mut said));
    Err(format!(
        "the process that makes the trials has ended ({step}): {status}: {}",
        said.trim_end()
    ))
}

/// The process reports nothing: where it waits.
fn blocked(child: &Child, step: String, age: Duration) -> End {
    let read = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", child.id())).ok();
    let call = read("syscall").and_then(|text| {
        let number = text.split(' ').next()?.parse::<i64>().ok()?;
        name(number).map(str::to_owned)
    });
    let kernel_function = read("wchan").filter(|name| !name.is_empty() && name != "0");
    let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    End::Blocked(Blocked { step, age_ms, call, kernel_function })
}

/// The name of a system call that may wait for a device.
fn name(number: i64) -> Option<&'static str> {
    Some(match number {
        libc::SYS_io_submit => "io_submit",
        libc::SYS_io_getevents => "io_getevents",
        libc::SYS_io_setup => "io_setup",
        libc::SYS_openat => "openat",
        libc::SYS_statx => "statx",
        libc::SYS_pwrite64 => "pwrite64",
        libc::SYS_fsync => "fsync",
        libc::SYS_fallocate => "fallocate",
        libc::SYS_ftruncate => "ftruncate",
        libc::SYS_lseek => "lseek",
        libc::SYS_close => "close",
        _ => return None,
    })
}
