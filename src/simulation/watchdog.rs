//! [`Watchdog`]: aborts a test that does not end.

use core::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use std::{eprintln, process, sync::Once, thread};

/// Aborts the process, with a message, if a watched section takes more than 15 to 30 seconds.
pub(crate) struct Watchdog {
    what: &'static str,
    count: AtomicU64,
    current: AtomicU64,
    started: Once,
}

/// A watched section, which ends when this value is dropped.
pub(crate) struct Watched(&'static AtomicU64);

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.store(IDLE, Ordering::Relaxed);
    }
}

/// No section is watched.
const IDLE: u64 = u64::MAX;

impl Watchdog {
    pub(crate) const fn new(what: &'static str) -> Self {
        let (count, current) = (AtomicU64::new(0), AtomicU64::new(IDLE));
        Self { what, count, current, started: Once::new() }
    }

    pub(crate) const fn what(&self) -> &'static str {
        self.what
    }

    /// Starts a watched section, which ends when the result is dropped. Its number is `number`, or
    /// the next one. Only one section is watched at a time.
    #[must_use]
    pub(crate) fn watch(&'static self, number: Option<u64>) -> Watched {
        if !cfg!(miri) {
            self.started.call_once(|| drop(thread::spawn(|| self.run())));
        }
        let next = self.count.fetch_add(1, Ordering::Relaxed);
        self.current.store(number.unwrap_or(next), Ordering::Relaxed);
        Watched(&self.current)
    }

    fn run(&self) {
        loop {
            let before = self.current.load(Ordering::Relaxed);
            thread::sleep(Duration::from_secs(15));
            if before != IDLE && self.current.load(Ordering::Relaxed) == before {
                eprintln!("{}{before}: does not end", self.what);
                process::abort();
            }
        }
    }
}
