//! The histograms.

use crate::diagnosis::{FIRST_NS, Findings, Histogram, Outcome, Samples, Short, Way};
use core::{
    fmt::{Result, Write as _},
    time::Duration,
};

/// The trials whose histograms are printed. The JSON has all of them.
const SHOWN: [Way; 4] =
    [Way::DirectRead, Way::DirectOverwrite, Way::BufferedRead, Way::BufferedOverwrite];

/// The length of the longest bar.
const LONGEST: u64 = 24;

/// Writes the histograms of reads and overwrites, as the program makes them.
pub(super) fn write(out: &mut String, findings: &Findings) -> Result {
    let direct = findings.uses_direct();
    for way in SHOWN.into_iter().filter(|way| way.is_direct() == direct) {
        let outcome = findings.trial(way).map(|trial| &trial.outcome);
        if let Some(Outcome::Measured(samples)) = outcome
            && samples.succeeded() > 0
        {
            histograms(out, way, samples)?;
        }
    }
    Ok(())
}

/// Writes the two histograms of a trial, side by side.
fn histograms(out: &mut String, way: Way, samples: &Samples) -> Result {
    let Samples { inside, total, .. } = samples;
    writeln!(out, "\n{:23}{:31}to completion", way.to_string(), "inside io_submit")?;
    let bounds = || inside.buckets().iter().chain(total.buckets()).map(|bucket| bucket.below_ns);
    let mut below = bounds().min().unwrap_or(1);
    while below <= bounds().max().unwrap_or(0) {
        let bar = |histogram: &Histogram| match histogram.count(below) {
            0 => String::new(),
            count => {
                let len = (count * LONGEST).div_ceil(histogram.total().max(1));
                format!("{} {count}", "#".repeat(usize::try_from(len).unwrap_or(0)))
            }
        };
        let from = if below == FIRST_NS { 0 } else { below / 2 };
        let [from, to] = [from, below].map(|ns| Short(Duration::from_nanos(ns)));
        let line = format!("{from:>9} .. {to:>8}  {:31}{}", bar(inside), bar(total));
        writeln!(out, "{}", line.trim_end())?;
        let Some(next) = below.checked_mul(2) else { break };
        below = next;
    }
    Ok(())
}
