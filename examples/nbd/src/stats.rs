//! Counters, and a histogram of latencies.

use crate::wire::Command;
use core::fmt;
use linux_aio::Stats as AioStats;
use std::time::Duration;

/// The names of the commands that are counted, in the order of their numbers.
const NAMES: [&str; 6] = ["read", "write", "flush", "trim", "cache", "write-zeroes"];

/// What was done since the server started.
#[derive(Debug, Default)]
pub struct Stats {
    commands: [Counter; NAMES.len()],
    /// How many clients were accepted.
    pub connections: u64,
    /// How many connections ended because the client broke the protocol, or was too slow.
    pub expelled: u64,
    /// How many times a request waited because all blocks were in use.
    pub stalls: u64,
    /// How many submissions took a millisecond or more: the file system has made them wait.
    pub long_submissions: u64,
}

/// The requests of one command.
#[derive(Debug, Default)]
struct Counter {
    requests: u64,
    failed: u64,
    bytes: u64,
    latency: Histogram,
}

impl Stats {
    /// Counts a request that is over, from the arrival of its header to its reply.
    pub fn record(&mut self, command: Command, bytes: u32, ok: bool, took: Duration) {
        let index = match command {
            Command::Read => 0,
            Command::Write => 1,
            Command::Flush => 2,
            Command::Trim => 3,
            Command::Cache => 4,
            Command::WriteZeroes => 5,
            Command::Disconnect | Command::Unknown(_) => return,
        };
        let Some(counter) = self.commands.get_mut(index) else { return };
        counter.requests += 1;
        if ok {
            counter.bytes += u64::from(bytes);
        } else {
            counter.failed += 1;
        }
        counter.latency.add(took);
    }

    /// Returns the text of a report.
    pub fn report<'a>(
        &'a self,
        aio: &'a AioStats,
        unaligned: u64,
        in_use: usize,
    ) -> impl fmt::Display + use<'a> {
        Report { stats: self, aio, unaligned, in_use }
    }
}

/// Counts of durations: four buckets for each power of two of microseconds.
#[derive(Debug)]
struct Histogram([u64; 128]);

impl Default for Histogram {
    fn default() -> Self {
        Self([0; 128])
    }
}

impl Histogram {
    fn add(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.0.get_mut(Self::bucket(us)) {
            *bucket += 1;
        }
    }

    /// 0 to 3 µs have buckets of their own. Then the two bits below the highest select the bucket.
    fn bucket(us: u64) -> usize {
        let power = us.max(1).ilog2();
        let index = match power {
            0 | 1 => us,
            _ => u64::from(power - 1) * 4 + (us >> (power - 2) & 3),
        };
        usize::try_from(index).unwrap_or(usize::MAX).min(127)
    }

    /// Returns the upper bound of a bucket, in microseconds.
    fn bound(bucket: usize) -> u64 {
        let bucket = u64::try_from(bucket).unwrap_or(0);
        match bucket {
            0..4 => bucket + 1,
            _ => (bucket % 4 + 5) << (bucket / 4 - 1),
        }
    }

    /// Returns the bound below which so many per mille of the durations are.
    fn quantile(&self, per_mille: u64) -> u64 {
        let total: u64 = self.0.iter().sum();
        let mut left = total * per_mille / 1000;
        for (bucket, &count) in self.0.iter().enumerate() {
            if count > left {
                return Self::bound(bucket);
            }
            left -= count;
        }
        self.0.iter().rposition(|&count| count > 0).map_or(0, Self::bound)
    }
}

struct Report<'a> {
    stats: &'a Stats,
    aio: &'a AioStats,
    unaligned: u64,
    in_use: usize,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stats, aio, unaligned, in_use } = self;
        writeln!(
            f,
            "{:<14}{:>12}{:>9}{:>12}{:>10}{:>10}{:>10}{:>10}",
            "statistics", "requests", "failed", "MiB", "p50 µs", "p99 µs", "p99.9 µs", "max µs"
        )?;
        for (name, counter) in NAMES.iter().zip(&stats.commands) {
            let Counter { requests, failed, bytes, latency } = counter;
            let mib = bytes >> 20;
            write!(f, "  {name:<12}{requests:>12}{failed:>9}{mib:>12}")?;
            for per_mille in [500, 990, 999, 1000] {
                write!(f, "{:>10}", latency.quantile(per_mille))?;
            }
            writeln!(f)?;
        }
        writeln!(
            f,
            "  connections {}, ended by the server {}; unaligned writes {unaligned}; waits for a block {}; \
             blocks in use {in_use}",
            stats.connections, stats.expelled, stats.stalls
        )?;
        write!(
            f,
            "  kernel: submitted {}, of these over when the submission returned {}, refused {}; \
             submissions that took 1 ms or more {}; system calls {}, completions without one {}",
            aio.accepted,
            aio.completed_in_submit,
            aio.refused,
            stats.long_submissions,
            aio.system_calls,
            aio.ring_events
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_contains_the_durations_below_its_bound() {
        for us in (0..5000).chain([1 << 20, (1 << 20) - 1, 1 << 30]) {
            let bucket = Histogram::bucket(us);
            assert!(us < Histogram::bound(bucket), "{us}");
            assert!(bucket == 0 || us >= Histogram::bound(bucket - 1), "{us}");
        }
    }

    #[test]
    fn quantiles_are_bounds_of_buckets() {
        let mut histogram = Histogram::default();
        for us in 0..1000 {
            histogram.add(Duration::from_micros(us));
        }
        assert_eq!(histogram.quantile(500), 512);
        assert_eq!(histogram.quantile(1000), 1024);
        assert_eq!(Histogram::default().quantile(500), 0);
    }
}
