//! The table of the trials.

use crate::diagnosis::{Findings, Judgement, Outcome, Samples, Short, Target, Trial};
use core::fmt::{Result, Write as _};

/// Writes a line for each trial.
pub(super) fn write(out: &mut String, findings: &Findings) -> Result {
    if findings.trials.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\nRequests of {} bytes, one at a time\n{:66}{:>20}  {:>20}",
        findings.asked.block_bytes, "", "inside io_submit", "to completion"
    )?;
    writeln!(
        out,
        "{:37} {:24}{:>3} {:>9} {:>10}  {:>9} {:>10}",
        "", "", "", "median", "99 %", "median", "99 %"
    )?;
    for trial in &findings.trials {
        row(out, trial)?;
    }
    if findings.trials.iter().any(|trial| trial.target == Target::Scratch) {
        out.push_str("* on a scratch file in its directory\n");
    }
    Ok(())
}

/// Writes the line of a trial.
fn row(out: &mut String, trial: &Trial) -> Result {
    let at_once = if trial.at_once == 1 { String::new() } else { format!(" ({})", trial.at_once) };
    let target = if trial.target == Target::Scratch { "*" } else { "" };
    let way = format!("{}{at_once}{target}", trial.way);
    let mut line = format!("{way:37} {:24}", Judgement::of(&trial.outcome));
    if let Outcome::Measured(samples) = &trial.outcome
        && samples.succeeded() > 0
    {
        let Samples { inside, total, .. } = samples;
        let [median, most, until, longest] = [(inside, 50), (inside, 99), (total, 50), (total, 99)]
            .map(|(histogram, percent)| Short(histogram.percentile(percent)));
        let count = samples.succeeded();
        write!(line, "{count:>3} {median:>9} {most:>10}  {until:>9} {longest:>10}")?;
    }
    writeln!(out, "{}", line.trim_end())
}
