//! Verdicts, causes and advice from findings that are made up. Here: how they are made up.

mod ends;
mod files;
mod measured;

use super::*;
use core::time::Duration;

/// Requests that all went alike.
fn samples(inside_us: u64, total_us: u64, done: bool, slept: bool) -> Samples {
    let mut samples = Samples::default();
    for _ in 0..100 {
        samples.add(sample(inside_us, total_us, done, slept));
    }
    samples
}

fn sample(inside_us: u64, total_us: u64, done: bool, slept: bool) -> Sample {
    let [inside, total] = [inside_us, total_us].map(Duration::from_micros);
    Sample { inside, total, done, slept, preempted: false }
}

fn asynchronous() -> Outcome {
    Outcome::Measured(samples(10, 100, false, false))
}

fn waits() -> Outcome {
    Outcome::Measured(samples(90, 90, true, true))
}

fn inside() -> Outcome {
    Outcome::Measured(samples(2, 2, true, false))
}

fn fails(errno: &str) -> Outcome {
    let mut samples = Samples::default();
    samples.add_failed(errno);
    Outcome::Measured(samples)
}

/// A file on ext4, with direct reads and overwrites that are asynchronous.
fn good() -> Findings {
    let subject = Subject {
        kind: Kind::File,
        size_bytes: 1 << 20,
        allocated_bytes: 1 << 20,
        first_hole: None,
        grown_bytes: 0,
        descriptor: None,
        filesystem: Some(Filesystem {
            kind: "ext4".into(),
            mounted_at: "/".into(),
            source: "/dev/sda1".into(),
            options: "rw".into(),
        }),
        device: Some(Device {
            name: "sda1".into(),
            logical_block_bytes: Some(512),
            physical_block_bytes: Some(4096),
            queue_requests: Some(64),
            rotational: Some(false),
        }),
        alignment: Some(Alignment { memory_bytes: 4, offset_bytes: 512 }),
        without_direct_io: false,
        page_cache: Some(PageCache { cached_pages: 0, dirty_pages: 0 }),
    };
    let mut findings = Findings {
        path: "/file".into(),
        asked: Asked { buffered: false, block_bytes: 4096, timeout_ms: 10_000 },
        machine: Machine {
            kernel: "Linux 6.18.1".into(),
            aio_nr: Some(0),
            aio_max_nr: Some(65_536),
            seccomp_filters: Some(0),
            ..Machine::default()
        },
        calls: vec![Call { name: "io_setup".into(), refused: None }],
        subject: Some(subject),
        trials: vec![],
        end: End::Complete,
        waiting_process: None,
    };
    set(&mut findings, Way::DirectRead, asynchronous());
    set(&mut findings, Way::DirectOverwrite, asynchronous());
    findings
}

/// Replaces the outcome of a trial, or adds it.
fn set(findings: &mut Findings, way: Way, outcome: Outcome) {
    findings.trials.retain(|trial| trial.way != way);
    findings.trials.push(Trial { way, target: Target::Scratch, at_once: 1, outcome });
}

fn subject(findings: &mut Findings) -> &mut Subject {
    findings.subject.as_mut().unwrap()
}

/// The verdict and its causes.
fn verdict(findings: &Findings) -> (Verdict, Vec<Cause>) {
    let Diagnosis { verdict, reasons, .. } = diagnose(findings);
    (verdict, reasons.iter().map(|reason| reason.cause).collect())
}
