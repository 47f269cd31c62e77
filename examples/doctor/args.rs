//! The command line.

use crate::diagnosis::Asked;
use lexopt::{Arg, Parser, ValueExt as _};
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
usage: doctor PATH [--json] [--buffered] [--block SIZE] [--timeout SECONDS]
       doctor --help";

pub(crate) const HELP: &str = "\
Says whether native AIO on a file, directory or block device is really
asynchronous, and if not, why, and what to change.

usage: doctor PATH [--json] [--buffered] [--block SIZE] [--timeout SECONDS]

PATH is only read. Writes are tried on a scratch file in its directory, which
has no name and is gone when the program ends. /proc/PID/fd/N is examined with
the flags with which that process has the file open.

  --json             findings and diagnosis as JSON
  --buffered         your program opens the file without O_DIRECT
  --block SIZE       bytes of its requests, 1 to 1M: 512, 64K (4096)
  --timeout SECONDS  after which a device counts as stalled, 1 to 3600 (10)
  -h, --help         this text

The exit code is 0 if all that was tried is asynchronous, 1 if not all of it
is, 2 for wrong arguments and if nothing could be tried.
";

/// The largest request.
const MAX_BLOCK: usize = 1 << 20;

/// What the program does.
pub(crate) enum Mode {
    Help,
    Examine(Options),
    /// Makes the trials, for the program that has started this one.
    Work(Options),
}

/// What to examine, and how to report.
pub(crate) struct Options {
    pub(crate) path: PathBuf,
    pub(crate) asked: Asked,
    pub(crate) json: bool,
}

/// Reads the command line.
///
/// # Errors
///
/// A message that says what is wrong.
pub(crate) fn parse(mut parser: Parser) -> Result<Mode, String> {
    let mut asked = Asked { buffered: false, block_bytes: 4096, timeout_ms: 10_000 };
    let (mut path, mut json, mut worker) = (None, false, false);
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Mode::Help),
            Arg::Long("json") => json = true,
            Arg::Long("buffered") => asked.buffered = true,
            Arg::Long("block") => asked.block_bytes = block(&value(&mut parser)?)?,
            Arg::Long("timeout") => asked.timeout_ms = timeout_ms(&value(&mut parser)?)?,
            Arg::Long("worker") => worker = true,
            Arg::Value(value) if path.is_none() => path = Some(PathBuf::from(value)),
            Arg::Value(extra) => return Err(format!("one argument too many: {extra:?}")),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let path = path.ok_or("PATH is missing: which file or directory?")?;
    let options = Options { path, asked, json };
    Ok(if worker { Mode::Work(options) } else { Mode::Examine(options) })
}

fn value(parser: &mut Parser) -> Result<String, String> {
    let value = parser.value().and_then(|value| value.string());
    value.map_err(|error| error.to_string())
}

fn block(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits).unwrap_or("?").to_ascii_lowercase().as_str() {
        "" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        _ => 0,
    };
    match digits.parse::<usize>().ok().and_then(|number| number.checked_mul(unit)) {
        Some(size @ 1..=MAX_BLOCK) => Ok(size),
        _ => Err(format!("--block {text:?}: not a size from 1 to 1M, such as 512 or 64K")),
    }
}

fn timeout_ms(text: &str) -> Result<u64, String> {
    match text.parse::<u64>() {
        Ok(seconds @ 1..=3600) => Ok(seconds * 1000),
        _ => Err(format!("--timeout {text:?}: not a number of seconds from 1 to 3600")),
    }
}
