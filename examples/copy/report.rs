//! The result of a copy, in numbers.

use crate::failure::Failure;
use core::{fmt, time::Duration};
use linux_aio::PageKind;
use std::io::{self, Write as _};

/// A copy that is complete.
pub(crate) struct Copied {
    /// The length of the file.
    pub(crate) len: u64,
    /// How much of it was data, not holes.
    pub(crate) data_bytes: u64,
    /// From opening the source until all was on the disk.
    pub(crate) elapsed: Duration,
    pub(crate) requests: u64,
    /// Of the calls that submit requests or wait for them.
    pub(crate) system_calls: u64,
    /// Whether the source was read, and the destination written, by direct I/O.
    pub(crate) direct: [bool; 2],
    /// The kind of pages that the buffers are in.
    pub(crate) pages: PageKind,
    /// What was done differently from what was asked for.
    pub(crate) notes: Vec<String>,
}

impl Copied {
    /// Requests per system call, on average.
    pub(crate) fn requests_per_call(&self) -> Tenths {
        Tenths::ratio(self.requests.into(), self.system_calls.into())
    }

    /// The pages of the buffers.
    pub(crate) fn buffers(&self) -> &'static str {
        if self.pages == PageKind::Base {
            "buffers in small pages"
        } else {
            "buffers in huge pages"
        }
    }

    /// How the two files were accessed.
    pub(crate) fn access(&self) -> &'static str {
        match self.direct {
            [true, true] => "direct",
            [true, false] => "direct reads, buffered writes",
            [false, true] => "buffered reads, direct writes",
            [false, false] => "buffered",
        }
    }
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len)?;
        if self.data_bytes < self.len {
            write!(f, " ({} of them data, the rest holes)", self.data_bytes)?;
        }
        writeln!(
            f,
            " in {:.3} s, {} MiB/s, {} requests per system call, {}, {}",
            self.elapsed.as_secs_f64(),
            mib_per_second(self.data_bytes, self.elapsed),
            self.requests_per_call(),
            self.buffers(),
            self.access()
        )
    }
}

/// A throughput.
pub(crate) fn mib_per_second(bytes: u64, elapsed: Duration) -> Tenths {
    const NANOS: u128 = 1_000_000_000;
    const MIB: u128 = 1 << 20;
    Tenths::ratio(u128::from(bytes) * NANOS, elapsed.as_nanos() * MIB)
}

/// A number with one decimal place.
pub(crate) struct Tenths(u128);

impl Tenths {
    /// `of / by`, and 0 of nothing.
    pub(crate) fn ratio(of: u128, by: u128) -> Self {
        Self((of * 10 + by / 2).checked_div(by).unwrap_or(0))
    }
}

impl Tenths {
    /// The number, for statistics.
    #[expect(clippy::as_conversions, reason = "the numbers are far below 2^53")]
    pub(crate) const fn as_f64(&self) -> f64 {
        self.0 as f64 / 10.0
    }
}

impl fmt::Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}", self.0 / 10, self.0 % 10))
    }
}

/// Prints to the standard output, which may be closed or full.
pub(crate) fn print(what: fmt::Arguments<'_>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_fmt(what).and_then(|()| out.flush()).map_err(Failure::Print)
}
