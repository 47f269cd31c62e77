//! The command line.

use crate::{handshake::MAX_NAME, listener::Place};
use lexopt::{Arg, Parser, ValueExt as _};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

/// One line for wrong arguments.
pub const USAGE: &str = "\
usage: nbd FILE-OR-DEVICE [--socket PATH | --listen ADDRESS:PORT] [--read-only]
           [--export NAME] [--depth N] [--connections N] [--timeout SECONDS] [--stats]
       nbd --help";

/// The help.
pub const HELP: &str = "\
Serves a file or block device to NBD clients, by direct I/O, on one thread.

usage: nbd FILE-OR-DEVICE [OPTIONS]

  --socket PATH         listen on a Unix socket
  --listen ADDRESS:PORT listen on TCP (127.0.0.1:10809, if there is no --socket)
  --read-only           refuse writes
  --export NAME         the name of the export (the empty name); clients that ask
                        for the empty name get it too
  --depth N             requests in progress for one client, 1 to 512 (64)
  --connections N       clients at a time, 1 to 256 (16); others wait in line
  --timeout SECONDS     how long a handshake may take, and how long a client may
                        pause in the middle of a request, 1 to 3600 (30)
  --stats               print statistics at the end; SIGUSR1 prints them any time
  -h, --help            this text

SIGTERM: accepts nothing more, finishes what was begun, syncs, ends.
A second SIGTERM ends at once.

There is no encryption and no authentication: whoever can connect can read and
write the file. Use a Unix socket, the loopback address or a private network.
";

/// What the program does.
#[derive(Debug)]
pub enum Mode {
    /// Prints the help.
    Help,
    /// Serves a file.
    Serve(Options),
}

/// How to serve.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file or block device.
    pub path: PathBuf,
    /// Where to listen.
    pub place: Place,
    /// Whether writes are refused.
    pub read_only: bool,
    /// The name of the export.
    pub export: String,
    /// How many requests of one client are in progress.
    pub depth: usize,
    /// How many clients there are at a time.
    pub connections: usize,
    /// How long a handshake may take, or a pause in the middle of a request.
    pub timeout: Duration,
    /// Whether statistics are printed at the end.
    pub stats: bool,
}

/// Reads the command line.
///
/// # Errors
///
/// A message that says what is wrong.
pub fn parse(mut parser: Parser) -> Result<Mode, String> {
    let mut path = None;
    let mut options = Options {
        path: PathBuf::new(),
        place: Place::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 10809))),
        read_only: false,
        export: String::new(),
        depth: 64,
        connections: 16,
        timeout: Duration::from_secs(30),
        stats: false,
    };
    let (mut socket, mut listen) = (None, None);
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Mode::Help),
            Arg::Long("socket") => {
                let path = parser.value().map_err(|error| error.to_string())?;
                socket = Some(Place::Unix(path.into()));
            }
            Arg::Long("listen") => {
                let address: SocketAddr = value(&mut parser, "--listen")?;
                listen = Some(Place::Tcp(address));
            }
            Arg::Long("read-only") => options.read_only = true,
            Arg::Long("export") => {
                options.export = value(&mut parser, "--export")?;
                if options.export.len() > MAX_NAME {
                    return Err(format!("--export: a name has at most {MAX_NAME} bytes"));
                }
            }
            Arg::Long("depth") => options.depth = number(&mut parser, "--depth", 512)?,
            Arg::Long("connections") => {
                options.connections = number(&mut parser, "--connections", 256)?;
            }
            Arg::Long("timeout") => {
                let seconds = number(&mut parser, "--timeout", 3600)?;
                options.timeout = Duration::from_secs(u64::try_from(seconds).unwrap_or(30));
            }
            Arg::Long("stats") => options.stats = true,
            Arg::Value(value) if path.is_none() => path = Some(PathBuf::from(value)),
            other => return Err(other.unexpected().to_string()),
        }
    }
    options.path = path.ok_or("the file or device is missing")?;
    options.place = match (socket, listen) {
        (Some(_), Some(_)) => return Err("--socket and --listen exclude each other".into()),
        (socket, listen) => socket.or(listen).unwrap_or(options.place),
    };
    Ok(Mode::Serve(options))
}

fn value<T: core::str::FromStr>(parser: &mut Parser, option: &str) -> Result<T, String>
where
    T::Err: core::fmt::Display,
{
    let value = parser.value().map_err(|error| error.to_string())?;
    let text = value.string().map_err(|error| error.to_string())?;
    text.parse().map_err(|error| format!("{option} {text:?}: {error}"))
}

fn number(parser: &mut Parser, option: &str, most: usize) -> Result<usize, String> {
    match value(parser, option)? {
        number if (1..=most).contains(&number) => Ok(number),
        number => Err(format!("{option} {number}: it must be 1 to {most}")),
    }
}
