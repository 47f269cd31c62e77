//! What the user sees.

mod bars;
mod facts;
mod table;

use crate::diagnosis::{Diagnosis, Findings, Reason, Verdict};
use core::fmt::Write as _;
use serde::Serialize;
use std::io::{self, Write as _};

/// The version of the form of the JSON. It grows when a field gets another meaning or goes.
const FORMAT: u32 = 1;

/// Prints to the standard output, which may be closed or full.
pub(crate) fn print(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| format!("cannot write to the standard output: {error}"))
}

/// The report as JSON.
pub(crate) fn json(findings: &Findings, diagnosis: &Diagnosis) -> Result<String, String> {
    #[derive(Serialize)]
    struct Report<'a> {
        format: u32,
        diagnosis: &'a Diagnosis,
        findings: &'a Findings,
    }
    let report = Report { format: FORMAT, diagnosis, findings };
    let json = serde_json::to_string_pretty(&report);
    json.map(|json| json + "\n").map_err(|error| format!("cannot make JSON: {error}"))
}

/// The report as text.
pub(crate) fn text(findings: &Findings, diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_text(&mut text, findings, diagnosis);
    text
}

fn write_text(
    out: &mut String,
    findings: &Findings,
    diagnosis: &Diagnosis,
) -> Result<(), core::fmt::Error> {
    writeln!(out, "{:?}: {}", findings.path, diagnosis.verdict)?;
    if diagnosis.verdict == Verdict::Asynchronous {
        let ways: Vec<_> = findings.judged().iter().map(|(way, _)| way.to_string()).collect();
        item(out, "  * ", &format!("io_submit does not wait for {}", ways.join(", ")))?;
    }
    reasons(out, &diagnosis.reasons)?;
    if !diagnosis.notes.is_empty() {
        out.push_str("\nKeep in mind\n");
    }
    reasons(out, &diagnosis.notes)?;
    if !diagnosis.advice.is_empty() {
        out.push_str("\nWhat to change, by what it brings\n");
    }
    for (number, advice) in (1_u32..).zip(&diagnosis.advice) {
        item(out, &format!("{number:3} "), &advice.text)?;
    }
    table::write(out, findings)?;
    bars::write(out, findings)?;
    facts::write(out, findings)
}

fn reasons(out: &mut String, reasons: &[Reason]) -> Result<(), core::fmt::Error> {
    for reason in reasons {
        item(out, "  * ", &reason.text)?;
        for evidence in &reason.evidence {
            item(out, "      ", evidence)?;
        }
    }
    Ok(())
}

/// The width of a line.
const WIDTH: usize = 100;

/// Writes a paragraph with a mark before it, in lines of up to [`WIDTH`] columns.
fn item(out: &mut String, mark: &str, text: &str) -> Result<(), core::fmt::Error> {
    let mut line = mark.to_owned();
    for word in text.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > WIDTH && line.trim() != "" {
            writeln!(out, "{}", line.trim_end())?;
            line = " ".repeat(mark.chars().count());
        }
        line.push_str(word);
        line.push(' ');
    }
    writeln!(out, "{}", line.trim_end())
}
