//! What to change about the machine, or about the program because of the machine.

use super::{Advice, Findings, Judgement, Way, advice::Gain};

/// From this length on, huge pages make a difference.
const LARGE: usize = 64 << 10;

/// What to change about the machine.
pub(super) fn advise(findings: &Findings) -> Vec<Advice> {
    let machine = &findings.machine;
    let mut all = Vec::new();
    let mut safer = |text: String| all.push(Advice { gain: Gain::Safer, saves_ns: None, text });
    if let (Some(used), Some(limit)) = (machine.aio_nr, machine.aio_max_nr)
        && used > limit / 4 * 3
        && findings.refusal().is_none()
    {
        safer(format!(
            "Raise fs.aio-max-nr: {used} of {limit} requests are reserved, and io_setup fails when all \
             are."
        ));
    }
    let refused: Vec<_> = findings
        .calls
        .iter()
        .filter(|call| call.refused.is_some())
        .map(|call| call.name.as_str())
        .collect();
    if !refused.is_empty() && findings.refusal().is_none() {
        safer(format!("Allow {} in the sandbox too.", refused.join(", ")));
    }
    match version(&machine.kernel) {
        Some(version) if version < (4, 14) => {
            safer("Use Linux 4.14 or later: earlier kernels are not supported.".into());
        }
        Some(version) if version < (6, 5) => safer(
            "Read into whole pages (PageBuf) or do not fork meanwhile: before Linux 6.5, direct reads \
             into a part of a page can lose bytes."
                .into(),
        ),
        _ => {}
    }
    if findings.asked.block_bytes >= LARGE && findings.uses_direct() {
        let off = machine.huge_pages.transparent.as_deref() == Some("never");
        safer(if off {
            "Allow transparent huge pages (/sys/kernel/mm/transparent_hugepage/enabled: madvise), and take \
             buffers from a BufPool: large direct transfers then have fewer segments."
                .into()
        } else {
            "Take buffers from a BufPool, which are in huge pages if possible: large direct transfers then \
             have fewer segments."
                .into()
        });
    }
    if findings.uses_direct()
        && findings.judgement(Way::DirectReadNowait) == Judgement::Asynchronous
    {
        safer(
            "To be told instead of having to wait, set RwFlags::NOWAIT on reads, and give those that \
             answer EAGAIN to a thread."
                .into(),
        );
    }
    all
}

/// The major and minor version in `Linux 6.18.0-rc1`.
fn version(kernel: &str) -> Option<(u32, u32)> {
    let mut numbers = kernel.strip_prefix("Linux ")?.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
