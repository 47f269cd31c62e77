//! Why the trials ended early.

use super::{Blocked, Cause, End, Findings, Oldest, Refusal, Verdict, verdict::Reason};

/// `SIGSYS`, which a seccomp filter sends.
const SIGSYS: i32 = 31;

/// The verdict and the reason, if not all trials were made.
pub(super) fn early(findings: &Findings) -> Option<(Verdict, Reason)> {
    match &findings.end {
        End::Complete => None,
        End::Unavailable(refusal) => Some((Verdict::Unavailable, unavailable(findings, refusal))),
        End::Stalled(oldest) => Some((Verdict::Stalled, stalled(findings, oldest))),
        End::Blocked(blocked) => Some((Verdict::Stalled, self::blocked(findings, blocked))),
        End::Killed { signal: SIGSYS, step } => {
            let text =
                format!("a seccomp filter has killed the process that makes the trials ({step})");
            Some((Verdict::Unavailable, Reason::new(Cause::Forbidden, text)))
        }
        End::Killed { signal, step } => {
            let text =
                format!("signal {signal} has killed the process that makes the trials ({step})");
            Some((Verdict::Unknown, Reason::new(Cause::Killed, text)))
        }
    }
}

fn unavailable(findings: &Findings, refusal: &Refusal) -> Reason {
    let Refusal { call, errno, message } = refusal;
    let filtered = findings.machine.seccomp_filters.is_some_and(|count| count > 0);
    let refused = |why: &str| format!("{call} answers {errno}: {why}");
    match errno.as_str() {
        "EAGAIN" if call == "io_setup" => Reason::new(Cause::Limit, message.clone()),
        "EPERM" | "EACCES" | "ENOSYS" if filtered => Reason::new(
            Cause::Forbidden,
            refused("a seccomp filter is in effect, which refuses it"),
        ),
        "EPERM" | "EACCES" => {
            Reason::new(Cause::Forbidden, refused("a sandbox or a security module refuses it"))
        }
        "ENOSYS" => Reason::new(
            Cause::NotImplemented,
            refused("this kernel has no native AIO, or an emulator of it lacks the call"),
        ),
        _ => Reason::new(Cause::Failed, message.clone()),
    }
}

fn stalled(findings: &Findings, oldest: &Oldest) -> Reason {
    let Oldest { step, operation, offset_bytes, len_bytes, age_ms } = oldest;
    let text = format!(
        "{} does not answer: the oldest request in flight, a {operation} of {len_bytes} bytes at offset \
         {offset_bytes}, has been there for {} ({step})",
        device(findings),
        seconds(*age_ms),
    );
    Reason::new(Cause::Stalled, text + &waiting(findings))
}

fn blocked(findings: &Findings, blocked: &Blocked) -> Reason {
    let Blocked { step, age_ms, call, kernel_function } = blocked;
    let call = call.as_deref().unwrap_or("a system call");
    let place = kernel_function.as_ref().map_or(String::new(), |name| format!(", in {name}"));
    let text = format!(
        "{call} has not returned for {}{place} ({step}): {} does not answer, or its file system is frozen",
        seconds(*age_ms),
        device(findings),
    );
    Reason::new(Cause::Stalled, text + &waiting(findings))
}

/// What becomes of the process that waits.
fn waiting(findings: &Findings) -> String {
    let sentence = |process| {
        format!(". Process {process} (doctor-trials) waits for it, and ends when it answers")
    };
    findings.waiting_process.map_or_else(String::new, sentence)
}

fn device(findings: &Findings) -> String {
    let device = findings.subject.as_ref().and_then(|subject| subject.device.as_ref());
    device.map_or("the device".into(), |device| format!("the device {}", device.name))
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}
