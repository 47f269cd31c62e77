//! Files on which all trials were made.

use super::{super::advice::Gain, *};

#[test]
fn direct_reads_and_overwrites_are_asynchronous() {
    let diagnosis = diagnose(&good());
    assert_eq!((diagnosis.verdict, diagnosis.reasons.len()), (Verdict::Asynchronous, 0));
    assert_eq!((diagnosis.notes.len(), diagnosis.advice.len()), (0, 0), "{diagnosis:#?}");
}

#[test]
fn one_of_two_makes_partly_asynchronous() {
    let mut findings = good();
    set(&mut findings, Way::DirectOverwrite, waits());
    assert_eq!(verdict(&findings), (Verdict::Partly, vec![Cause::FileSystem]));
    set(&mut findings, Way::DirectRead, inside());
    assert_eq!(verdict(&findings), (Verdict::NotAsynchronous, vec![Cause::FileSystem]));
    let reasons = diagnose(&findings).reasons;
    assert_eq!(reasons[0].evidence.len(), 2, "one reason with the evidence of both: {reasons:?}");
}

#[test]
fn what_was_not_tried_does_not_count() {
    let mut findings = good();
    set(&mut findings, Way::DirectOverwrite, Outcome::Untried("the disk is full".into()));
    let diagnosis = diagnose(&findings);
    assert_eq!(diagnosis.verdict, Verdict::Asynchronous);
    assert_eq!(diagnosis.notes[0].cause, Cause::Untried);
    assert!(diagnosis.notes[0].text.contains("the disk is full"));
    set(&mut findings, Way::DirectRead, Outcome::Untried("the disk is full".into()));
    assert_eq!(verdict(&findings), (Verdict::Unknown, vec![Cause::Untried]));
}

#[test]
fn buffered_use_is_judged_by_buffered_trials() {
    let mut findings = good();
    set(&mut findings, Way::BufferedRead, waits());
    set(&mut findings, Way::BufferedOverwrite, inside());
    let diagnosis = diagnose(&findings);
    assert_eq!(
        (diagnosis.verdict, diagnosis.notes[0].cause),
        (Verdict::Asynchronous, Cause::Buffered)
    );
    findings.asked.buffered = true;
    assert_eq!(verdict(&findings), (Verdict::NotAsynchronous, vec![Cause::Buffered]));
    let advice = &diagnose(&findings).advice[0];
    assert!(advice.text.contains("direct reads and overwrites are asynchronous"), "{advice:?}");
    assert!(advice.text.contains("to 512"), "{advice:?}");
    // Where direct I/O is not asynchronous either, O_DIRECT is no advice.
    set(&mut findings, Way::DirectRead, waits());
    set(&mut findings, Way::DirectOverwrite, fails("EINVAL"));
    let advice = &diagnose(&findings).advice[0];
    assert!(advice.text.contains("threads") && !advice.text.contains("O_DIRECT"), "{advice:?}");
}

#[test]
fn descriptor_decides_what_is_judged() {
    let mut findings = good();
    set(&mut findings, Way::BufferedRead, inside());
    set(&mut findings, Way::DirectExtend, waits());
    for (access, direct, append, expected) in [
        (Access::Read, true, false, (Verdict::Asynchronous, vec![])),
        (Access::ReadWrite, true, true, (Verdict::Partly, vec![Cause::Extending])),
        (Access::Write, true, true, (Verdict::NotAsynchronous, vec![Cause::Extending])),
        (Access::Read, false, false, (Verdict::NotAsynchronous, vec![Cause::Buffered])),
    ] {
        subject(&mut findings).descriptor = Some(Descriptor { access, direct, append });
        assert_eq!(verdict(&findings), expected, "{access:?}, {direct}, {append}");
    }
}

#[test]
fn growth_counts_only_where_extending_waits() {
    let mut findings = good();
    set(&mut findings, Way::DirectExtend, waits());
    let diagnosis = diagnose(&findings);
    assert_eq!(
        (diagnosis.verdict, diagnosis.notes[0].cause),
        (Verdict::Asynchronous, Cause::Extending)
    );
    subject(&mut findings).grown_bytes = 4096;
    assert_eq!(verdict(&findings), (Verdict::Partly, vec![Cause::Extending]));
    let diagnosis = diagnose(&findings);
    assert!(diagnosis.reasons[0].text.contains("grew by 4096 bytes"), "{diagnosis:#?}");
    let advice = &diagnosis.advice[0];
    assert_eq!((advice.gain, advice.saves_ns.is_some()), (Gain::MoreAsynchronous, true));
    set(&mut findings, Way::DirectExtend, asynchronous());
    assert_eq!(verdict(&findings), (Verdict::Asynchronous, vec![]));
}

