//! [`diagnose`]: the verdict, the reasons, and what to change.

use super::{
    Access, Advice, Cause, End, Findings, Judgement, Kind, Refusal, Subject, Trial, Way, advice,
    causes, ends, notes,
};
use core::fmt;
use serde::{Deserialize, Serialize};

/// What the findings mean.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Diagnosis {
    pub(crate) verdict: Verdict,
    /// Why the verdict is not [`Verdict::Asynchronous`].
    pub(crate) reasons: Vec<Reason>,
    /// What would not be asynchronous, or not possible, if the program did it.
    pub(crate) notes: Vec<Reason>,
    /// What to change, in the order of what it brings.
    pub(crate) advice: Vec<Advice>,
    /// The trials that were made, judged.
    pub(crate) ways: Vec<Judged>,
}

/// Whether requests of a kind were asynchronous.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Judged {
    pub(crate) way: Way,
    pub(crate) judgement: Judgement,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reason {
    pub(crate) cause: Cause,
    pub(crate) text: String,
    /// What the trials have shown.
    pub(crate) evidence: Vec<String>,
}

impl Reason {
    pub(crate) fn new(cause: Cause, text: impl Into<String>) -> Self {
        Self { cause, text: text.into(), evidence: Vec::new() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// All requests that the program makes are asynchronous, as far as they could be tried.
    Asynchronous,
    /// Some are.
    Partly,
    /// None are.
    NotAsynchronous,
    /// AIO cannot be used here.
    Unavailable,
    /// A request or a system call does not return.
    Stalled,
    /// Nothing could be tried.
    Unknown,
}

impl Verdict {
    /// The exit code of the program.
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Asynchronous => 0,
            Self::Partly | Self::NotAsynchronous | Self::Unavailable | Self::Stalled => 1,
            Self::Unknown => 2,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asynchronous => "asynchronous",
            Self::Partly => "partly asynchronous",
            Self::NotAsynchronous => "not asynchronous",
            Self::Unavailable => "native AIO cannot be used",
            Self::Stalled => "stalled",
            Self::Unknown => "unknown",
        })
    }
}

/// Finds the verdict, the reasons, and what to change.
pub(crate) fn diagnose(findings: &Findings) -> Diagnosis {
    let (verdict, reasons) = match ends::early(findings) {
        Some((verdict, reason)) => (verdict, vec![reason]),
        None => complete(findings),
    };
    let mut notes = notes::of(findings);
    notes.retain(|note| reasons.iter().all(|reason| reason.cause != note.cause));
    let advice = advice::advise(findings, &reasons, &notes);
    let ways = findings.trials.iter();
    let ways =
        ways.map(|trial| Judged { way: trial.way, judgement: Judgement::of(&trial.outcome) });
    Diagnosis { verdict, reasons, notes, advice, ways: ways.collect() }
}

/// The verdict, if all trials were made.
fn complete(findings: &Findings) -> (Verdict, Vec<Reason>) {
    if let Some(reason) = causes::without_transfers(findings) {
        return (Verdict::NotAsynchronous, vec![reason]);
    }
    let judged = findings.judged();
    let count = |wanted: &Judgement| judged.iter().filter(|(_, found)| found == wanted).count();
    let (asynchronous, partly) = (count(&Judgement::Asynchronous), count(&Judgement::Partly));
    let verdict = match asynchronous {
        _ if judged.is_empty() => return (Verdict::Unknown, causes::untried(findings)),
        all if all == judged.len() => Verdict::Asynchronous,
        0 if partly == 0 => Verdict::NotAsynchronous,
        _ => Verdict::Partly,
    };
    let mut slow = judged;
    slow.retain(|(_, judgement)| *judgement != Judgement::Asynchronous);
    (verdict, causes::why(findings, &slow))
}

impl Findings {
    pub(crate) fn trial(&self, way: Way) -> Option<&Trial> {
        self.trials.iter().find(|trial| trial.way == way)
    }

    /// Whether requests of this kind were asynchronous.
    pub(crate) fn judgement(&self, way: Way) -> Judgement {
        self.trial(way).map_or(Judgement::Untried, |trial| Judgement::of(&trial.outcome))
    }

    /// Whether the user's program uses direct I/O.
    pub(crate) fn uses_direct(&self) -> bool {
        let descriptor = self.subject.as_ref().and_then(|subject| subject.descriptor);
        descriptor.map_or(!self.asked.buffered, |descriptor| descriptor.direct)
    }

    /// The requests that the user's program makes, as far as that is known.
    pub(crate) fn uses(&self) -> Vec<Way> {
        let Some(subject) = &self.subject else { return Vec::new() };
        let access = subject.descriptor.map_or(Access::ReadWrite, |descriptor| descriptor.access);
        let direct = self.uses_direct();
        let mut uses = Vec::new();
        if access != Access::Write {
            uses.push(if direct { Way::DirectRead } else { Way::BufferedRead });
        }
        if access == Access::Read || subject.kind == Kind::BlockDevice {
            return uses;
        }
        if !direct {
            uses.push(Way::BufferedOverwrite);
        } else if subject.appends() {
            uses.push(Way::DirectExtend);
        } else {
            uses.push(Way::DirectOverwrite);
            uses.extend(subject.unwritten());
            if subject.grown_bytes > 0 {
                uses.push(Way::DirectExtend);
            }
        }
        uses
    }

    /// Those of them that were tried, with the results.
    pub(crate) fn judged(&self) -> Vec<(Way, Judgement)> {
        let judged = self.uses().into_iter().map(|way| (way, self.judgement(way)));
        judged.filter(|(_, judgement)| judgement.is_known()).collect()
    }

    /// The refusal of AIO, if that is what ended the examination.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        if let End::Unavailable(refusal) = &self.end { Some(refusal) } else { None }
    }
}

impl Subject {
    /// Whether the file is open with `O_APPEND`.
    pub(crate) fn appends(&self) -> bool {
        self.descriptor.is_some_and(|descriptor| descriptor.append)
    }

    /// What writes to blocks without data are, if the file has such blocks.
    pub(crate) fn unwritten(&self) -> Option<Way> {
        let hole = self.kind == Kind::File && self.first_hole.is_some();
        let preallocated = self.allocated_bytes >= self.size_bytes;
        hole.then_some(if preallocated { Way::DirectPreallocated } else { Way::DirectHole })
    }
}
