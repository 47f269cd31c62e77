//! The table of the trials.

use crate::diagnosis::{Findings, Judgement, Outcome, Short, Target};
use core::fmt::{Result, Write as _};

/// Writes a line for each trial.
pub(super) fn write(out: &mut String, findings: &Findings) -> Result {
    if findings.trials.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\nOne request of {} bytes at a time\n{:66}{:>20}  {:>20}",
        findings.asked.block_bytes, "", "inside io_submit", "to completion"
    )?;
    writeln!(
        out,
        "{:37} {:24}{:>3} {:>9} {:>10}  {:>9} {:>10}",
        "", "", "", "median", "99 %", "median", "99 %"
    )?;
    for trial in &findings.trials {
        let target = if trial.target == Target::Scratch { "*" } else { "" };
        write!(
            out,
            "{:37} {:24}",
            format!("{}{target}", trial.way),
            Judgement::of(&trial.outcome)
        )?;
        match &trial.outcome {
            Outcome::Measured(samples) if samples.succeeded() > 0 => {
                let time = |duration| Short(duration);
                writeln!(
                    out,
                    "{:>3} {:>9} {:>10}  {:>9} {:>10}",
                    samples.succeeded(),
                    time(samples.inside.percentile(50)),
                    time(samples.inside.percentile(99)),
                    time(samples.total.percentile(50)),
                    time(samples.total.percentile(99)),
                )?;
            }
            _ => {
                let end = out.trim_end().len();
                out.truncate(end);
                out.push('\n');
            }
        }
    }
    if findings.trials.iter().any(|trial| trial.target == Target::Scratch) {
        out.push_str("* on a scratch file in its directory\n");
    }
    Ok(())
}
