//! Trials that end early, and the machine.

use super::*;

/// Findings of an examination that ended like this, before any trial.
fn ended(end: End) -> Findings {
    Findings { trials: vec![], end, ..good() }
}

fn refused(call: &str, errno: &str) -> Findings {
    let [call, errno, message] = [call, errno, "the crate's text"].map(str::to_owned);
    ended(End::Unavailable(Refusal { call, errno, message }))
}

#[test]
fn refused_call_is_a_sandbox_a_kernel_or_the_limit() {
    for (call, errno, filters, cause) in [
        ("io_setup", "EPERM", 1, Cause::Forbidden),
        ("io_submit", "EPERM", 0, Cause::Forbidden),
        ("io_setup", "ENOSYS", 2, Cause::Forbidden),
        ("io_setup", "ENOSYS", 0, Cause::NotImplemented),
        ("io_setup", "EAGAIN", 0, Cause::Limit),
        ("io_submit", "EAGAIN", 0, Cause::Failed),
        ("mmap", "ENOMEM", 0, Cause::Failed),
    ] {
        let mut findings = refused(call, errno);
        findings.machine.seccomp_filters = Some(filters);
        assert_eq!(verdict(&findings), (Verdict::Unavailable, vec![cause]), "{call} {errno}");
        let diagnosis = diagnose(&findings);
        assert!(!diagnosis.advice.is_empty(), "{call} {errno}");
        let reason = &diagnosis.reasons[0].text;
        let named = reason.contains(call) && reason.contains(errno);
        assert!(named || reason == "the crate's text", "{reason}");
        assert_eq!(reason.contains("seccomp"), filters > 0, "{reason}");
    }
}

#[test]
fn kill_is_a_sandbox_if_it_is_by_sigsys() {
    let killed = |signal| ended(End::Killed { signal, step: "trying io_setup".into() });
    assert_eq!(verdict(&killed(libc::SIGSYS)), (Verdict::Unavailable, vec![Cause::Forbidden]));
    assert_eq!(verdict(&killed(libc::SIGKILL)), (Verdict::Unknown, vec![Cause::Killed]));
    assert!(diagnose(&killed(libc::SIGSYS)).reasons[0].text.contains("trying io_setup"));
}

#[test]
fn stall_names_device_and_oldest_request() {
    let mut findings = good();
    let (step, operation) = ("direct reads".to_owned(), "read".to_owned());
    findings.end = End::Stalled(Oldest {
        step,
        operation,
        offset_bytes: 8192,
        len_bytes: 4096,
        age_ms: 10_345,
    });
    assert_eq!(verdict(&findings), (Verdict::Stalled, vec![Cause::Stalled]));
    assert_eq!(
        diagnose(&findings).reasons[0].text,
        "the device sda1 does not answer: the oldest request in flight, a read of 4096 bytes at offset \
         8192, has been there for 10.3 s (direct reads)"
    );
    findings.waiting_process = Some(7);
    let text = &diagnose(&findings).reasons[0].text;
    assert!(
        text.ends_with(". Process 7 (doctor-trials) waits for it, and ends when it answers"),
        "{text}"
    );
    let blocked = |call: Option<&str>, kernel_function: Option<&str>| {
        let [call, kernel_function] = [call, kernel_function].map(|name| name.map(str::to_owned));
        let blocked = Blocked { step: "reads".into(), age_ms: 3000, call, kernel_function };
        diagnose(&ended(End::Blocked(blocked))).reasons[0].text.clone()
    };
    let text = blocked(Some("io_submit"), Some("io_schedule"));
    assert!(
        text.starts_with("io_submit has not returned for 3.0 s, in io_schedule (reads)"),
        "{text}"
    );
    assert!(blocked(None, None).starts_with("a system call has not returned for 3.0 s (reads)"));
}

#[test]
fn other_kinds_of_files_are_not_asynchronous() {
    for kind in [Kind::Pipe, Kind::Socket, Kind::CharacterDevice, Kind::Other] {
        let mut findings = ended(End::Complete);
        subject(&mut findings).kind = kind;
        let expected = (Verdict::NotAsynchronous, vec![Cause::NotAFile]);
        assert_eq!(verdict(&findings), expected, "{kind:?}");
    }
}

#[test]
fn machine_is_advised_last() {
    let mut findings = good();
    set(&mut findings, Way::DirectRead, waits());
    findings.machine.aio_nr = Some(60_000);
    findings.machine.kernel = "Linux 6.1.0-9-amd64".into();
    findings.calls.push(Call { name: "io_cancel".into(), refused: Some("EPERM".into()) });
    let Diagnosis { verdict, advice, .. } = diagnose(&findings);
    assert_eq!((verdict, advice.len()), (Verdict::Partly, 4), "{advice:#?}");
    assert!(advice[0].text.contains("data=journal"), "{advice:#?}");
    for word in ["60000 of 65536", "Allow io_cancel", "before Linux 6.5"] {
        assert!(advice[1..].iter().any(|advice| advice.text.contains(word)), "{word}: {advice:#?}");
    }
}
