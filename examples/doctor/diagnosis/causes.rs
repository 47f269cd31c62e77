//! [`Cause`]: why I/O is not asynchronous, and the sentences that say so.

use super::{Findings, Judgement, Kind, Outcome, Way, verdict::Reason};
use core::{fmt, time::Duration};
use serde::{Deserialize, Serialize};

/// Why I/O is not asynchronous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Cause {
    /// A sandbox forbids a system call of AIO.
    Forbidden,
    /// The kernel has no AIO.
    NotImplemented,
    /// `fs.aio-max-nr` is used up.
    Limit,
    /// A system call of AIO failed for another reason.
    Failed,
    /// The device does not answer, or a system call does not return.
    Stalled,
    /// A signal killed the process that makes the trials.
    Killed,
    /// The file is open without `O_DIRECT`.
    Buffered,
    /// The file system has no direct I/O.
    NoDirect,
    /// The file is in memory.
    Memory,
    /// Requests are not aligned.
    Unaligned,
    /// Writes extend the file.
    Extending,
    /// Blocks are not allocated, or were not written yet.
    NotAllocated,
    /// The page cache has data of the file that is not on the disk yet.
    Dirty,
    /// The file system executes direct I/O inside of `io_submit`.
    FileSystem,
    /// Requests fail.
    Fails,
    /// The queue of the device is full.
    QueueFull,
    /// A pipe, a socket or a character device.
    NotAFile,
    /// `RwFlags::NOWAIT` is not supported.
    NoNowait,
    /// The user may not do what the trials need, or the disk is full.
    Untried,
}

/// Why nothing can be tried on this kind of file.
pub(super) fn without_transfers(findings: &Findings) -> Option<Reason> {
    let what = match findings.subject.as_ref()?.kind {
        Kind::File | Kind::Directory | Kind::BlockDevice => return None,
        Kind::Pipe => "a pipe: a read waits inside of io_submit until there is data",
        Kind::Socket => "a socket: a read waits inside of io_submit until there is data",
        Kind::CharacterDevice => "a character device: io_submit executes the requests itself",
        Kind::Other => "neither a file nor a directory nor a block device",
    };
    Some(Reason::new(Cause::NotAFile, format!("this is {what}")))
}

/// Why nothing was tried.
pub(super) fn untried(findings: &Findings) -> Vec<Reason> {
    let uses = findings.uses().into_iter().filter_map(|way| findings.trial(way));
    let mut reasons: Vec<_> = uses
        .filter_map(|trial| match &trial.outcome {
            Outcome::Untried(why) => Some(Reason::new(Cause::Untried, why.clone())),
            _ => None,
        })
        .collect();
    reasons.dedup();
    reasons
}

/// Why requests that were tried are not asynchronous: one reason for each cause.
pub(super) fn why(findings: &Findings, slow: &[(Way, Judgement)]) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    for (way, judgement) in slow {
        let (cause, sentence) = sentence(findings, *way, judgement);
        let evidence = share(findings, *way);
        match reasons.iter_mut().find(|reason| reason.cause == cause) {
            Some(reason) => reason.evidence.push(evidence),
            None => reasons.push(Reason { cause, text: sentence, evidence: vec![evidence] }),
        }
    }
    reasons
}

/// Why requests of a kind are not asynchronous.
fn sentence(findings: &Findings, way: Way, judgement: &Judgement) -> (Cause, String) {
    let system = file_system(findings);
    if let Some(memory) = in_memory(findings) {
        return (
            Cause::Memory,
            format!("{memory} is in memory, so io_submit copies the data itself"),
        );
    }
    match judgement {
        Judgement::NoDirect(errno) => {
            return (Cause::NoDirect, format!("{system} refuses O_DIRECT with {errno}"));
        }
        Judgement::Fails(errno) if errno == "EINVAL" && way.is_direct() => {
            return refused(findings);
        }
        Judgement::Fails(errno) => return (Cause::Fails, format!("requests fail with {errno}")),
        _ => {}
    }
    if !way.is_direct() {
        let text =
            "without O_DIRECT, io_submit executes the requests itself, through the page cache";
        return (Cause::Buffered, text.into());
    }
    match way {
        Way::DirectExtend => (
            Cause::Extending,
            format!("{}io_submit waits for writes that extend the file", growth(findings)),
        ),
        Way::DirectHole | Way::DirectPreallocated => {
            let first = findings.subject.as_ref().and_then(|subject| subject.first_hole);
            let what = if way == Way::DirectHole { "allocated" } else { "written yet" };
            let text = format!(
                "blocks of the file are not {what}, the first at byte {}: io_submit waits for writes there",
                first.unwrap_or(0)
            );
            (Cause::NotAllocated, text)
        }
        _ => in_file_system(findings, way, judgement),
    }
}