#[test]
fn holes_and_preallocated_blocks_are_told_apart() {
    let mut findings = good();
    set(&mut findings, Way::DirectHole, waits());
    set(&mut findings, Way::DirectPreallocated, asynchronous());
    assert_eq!(verdict(&findings).0, Verdict::Asynchronous, "the file has none");
    subject(&mut findings).first_hole = Some(8192);
    assert_eq!(verdict(&findings).0, Verdict::Asynchronous, "they are preallocated");
    subject(&mut findings).allocated_bytes = 8192;
    assert_eq!(verdict(&findings), (Verdict::Partly, vec![Cause::NotAllocated]));
    let diagnosis = diagnose(&findings);
    assert!(diagnosis.reasons[0].text.contains("the first at byte 8192"), "{diagnosis:#?}");
    assert!(diagnosis.advice[0].text.contains("(fallocate)"), "{diagnosis:#?}");
    set(&mut findings, Way::DirectPreallocated, waits());
    let advice = &diagnose(&findings).advice[0].text;
    assert!(advice.contains("fallocate alone is not enough"), "{advice}");
}

#[test]
fn memory_is_a_cause_however_direct_requests_end() {
    for outcome in [inside(), Outcome::NoDirect("EINVAL".into()), fails("EINVAL")] {
        let mut findings = good();
        subject(&mut findings).filesystem.as_mut().unwrap().kind = "tmpfs".into();
        for way in [Way::DirectRead, Way::DirectOverwrite] {
            set(&mut findings, way, outcome.clone());
        }
        assert_eq!(verdict(&findings), (Verdict::NotAsynchronous, vec![Cause::Memory]));
    }
}

#[test]
fn refusal_of_direct_requests_is_told_from_misalignment() {
    let mut findings = good();
    set(&mut findings, Way::DirectRead, fails("EINVAL"));
    assert_eq!(verdict(&findings), (Verdict::Partly, vec![Cause::NoDirect]));
    findings.asked.block_bytes = 1000;
    assert_eq!(verdict(&findings), (Verdict::Partly, vec![Cause::Unaligned]));
    set(&mut findings, Way::DirectRead, Outcome::NoDirect("EINVAL".into()));
    assert_eq!(verdict(&findings), (Verdict::Partly, vec![Cause::NoDirect]));
    set(&mut findings, Way::DirectRead, fails("EIO"));
    assert_eq!(verdict(&findings), (Verdict::Partly, vec![Cause::Fails]));
}

#[test]
fn o_direct_that_is_ignored_is_no_direct_io() {
    let mut findings = good();
    subject(&mut findings).without_direct_io = true;
    set(&mut findings, Way::DirectRead, inside());
    set(&mut findings, Way::DirectOverwrite, inside());
    assert_eq!(verdict(&findings), (Verdict::NotAsynchronous, vec![Cause::NoDirect]));
}

#[test]
fn dirty_pages_explain_reads_that_wait() {
    let mut findings = good();
    subject(&mut findings).page_cache = Some(PageCache { cached_pages: 9, dirty_pages: 7 });
    assert_eq!(verdict(&findings).0, Verdict::Asynchronous, "no read waits");
    set(&mut findings, Way::DirectRead, Outcome::Measured(samples(80, 160, false, true)));
    assert_eq!(verdict(&findings), (Verdict::Partly, vec![Cause::Dirty]));
    assert!(diagnose(&findings).reasons[0].text.starts_with("7 pages "));
}

#[test]
fn full_queue_is_a_note_with_advice() {
    let mut findings = good();
    set(&mut findings, Way::DirectReadBurst, asynchronous());
    assert_eq!(diagnose(&findings).notes, []);
    set(&mut findings, Way::DirectReadBurst, Outcome::Measured(samples(5000, 8000, false, true)));
    let diagnosis = diagnose(&findings);
    assert_eq!(diagnosis.verdict, Verdict::Asynchronous);
    assert_eq!(diagnosis.notes[0].cause, Cause::QueueFull);
    let advice = &diagnosis.advice[0].text;
    assert!(advice.starts_with("Keep fewer than 64 requests in flight on sda1"), "{advice}");
}

#[test]
fn huge_pages_are_advised_for_large_requests() {
    let mut findings = good();
    findings.machine.huge_pages.transparent = Some("never".into());
    assert_eq!(diagnose(&findings).advice, []);
    findings.asked.block_bytes = 1 << 20;
    let allow = &diagnose(&findings).advice[0].text;
    assert!(allow.starts_with("Allow transparent huge pages"), "{allow}");
    findings.machine.huge_pages.transparent = Some("madvise".into());
    let take = &diagnose(&findings).advice[0].text;
    assert!(take.starts_with("Take buffers from a BufPool"), "{take}");
}

#[test]
fn nowait_that_is_not_supported_is_a_note() {
    let mut findings = good();
    set(&mut findings, Way::DirectReadNowait, asynchronous());
    let told = |findings: &Findings| {
        diagnose(findings).advice.iter().any(|advice| advice.text.contains("NOWAIT"))
    };
    assert!(told(&findings), "reads can be told to return");
    set(&mut findings, Way::DirectReadNowait, fails("EOPNOTSUPP"));
    set(&mut findings, Way::DirectOverwriteNowait, fails("EAGAIN"));
    assert!(!told(&findings));
    let Diagnosis { verdict, notes, .. } = diagnose(&findings);
    assert_eq!((verdict, notes.len()), (Verdict::Asynchronous, 2), "{notes:?}");
    assert!(notes.iter().all(|note| note.cause == Cause::NoNowait), "{notes:?}");
}
