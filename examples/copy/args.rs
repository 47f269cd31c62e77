//! The command line.

use crate::end::ALIGN;
use core::time::Duration;
use lexopt::{Arg, Parser, ValueExt as _};
use std::{ffi::OsString, fs, path::PathBuf};

pub(crate) const USAGE: &str = "\
usage: copy [SRC DST] [--depth N] [--block SIZE] [--poll MICROS] [--buffered]
       copy [--size SIZE] [--depth N] [--block SIZE] [--poll MICROS] [--buffered]
       copy --help";

pub(crate) const HELP: &str = "\
Copies the file SRC to DST with many reads and writes in flight at once.

usage: copy [SRC DST] [--depth N] [--block SIZE] [--poll MICROS] [--buffered]
       copy [--size SIZE] [--depth N] [--block SIZE] [--poll MICROS] [--buffered]

Without SRC and DST: a demonstration. It copies a file in the temporary
directory (TMPDIR) several times, compares, and measures. The directory needs
space for twice the file.

  --size SIZE    bytes of that file, a multiple of 1 MiB: 256M, 4G (256M)
  --depth N      requests in flight, 1 to 65536 (64)
  --block SIZE   bytes of one request, a multiple of 4096: 4096, 256K, 1MiB (256K)
  --poll MICROS  how long a wait with few requests in flight polls before it
                 sleeps, in microseconds, at most 1000000 (150)
  --buffered     through the page cache; otherwise O_DIRECT, where it is possible
  -h, --help     this text

DST appears, or is replaced, only when the copy is complete and on disk; any
failure leaves it as it was. Holes stay holes, mode bits are kept, owners are not.
";

/// The most requests in flight: the default of `fs.aio-max-nr`, the limit of all contexts together.
const MAX_DEPTH: usize = 65_536;

/// The largest request. The kernel's limit is a little less than 2 GiB.
const MAX_BLOCK: usize = 1 << 30;

/// The size of the file of the demonstration, in MiB.
const DEMO_MIB: u64 = 256;

/// What the program does.
pub(crate) enum Mode {
    Help,
    /// A demonstration with a file of this size.
    Demo {
        options: Options,
        mib: u64,
    },
    Copy {
        source: PathBuf,
        destination: PathBuf,
        options: Options,
    },
}

/// How to copy.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    /// Requests in flight, 1 to [`MAX_DEPTH`].
    pub(crate) depth: usize,
    /// Bytes of one request, a multiple of [`ALIGN`].
    pub(crate) block: usize,
    /// How long a wait polls before it sleeps.
    pub(crate) poll: Duration,
    /// Whether buffered I/O was asked for.
    pub(crate) buffered: bool,
}

/// Reads the command line.
///
/// # Errors
///
/// A message that says what is wrong.
pub(crate) fn parse(mut parser: Parser) -> Result<Mode, String> {
    let poll = Duration::from_micros(150);
    let mut options = Options { depth: 64, block: 256 << 10, poll, buffered: false };
    let mut paths: Vec<OsString> = Vec::new();
    let mut mib = None;
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Mode::Help),
            Arg::Long("buffered") => options.buffered = true,
            Arg::Long("depth") => options.depth = depth(&value(&mut parser)?)?,
            Arg::Long("block") => options.block = block(&value(&mut parser)?)?,
            Arg::Long("poll") => options.poll = poll_time(&value(&mut parser)?)?,
            Arg::Long("size") => mib = Some(demo_mib(&value(&mut parser)?)?),
            Arg::Value(path) => paths.push(path),
            other => return Err(other.unexpected().to_string()),
        }
    }
    check_memory(&options)?;
    let mut paths = paths.into_iter().map(PathBuf::from);
    match (paths.next(), paths.next(), paths.next()) {
        (None, ..) => Ok(Mode::Demo { options, mib: mib.unwrap_or(DEMO_MIB) }),
        _ if mib.is_some() => {
            Err("--size is for the demonstration, which has neither SRC nor DST".into())
        }
        (Some(source), Some(destination), None) => Ok(Mode::Copy { source, destination, options }),
        (Some(_), None, _) => Err("DST is missing: where should the copy go?".into()),
        (_, _, Some(extra)) => Err(format!("one argument too many: {extra:?}")),
    }
}

fn value(parser: &mut Parser) -> Result<String, String> {
    let value = parser.value().and_then(|value| value.string());
    value.map_err(|error| error.to_string())
}

fn depth(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(depth @ 1..=MAX_DEPTH) => Ok(depth),
        _ => Err(format!("--depth {text:?}: not a number from 1 to {MAX_DEPTH}")),
    }
}

fn poll_time(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(micros @ 0..=1_000_000) => Ok(Duration::from_micros(micros)),
        _ => Err(format!("--poll {text:?}: not a number of microseconds from 0 to 1000000")),
    }
}

fn block(text: &str) -> Result<usize, String> {
    let Some(block) = size(text) else {
        return Err(format!("--block {text:?}: not a size such as 4096, 256K, 256KiB or 1M"));
    };
    if block == 0 || !block.is_multiple_of(ALIGN) {
        return Err(format!("--block {text}: not a multiple of {ALIGN} bytes"));
    }
    if block > MAX_BLOCK {
        return Err(format!("--block {text}: more than 1 GiB"));
    }
    Ok(block)
}

/// The size of the file of the demonstration, in MiB.
fn demo_mib(text: &str) -> Result<u64, String> {
    match size(text) {
        Some(bytes) if bytes > 0 && bytes.is_multiple_of(1 << 20) => {
            Ok(crate::extents::bytes(bytes >> 20))
        }
        Some(_) => Err(format!("--size {text}: not a multiple of 1 MiB")),
        None => Err(format!("--size {text:?}: not a size such as 256M or 4GiB")),
    }
}

/// A size in bytes; `None` if it is not one, or too large.
fn size(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits)?.to_ascii_lowercase().as_str() {
        "" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return None,
    };
    digits.parse::<usize>().ok()?.checked_mul(unit)
}

/// Refuses buffers that take more than half of the available memory: the machine would swap, or the
/// kernel would kill the process.
fn check_memory(options: &Options) -> Result<(), String> {
    let Some(available_kib) = available_kib() else {
        return Ok(());
    };
    // At most 64 TiB, so this does not overflow.
    let wanted_kib = options.depth * options.block / 1024;
    if wanted_kib > available_kib / 2 {
        return Err(format!(
            "--depth {} with --block {} takes {} MiB of buffers, and {} MiB of memory are \
             available, of which at most half is used: ask for less",
            options.depth,
            options.block,
            wanted_kib / 1024,
            available_kib / 1024
        ));
    }
    Ok(())
}

/// How much memory is available without swapping, if the kernel reports it.
fn available_kib() -> Option<usize> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