/// Why direct reads or overwrites are not asynchronous.
fn in_file_system(findings: &Findings, way: Way, judgement: &Judgement) -> (Cause, String) {
    let system = file_system(findings);
    if findings.subject.as_ref().is_some_and(|subject| subject.without_direct_io) {
        let text = format!("{system} has no direct I/O for this file, and ignores O_DIRECT");
        return (Cause::NoDirect, text);
    }
    if let Some(pages) = dirty_pages(findings).filter(|_| way == Way::DirectRead) {
        let text = format!(
            "{pages} pages of the file are in the page cache and not on the disk yet: a direct read of \
             them first writes them, inside of io_submit"
        );
        return (Cause::Dirty, text);
    }
    let text = if matches!(judgement, Judgement::Blocks | Judgement::Partly) {
        format!("io_submit waits before {system} starts the request")
    } else {
        format!("{system} executes direct requests inside of io_submit")
    };
    (Cause::FileSystem, text)
}

/// Why direct requests are refused with `EINVAL`.
fn refused(findings: &Findings) -> (Cause, String) {
    let subject = findings.subject.as_ref();
    let needed = subject.and_then(|subject| subject.alignment).map_or(512, |of| of.offset_bytes);
    let block = findings.asked.block_bytes;
    if u64::try_from(block).is_ok_and(|block| block.is_multiple_of(needed)) {
        (Cause::NoDirect, format!("{} refuses direct requests with EINVAL", file_system(findings)))
    } else {
        let text = format!(
            "requests of {block} bytes are refused with EINVAL, because offset and length must be \
             multiples of {needed}"
        );
        (Cause::Unaligned, text)
    }
}

/// What a trial has shown.
pub(super) fn share(findings: &Findings, way: Way) -> String {
    let Some(Outcome::Measured(samples)) = findings.trial(way).map(|trial| &trial.outcome) else {
        return format!("{way}: O_DIRECT is refused");
    };
    let (inside, slept) = (samples.waited + samples.completed, samples.waited + samples.blocked);
    let (all, failed) = (samples.succeeded(), samples.failed.values().sum::<u64>());
    let median = Short(samples.inside.percentile(50));
    if failed > all {
        format!("{way}: {failed} of {} failed", all + failed)
    } else if inside * 2 > all {
        format!(
            "{way}: {inside} of {all} had completed when io_submit returned, after {median} (median)"
        )
    } else {
        format!("{way}: io_submit slept for {slept} of {all}, and took {median} (median)")
    }
}

fn growth(findings: &Findings) -> String {
    match findings.subject.as_ref() {
        Some(subject) if subject.appends() => "the file is open with O_APPEND: ".into(),
        Some(subject) if subject.grown_bytes > 0 => {
            format!("the file grew by {} bytes meanwhile: ", subject.grown_bytes)
        }
        _ => String::new(),
    }
}

/// How many pages of the file are not on the disk yet, if there are any.
pub(super) fn dirty_pages(findings: &Findings) -> Option<u64> {
    let pages = findings.subject.as_ref()?.page_cache?.dirty_pages;
    (pages > 0).then_some(pages)
}

/// The file system or device in memory that has the file, if it is one.
pub(super) fn in_memory(findings: &Findings) -> Option<String> {
    let subject = findings.subject.as_ref()?;
    let file_system = subject.filesystem.as_ref().map_or("", |found| found.kind.as_str());
    if ["tmpfs", "ramfs", "hugetlbfs", "devtmpfs", "rootfs"].contains(&file_system)
        && subject.kind != Kind::BlockDevice
    {
        return Some(format!("a file on {file_system}"));
    }
    let device = subject.device.as_ref()?.name.as_str();
    let memory = ["ram", "pmem", "zram"].iter().any(|prefix| device.starts_with(prefix));
    memory.then(|| format!("the device {device}"))
}

pub(super) fn file_system(findings: &Findings) -> String {
    let subject = findings.subject.as_ref().filter(|subject| subject.kind != Kind::BlockDevice);
    let found = subject.and_then(|subject| subject.filesystem.as_ref());
    found.map_or_else(|| "the device".into(), |found| found.kind.clone())
}

/// A duration in words: `4.2 µs`, `1.3 ms`, `2.0 s`.
pub(crate) struct Short(pub(crate) Duration);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0.as_nanos();
        let (unit, name) = match ns {
            0..1_000_000 => (1_000, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        f.pad(&format!("{}.{} {name}", ns / unit, ns % unit * 10 / unit))
    }
}
