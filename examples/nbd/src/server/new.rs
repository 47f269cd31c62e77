//! What a server needs, made at the start.

use super::Server;
use crate::{
    args::Options,
    blocks::Blocks,
    disk::Disk,
    export::Export,
    handshake::Offer,
    listener::{Listener, Place},
    log::Log,
    queue::{Queue, ROOM},
    signals::Signals,
    slab::Slab,
    stats::Stats,
    work::{Syncs, Work},
};
use linux_aio::Context;
use std::{collections::VecDeque, io, time::Instant};

impl Server {
    /// Opens the file, makes everything that the server needs, and listens.
    ///
    /// # Errors
    ///
    /// A message that says what is wrong.
    pub fn new(options: &Options) -> io::Result<Self> {
        let explain = |doing: &str, error: io::Error| io::Error::other(format!("{doing}: {error}"));
        let Options { path, place, depth, connections, .. } = options;
        let export = Export::open(path, options.read_only)
            .map_err(|error| explain(&format!("cannot export {path:?}"), error))?;
        let blocks = Blocks::new(*depth, *connections)?;
        // Two polls for each connection, the other polls, the sync, and sectors of unaligned writes.
        let blocks_count = blocks.count();
        let capacity = blocks_count + 2 * connections + 4;
        if capacity > ROOM {
            let why = "fewer --connections or a smaller --depth are needed";
            return Err(io::Error::other(why));
        }
        let limit = 2 * depth + 2;
        let geometry = export.geometry;
        let log = Log::new();
        if export.left_over > 0 {
            log.say(format_args!(
                "the last {} bytes of {path:?} are not exported: they are no whole block of {}",
                export.left_over, geometry.align
            ));
        }
        let signals = Signals::install()?;
        let listener = Listener::bind(place)
            .map_err(|error| explain(&format!("cannot listen on {place:?}"), error))?;
        if let Place::Tcp(address) = place
            && !address.ip().is_loopback()
        {
            log.say(format_args!("{address} may be reached by others, and nothing is encrypted"));
        }
        let cx = Context::new(capacity)?;
        log.say(format_args!(
            "exporting {path:?} as {:?} on {place:?}: {} bytes, blocks of {}, {}",
            options.export,
            geometry.size,
            geometry.align,
            if geometry.read_only { "read-only" } else { "writable" }
        ));
        Ok(Self {
            cx,
            work: Work {
                queue: Queue::default(),
                disk: Disk::new(export, blocks_count)?,
                blocks,
                jobs: Slab::new(connections * limit),
                slow: VecDeque::with_capacity(connections * limit),
                syncs: Syncs::default(),
                offer: Offer { name: options.export.clone(), geometry },
                stats: Stats::default(),
                log,
                failures: Log::new(),
                clients: 0,
                limit,
                timeout: options.timeout,
                ending: false,
                taken: Vec::with_capacity(blocks_count),
                progress: 0,
                now: Instant::now(),
            },
            conns: (0..*connections).map(|_| None).collect(),
            serial: 0,
            listener_fd: listener.descriptor()?,
            listener: Some(listener),
            signals_fd: signals.descriptor()?,
            signals,
            signalled: false,
            knocking: false,
            accept_again: None,
            give_up: None,
            print_stats: options.stats,
            first: 0,
        })
    }
}
