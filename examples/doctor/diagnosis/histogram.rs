//! [`Histogram`]: how often something took how long.

use core::time::Duration;
use serde::{Deserialize, Serialize};

/// The bound of the first bucket. The others are 500 ns, 1 µs, 2 µs, ...
pub(crate) const FIRST_NS: u64 = 250;

/// Counts of durations, in buckets whose bounds are [`FIRST_NS`] times powers of two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Histogram {
    /// In order. Buckets without durations are left out.
    buckets: Vec<Bucket>,
    max_ns: u64,
}

/// The durations from a half of `below_ns` (in the first bucket, from 0) to less than `below_ns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bucket {
    pub(crate) below_ns: u64,
    pub(crate) count: u64,
}

impl Histogram {
    pub(crate) fn add(&mut self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.max_ns = self.max_ns.max(ns);
        let below_ns = (ns / FIRST_NS + 1).next_power_of_two().saturating_mul(FIRST_NS);
        match self.buckets.binary_search_by_key(&below_ns, |bucket| bucket.below_ns) {
            Ok(found) => {
                if let Some(bucket) = self.buckets.get_mut(found) {
                    bucket.count += 1;
                }
            }
            Err(position) => self.buckets.insert(position, Bucket { below_ns, count: 1 }),
        }
    }

    pub(crate) fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// How many durations are in the bucket with this bound.
    pub(crate) fn count(&self, below_ns: u64) -> u64 {
        let mut buckets = self.buckets.iter();
        buckets.find(|bucket| bucket.below_ns == below_ns).map_or(0, |bucket| bucket.count)
    }

    pub(crate) fn total(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.count).sum()
    }

    /// The duration that this percentage of all does not exceed, estimated within its bucket as if
    /// the durations were spread evenly.
    pub(crate) fn percentile(&self, percent: u64) -> Duration {
        let total = self.total();
        // The rank of the duration that is wanted, from 1.
        let rank = (total * percent).div_ceil(100).clamp(1, total.max(1));
        let mut before = 0;
        for &Bucket { below_ns, count } in &self.buckets {
            if before + count >= rank {
                let half = u128::from(below_ns / 2);
                let within = half * u128::from(rank - before) / u128::from(count.max(1));
                let ns = u64::try_from(half + within).unwrap_or(u64::MAX);
                return Duration::from_nanos(ns.min(self.max_ns));
            }
            before += count;
        }
        Duration::ZERO
    }
}
