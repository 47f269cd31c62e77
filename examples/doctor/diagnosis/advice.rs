//! [`Advice`]: what to change, in the order of what it brings.

use super::{
    Cause, Findings, Judgement, Outcome, Way,
    causes::{Short, file_system},
    machine_advice,
    verdict::Reason,
};
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// A change, and what it brings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Advice {
    pub(crate) gain: Gain,
    /// The time inside of `io_submit` that a request saves, if that was measured.
    pub(crate) saves_ns: Option<u64>,
    pub(crate) text: String,
}

/// What a change brings, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Gain {
    /// I/O is possible at all.
    Possible,
    /// All requests become asynchronous.
    Asynchronous,
    /// Some requests become asynchronous.
    MoreAsynchronous,
    /// A rare wait or error is avoided.
    Safer,
}

/// What to change.
pub(super) fn advise(findings: &Findings, reasons: &[Reason], notes: &[Reason]) -> Vec<Advice> {
    let mut all: Vec<Advice> =
        reasons.iter().filter_map(|reason| against(findings, reason.cause)).collect();
    for note in notes {
        let gain = Gain::Safer;
        all.extend(beside(findings, note.cause).map(|text| Advice { gain, saves_ns: None, text }));
    }
    all.extend(machine_advice::advise(findings));
    all.sort_by_key(|advice| (advice.gain, core::cmp::Reverse(advice.saves_ns)));
    all.dedup();
    all
}

/// What to change about a reason.
fn against(findings: &Findings, cause: Cause) -> Option<Advice> {
    let advice = |gain, text: String| Some(Advice { gain, saves_ns: None, text });
    let possible = |text: &str| advice(Gain::Possible, text.into());
    match cause {
        Cause::Forbidden => possible(
            "Allow io_setup, io_submit, io_getevents, io_pgetevents, io_cancel and io_destroy in the \
             seccomp profile, as the default profiles of Docker and containerd do; docs/SYSTEM_CALLS.md \
             lists the calls of each method.",
        ),
        Cause::NotImplemented => possible(
            "Use a kernel with CONFIG_AIO, or run outside of the emulator. Until then, use threads that \
             call pread and pwrite.",
        ),
        Cause::Limit => possible(
            "Raise the limit (sysctl fs.aio-max-nr=1048576), or close contexts: make few, and no larger \
             than what is kept in flight.",
        ),
        Cause::Stalled => advice(
            Gain::Possible,
            format!(
                "Find out why the device does not answer (dmesg; /sys/class/block/{}/inflight; fsfreeze -u \
                 if the file system is frozen). A read or write in flight cannot be cancelled: wait with \
                 a timeout, and keep its buffer until it completes.",
                device(findings).unwrap_or("DEVICE")
            ),
        ),
        Cause::Failed | Cause::Killed | Cause::Fails => possible(
            "Look for the failed call in the kernel's log (dmesg), or run this program under strace -f.",
        ),
        Cause::Untried => possible(
            "Run this as a user who may create files in the directory, and where there is space, or pass a \
             file that can be read.",
        ),
        Cause::NotAFile => advice(
            Gain::Asynchronous,
            "Poll first (Request::poll), then read without waiting (O_NONBLOCK). An event loop does the \
             same without AIO."
                .into(),
        ),
        Cause::Buffered => buffered(findings),
        Cause::NoDirect | Cause::Memory => advice(
            Gain::Asynchronous,
            "Put the file on ext4 (without data=journal and encryption), xfs or a block device. If it \
             must stay here, pread and pwrite are simpler and not slower."
                .into(),
        ),
        Cause::Dirty => advice(
            Gain::MoreAsynchronous,
            "Do not mix direct and buffered I/O on one file: write it directly too, or call fdatasync \
             after the last buffered write."
                .into(),
        ),
        Cause::FileSystem => advice(
            Gain::Asynchronous,
            format!(
                "Look at what makes {} execute direct I/O itself: data=journal, encryption, compression, \
                 checksums, inline data, or buffered writes to the same file that are not on the disk \
                 yet. Or put the file on ext4, xfs or a block device.",
                file_system(findings)
            ),
        ),
        Cause::Unaligned => advice(
            Gain::Asynchronous,
            format!(
                "Make offset and length multiples of {}, and use aligned memory (PageBuf).",
                alignment(findings)
            ),
        ),
        Cause::Extending => extending(findings),
        Cause::NotAllocated => not_allocated(findings),
        Cause::NoNowait | Cause::QueueFull => None,
    }
}

