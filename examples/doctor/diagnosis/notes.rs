//! What would not be asynchronous, or is not possible, if the program did it.

use super::{Cause, Findings, Judgement, Outcome, Way, causes, verdict::Reason};

/// The notes, in the order of the trials.
pub(super) fn of(findings: &Findings) -> Vec<Reason> {
    let mut notes = Vec::new();
    // In memory, nothing is asynchronous, so there is nothing to be told apart.
    if causes::in_memory(findings).is_none() {
        for trial in &findings.trials {
            notes.extend(note(findings, trial.way, &Judgement::of(&trial.outcome)));
        }
    }
    for trial in &findings.trials {
        if let (Outcome::Untried(why), true) =
            (&trial.outcome, findings.uses().contains(&trial.way))
        {
            let text = format!("{} were not tried: {why}", trial.way);
            notes.push(Reason::new(Cause::Untried, text));
        }
    }
    notes
}

fn note(findings: &Findings, way: Way, judgement: &Judgement) -> Option<Reason> {
    let (cause, text) = match (way, judgement) {
        (_, Judgement::Asynchronous | Judgement::Untried | Judgement::NoDirect(_)) => return None,
        (_, Judgement::Fails(errno)) if way.is_nowait() && errno == "EAGAIN" => {
            let text = format!("{way} answer EAGAIN each time, as if they had to wait");
            (Cause::NoNowait, text)
        }
        (_, Judgement::Fails(errno)) if way.is_nowait() => {
            (Cause::NoNowait, format!("{way} are not supported ({errno})"))
        }
        (Way::DirectUnaligned, Judgement::Fails(errno)) => {
            (Cause::Unaligned, format!("unaligned direct requests fail with {errno}"))
        }
        (_, Judgement::Fails(_)) => return None,
        (Way::DirectUnaligned, _) => {
            (Cause::Unaligned, "io_submit executes unaligned direct requests itself".into())
        }
        (Way::DirectReadBurst, Judgement::Inside) => return None,
        (Way::DirectReadBurst, _) => {
            let at_once = findings.trial(way).map_or(0, |trial| trial.at_once);
            let text = format!(
                "io_submit waits for room in the queue of the device, if {at_once} requests are submitted at \
                 once"
            );
            (Cause::QueueFull, text)
        }
        (Way::DirectExtend, _) => (Cause::Extending, format!("io_submit waits for {way}")),
        (Way::DirectHole | Way::DirectPreallocated, _) => {
            (Cause::NotAllocated, format!("io_submit waits for {way}"))
        }
        (Way::BufferedRead, _) => {
            (Cause::Buffered, "without O_DIRECT, io_submit executes all requests itself".into())
        }
        _ => return None,
    };
    let evidence = match judgement {
        Judgement::Fails(_) => Vec::new(),
        _ => vec![causes::share(findings, way)],
    };
    Some(Reason { cause, text, evidence })
}
