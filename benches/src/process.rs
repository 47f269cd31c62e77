//! [`watch`]: runs a participant as a process of its own, and measures what it costs.

use anyhow::{Context as _, Result, bail, ensure};
use std::{
    env, fs,
    io::{self, Read as _, Write as _},
    mem::MaybeUninit,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The resources of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resources {
    /// Threads, the first included.
    pub(crate) threads: f64,
    /// Resident memory (`VmRSS`), in bytes.
    pub(crate) resident: f64,
    /// Virtual memory (`VmSize`), in bytes.
    pub(crate) virtual_size: f64,
}

impl Resources {
    /// Reads those of the process with this id.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let path = format!("/proc/{pid}/status");
        let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
            number.with_context(|| format!("{path} has no line {name}"))
        };
        Ok(Self {
            threads: field("Threads")?,
            resident: field("VmRSS")? * 1024.0,
            virtual_size: field("VmSize")? * 1024.0,
        })
    }
}

/// A run of a participant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) time: Duration,
    /// Of all its threads, including those that have ended.
    pub(crate) cpu: Duration,
    /// At the end of its work.
    pub(crate) resources: Resources,
}

/// Runs a participant. It writes `r` when it is ready, waits for a byte, works, writes `d` when it is
/// done, and waits for the end of its standard input.
pub(crate) fn watch(command: &mut Command) -> Result<Run> {
    let name = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    match watch_child(&mut child) {
        Ok(run) => {
            drop(child.stdin.take());
            let status = child.wait()?;
            ensure!(status.success(), "{name} ended with {status} after its work");
            Ok(run)
        }
        Err(error) => {
            drop(child.stdin.take());
            child.kill()?;
            let said = child.wait_with_output()?.stderr;
            bail!("{name}: {error}: {}", String::from_utf8_lossy(&said).trim())
        }
    }
}

fn watch_child(child: &mut Child) -> Result<Run> {
    let pid = child.id();
    let (Some(stdin), Some(stdout)) = (&mut child.stdin, &mut child.stdout) else {
        bail!("the pipes are missing");
    };
    let mut said = [0];
    let mut expect = |word: u8| {
        stdout.read_exact(&mut said).context("it ended early")?;
        ensure!(said == [word], "it wrote {said:?}, not {word}");
        Ok(())
    };
    expect(b'r')?;
    let cpu = cpu_of(pid)?;
    let start = Instant::now();
    stdin.write_all(b"g")?;
    expect(b'd')?;
    let time = start.elapsed();
    Ok(Run { time, cpu: cpu_of(pid)? - cpu, resources: Resources::of(pid)? })
}

/// The CPU time of a process: of all its threads, in user space and in the kernel.
pub(crate) fn cpu_of(pid: u32) -> Result<Duration> {
    let mut clock = 0;
    // SAFETY: the result is written to a local variable.
    let errno = unsafe { libc::clock_getcpuclockid(pid.cast_signed(), &raw mut clock) };
    ensure!(errno == 0, "process {pid} has no clock: {}", io::Error::from_raw_os_error(errno));
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the result is written to a local variable.
    if unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error()).context("cannot read the clock of a process");
    }
    // SAFETY: the call above succeeded, so it wrote the time.
    let time = unsafe { time.assume_init() };
    Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

/// This program, as a participant.
pub(crate) fn myself() -> Result<Command> {
    let mut command =
        Command::new(env::current_exe().context("cannot find the path of this program")?);
    command.arg("participant");
    Ok(command)
}