/// What to do about the page cache.
fn buffered(findings: &Findings) -> Option<Advice> {
    let reads = findings.judgement(Way::DirectRead);
    let writes = findings.judgement(Way::DirectOverwrite);
    if ![&reads, &writes].contains(&&Judgement::Asynchronous) {
        let text =
            "Use threads that call pread and pwrite: direct I/O is not asynchronous here either.";
        return Some(Advice { gain: Gain::Asynchronous, saves_ns: None, text: text.into() });
    }
    let what = match (&reads, &writes) {
        (Judgement::Asynchronous, Judgement::Asynchronous) => "direct reads and overwrites are",
        (Judgement::Asynchronous, _) => "direct reads are",
        _ => "direct overwrites are",
    };
    let text = format!(
        "Open the file with O_DIRECT: here, {what} asynchronous. Align offset and length to {}. The \
         program then needs a cache of its own.",
        alignment(findings)
    );
    let saves =
        [(Way::BufferedRead, Way::DirectRead), (Way::BufferedOverwrite, Way::DirectOverwrite)];
    let saves_ns = saves.into_iter().filter_map(|(slow, fast)| saved(findings, slow, fast)).max();
    Some(Advice { gain: Gain::Asynchronous, saves_ns, text })
}

fn extending(findings: &Findings) -> Option<Advice> {
    let appends = findings.subject.as_ref().is_some_and(|subject| subject.appends());
    let text = if appends {
        "Open the file without O_APPEND. Give it its length in advance and write all of it once, then \
         overwrite it."
    } else {
        "Give the file its length in advance and write all of it once, then overwrite it."
    };
    measured(findings, Way::DirectExtend, text)
}

fn not_allocated(findings: &Findings) -> Option<Advice> {
    let preallocated = findings.judgement(Way::DirectPreallocated) == Judgement::Asynchronous;
    let text = if preallocated {
        "Allocate the blocks in advance (fallocate)."
    } else {
        "Write the blocks once in advance; fallocate alone is not enough here."
    };
    let unwritten = findings.subject.as_ref().and_then(|subject| subject.unwritten());
    measured(findings, unwritten.unwrap_or(Way::DirectHole), text)
}

/// Advice to overwrite instead, with what that saves.
fn measured(findings: &Findings, slow: Way, text: &str) -> Option<Advice> {
    let saves_ns = saved(findings, slow, Way::DirectOverwrite);
    let median = |way| Some(Short(samples_inside(findings, way)?));
    let text = match (saves_ns, median(slow), median(Way::DirectOverwrite)) {
        (Some(_), Some(slow), Some(fast)) => {
            format!("{text} io_submit then takes {fast} instead of {slow} for a request (median).")
        }
        _ => text.into(),
    };
    Some(Advice { gain: Gain::MoreAsynchronous, saves_ns, text })
}

/// What to keep in mind about something that the program may do.
fn beside(findings: &Findings, cause: Cause) -> Option<String> {
    let direct = findings.uses_direct();
    Some(match cause {
        Cause::Extending if direct => "Do not let writes extend the file: write all of it once in \
                                       advance, then overwrite."
            .into(),
        Cause::NotAllocated if direct => "Do not write to holes, or to blocks that were only \
                                          preallocated: write them once in advance."
            .into(),
        Cause::QueueFull if direct => {
            let queue = findings.subject.as_ref()?.device.as_ref()?.queue_requests?;
            format!(
                "Keep fewer than {queue} requests in flight on {}, or submit them in smaller batches.",
                device(findings)?
            )
        }
        Cause::Untried if findings.judged().is_empty() => return None,
        Cause::Untried => {
            "Run this where a scratch file can be created, to have writes tried too.".into()
        }
        _ => return None,
    })
}

/// The name of the device.
fn device(findings: &Findings) -> Option<&str> {
    Some(&findings.subject.as_ref()?.device.as_ref()?.name)
}

fn alignment(findings: &Findings) -> u64 {
    let alignment = findings.subject.as_ref().and_then(|subject| subject.alignment);
    alignment.map_or(4096, |alignment| alignment.offset_bytes)
}

/// The median time inside of `io_submit`.
fn samples_inside(findings: &Findings, way: Way) -> Option<Duration> {
    match &findings.trial(way)?.outcome {
        Outcome::Measured(samples) if samples.succeeded() > 0 => {
            Some(samples.inside.percentile(50))
        }
        _ => None,
    }
}

/// By how much the median time inside of `io_submit` is longer.
fn saved(findings: &Findings, slow: Way, fast: Way) -> Option<u64> {
    let saved = samples_inside(findings, slow)?.checked_sub(samples_inside(findings, fast)?)?;
    u64::try_from(saved.as_nanos()).ok()
}
