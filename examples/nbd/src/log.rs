//! Lines for the operator, on standard error.

use core::fmt;
use std::{
    io::{self, Write as _},
    time::{Duration, Instant},
};

/// How many lines about failed requests are written in a second. The others are counted.
const LINES: u32 = 10;

/// Writes lines, and keeps a failing device or a hostile client from filling the log.
#[derive(Debug)]
pub struct Log {
    since: Instant,
    written: u32,
    suppressed: u64,
}

impl Log {
    /// Makes a log.
    #[must_use]
    pub fn new() -> Self {
        Self { since: Instant::now(), written: 0, suppressed: 0 }
    }

    /// Writes a line.
    pub fn say(&self, what: fmt::Arguments<'_>) {
        // There is no other place to report an error.
        let _written = writeln!(io::stderr(), "nbd: {what}");
    }

    /// Writes a line that clients or devices can cause in any number.
    pub fn limited(&mut self, what: fmt::Arguments<'_>) {
        if self.since.elapsed() >= Duration::from_secs(1) {
            if self.suppressed > 0 {
                self.say(format_args!("{} more lines were suppressed", self.suppressed));
            }
            *self = Self::new();
        }
        if self.written < LINES {
            self.written += 1;
            self.say(what);
        } else {
            self.suppressed += 1;
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}
