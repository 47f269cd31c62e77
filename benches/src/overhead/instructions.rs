//! Instructions in user space, counted by `valgrind --tool=callgrind`. Each figure is the difference of a
//! long and a short run, so that start-up and end are not included.

use super::{BATCHES, SIZE};
use crate::{
    built,
    process::myself,
    report::{Cell, Report, Table, plot::Plot},
    sample::Spread,
};
use anyhow::{Context as _, Result, ensure};
use std::{ffi::OsString, fs, process::Command};

/// The participants: the name for [`super::participate`], and the one in tables.
const PARTICIPANTS: [(&str, &str); 4] = [
    ("safe", "linux-aio"),
    ("safe-calls", "linux-aio, io_getevents"),
    ("raw", "linux-aio, raw layer"),
    ("libaio", "loop in C on libaio"),
];

/// The figures that are compared with the limit.
pub(super) struct AtThirtyTwo {
    pub(super) safe: f64,
    pub(super) libaio: f64,
}

/// Counts for every batch size.
pub(super) fn measure(report: &mut Report) -> Result<AtThirtyTwo> {
    let title = "Instructions in user space per request";
    let mut table = Table::new("instructions", title, "requests in a batch", BATCHES);
    let (mut at_thirty_two, mut curves) = (Vec::new(), Vec::new());
    for (id, name) in PARTICIPANTS {
        let mut points = Vec::new();
        for at_once in BATCHES {
            let words = |reads: usize| {
                [
                    "overhead".into(),
                    id.into(),
                    at_once.to_string(),
                    reads.to_string(),
                    SIZE.to_string(),
                ]
            };
            let each = count_between(words, 2_048, 22_528)?;
            if at_once == 32 {
                at_thirty_two.push((id, each));
            }
            points.push((at_once as f64, Spread::exact(each)));
        }
        table.row(name, points.iter().map(|&(_, each)| Cell::Figure(each, 1)));
        curves.push((name.to_owned(), points));
    }
    table.note(
        "Cached reads of 512 bytes; a buffer and a tag come back with each. Counted by callgrind, with the same \
         result in every run. The loop in C is compiled with -O3 and statically linked with libaio.",
    );
    report.add(table);
    let (x, y) = ("requests in a batch", "instructions per request");
    report.draw("instructions", &Plot { title: title.into(), x, y, log_y: true, curves })?;
    let of = |wanted| at_thirty_two.iter().find(|(id, _)| *id == wanted).map(|&(_, each)| each);
    let (safe, libaio) = (of("safe"), of("libaio"));
    let missing = "a participant was not counted";
    Ok(AtThirtyTwo { safe: safe.context(missing)?, libaio: libaio.context(missing)? })
}

/// The instructions per read: those of a long run of this program, minus those of a short one.
pub(super) fn count_between<W: IntoIterator<Item = impl Into<OsString>>>(
    words: impl Fn(usize) -> W,
    short: usize,
    long: usize,
) -> Result<f64> {
    let [short_count, long_count] = [short, long].map(|reads| count(words(reads)));
    Ok((long_count? - short_count?) / (long - short) as f64)
}

/// The instructions of this program, running as a participant.
fn count(words: impl IntoIterator<Item = impl Into<OsString>>) -> Result<f64> {
    let place = tempfile::tempdir()?;
    let out = place.path().join("callgrind");
    let out_file = format!("--callgrind-out-file={}", out.display());
    valgrind(&["--tool=callgrind".into(), out_file], words)?;
    let counted = fs::read_to_string(&out).context("callgrind has counted nothing")?;
    let total = counted.lines().find_map(|line| line.strip_prefix("summary: "));
    let total = total.context("callgrind has not written the number of instructions")?;
    let total = total.trim().parse::<f64>()?;
    ensure!(total > 0.0, "callgrind has counted nothing");
    Ok(total)
}

/// Runs this program as a participant under a tool of valgrind.
pub(super) fn valgrind(
    options: &[String],
    words: impl IntoIterator<Item = impl Into<OsString>>,
) -> Result<()> {
    let participant = myself()?;
    let mut valgrind = Command::new("valgrind");
    valgrind.args(options).arg(participant.get_program()).args(participant.get_args());
    built::run(valgrind.args(words.into_iter().map(Into::into)))?;
    Ok(())
}
