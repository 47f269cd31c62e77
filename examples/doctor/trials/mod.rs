//! The trials: which requests are made on which file.

mod burst;
mod measure;
mod real_time;
mod scratch;
mod switches;

use crate::{
    diagnosis::{Asked, End, Kind, Outcome, Samples, Target, Trial, Way},
    machine::calls::name_of,
    subject::{self, Found},
    worker::Message,
};
use linux_aio::Errno;
use measure::{Measure, Stop};
use rustix::fs::OFlags;
use scratch::{Content, Scratch};
use std::fs::File;

/// Makes all trials, and reports each. Reports an end before all were made, and returns it.
pub(crate) fn run(found: &mut Found, asked: &Asked, report: &mut dyn FnMut(Message)) -> End {
    if !matches!(found.subject.kind, Kind::File | Kind::Directory | Kind::BlockDevice) {
        return End::Complete;
    }
    real_time::request();
    let mut measure = match Measure::new(asked) {
        Ok(measure) => measure,
        Err(stop) => return early(stop, report),
    };
    let mut trials = Trials { found, asked, measure: &mut measure, report };
    // This reports a stall before the context is dropped, which waits for the request.
    match trials.of_path().and_then(|()| trials.on_scratch()) {
        Ok(()) => End::Complete,
        Err(stop) => early(stop, report),
    }
}

fn early(stop: Stop, report: &mut dyn FnMut(Message)) -> End {
    let end = match stop {
        Stop::Refused(refusal) => End::Unavailable(refusal),
        Stop::Stalled(oldest) => End::Stalled(oldest),
    };
    report(Message::End(end.clone()));
    end
}

struct Trials<'a> {
    found: &'a mut Found,
    asked: &'a Asked,
    measure: &'a mut Measure,
    report: &'a mut dyn FnMut(Message),
}

impl Trials<'_> {
    /// Reads of the path itself.
    fn of_path(&mut self) -> Result<(), Stop> {
        let Some(file) = self.found.file.take() else { return Ok(()) };
        let blocks = blocks_in(&self.found.data, self.asked.block_bytes);
        if blocks.is_empty() {
            return Ok(());
        }
        for way in [Way::DirectRead, Way::DirectReadNowait, Way::DirectUnaligned, Way::BufferedRead]
        {
            self.trial(way, Target::Path, &file, &blocks)?;
        }
        self.burst(Target::Path, &file, &blocks)?;
        Ok(())
    }

    /// Writes to a scratch file, and reads of it if the path has no data.
    fn on_scratch(&mut self) -> Result<(), Stop> {
        let reads = [Way::DirectRead, Way::DirectReadNowait, Way::DirectUnaligned];
        let writes = [Way::DirectOverwrite, Way::DirectOverwriteNowait];
        let without_data = blocks_in(&self.found.data, self.asked.block_bytes).is_empty();
        if self.found.subject.kind == Kind::BlockDevice {
            let nothing = if without_data { &reads[..1] } else { &[] };
            self.untried(nothing, "the device has no blocks");
            self.untried(&writes[..1], "a block device is not written to");
            return Ok(());
        }
        let reads = if without_data { &reads[..] } else { &[] };
        let buffered: &[Way] = if without_data {
            &[Way::BufferedRead, Way::BufferedOverwrite]
        } else {
            &[Way::BufferedOverwrite]
        };
        let groups: [(Content, &[&[Way]]); 4] = [
            (Content::Written, &[reads, &writes, buffered]),
            (Content::Preallocated, &[&[Way::DirectPreallocated]]),
            (Content::Hole, &[&[Way::DirectHole]]),
            (Content::Empty, &[&[Way::DirectExtend]]),
        ];
        for (content, ways) in groups {
            for way in self.scratch(content, &ways.concat())? {
                self.untried(&[way.0], &way.1);
            }
        }
        Ok(())
    }

    /// Makes trials on a new scratch file. Returns those that could not be made, and why.
    fn scratch(&mut self, content: Content, ways: &[Way]) -> Result<Vec<(Way, String)>, Stop> {
        (self.report)(Message::Step(format!("creating a scratch file: {content}")));
        let made = self
            .found
            .directory
            .clone()
            .and_then(|directory| Scratch::new(&directory, content, self.asked.block_bytes));
        let scratch = match made {
            Ok(scratch) => scratch,
            Err(why) => return Ok(ways.iter().map(|&way| (way, why.clone())).collect()),
        };
        if self.found.subject.alignment.is_none() {
            let subject = &mut self.found.subject;
            subject::examine_alignment(subject, scratch.file());
            (self.report)(Message::Subject(subject.clone()));
        }
        for &way in ways {
            self.trial(way, Target::Scratch, scratch.file(), &scratch.blocks())?;
        }
        if ways.contains(&Way::DirectRead) {
            self.burst(Target::Scratch, scratch.file(), &scratch.blocks())?;
        }
        Ok(Vec::new())
    }

    /// Makes a trial of requests one at a time.
    fn trial(&mut self, way: Way, target: Target, file: &File, blocks: &[u64]) -> Result<(), Stop> {
        (self.report)(Message::Step(way.to_string()));
        let outcome = match set_direct(file, way.is_direct()) {
            Err(errno) => Outcome::NoDirect(name_of(errno)),
            Ok(()) => {
                let mut samples = Samples::default();
                let mut blocks = blocks.to_vec();
                if way != Way::DirectExtend {
                    fastrand::shuffle(&mut blocks);
                }
                self.measure.requests(way, file, &blocks, &mut samples)?;
                Outcome::Measured(samples)
            }
        };
        self.made(Trial { way, target, at_once: 1, outcome });
        Ok(())
    }

    /// Makes a trial of many reads at once, of a device whose queue may be too short for them.
    fn burst(&mut self, target: Target, file: &File, blocks: &[u64]) -> Result<(), Stop> {
        let way = Way::DirectReadBurst;
        let Some(device) = &self.found.subject.device else { return Ok(()) };
        let at_once = burst::requests(device.queue_requests, self.asked);
        (self.report)(Message::Step(way.to_string()));
        if set_direct(file, true).is_err() {
            return Ok(());
        }
        let mut blocks = blocks.to_vec();
        fastrand::shuffle(&mut blocks);
        let outcome = match burst::reads(file, &blocks, at_once, self.asked) {
            Ok(samples) => Outcome::Measured(samples?),
            Err(why) => Outcome::Untried(why),
        };
        self.made(Trial { way, target, at_once, outcome });
        Ok(())
    }

    fn made(&mut self, trial: Trial) {
        (self.report)(Message::Trial(trial));
    }

    fn untried(&mut self, ways: &[Way], why: &str) {
        for &way in ways {
            let outcome = Outcome::Untried(why.to_owned());
            self.made(Trial { way, target: Target::Scratch, at_once: 1, outcome });
        }
    }
}

/// Sets or clears `O_DIRECT`, and clears `O_NONBLOCK`.
fn set_direct(file: &File, direct: bool) -> Result<(), Errno> {
    let set = rustix::fs::fcntl_getfl(file).and_then(|mut flags| {
        flags.set(OFlags::DIRECT, direct);
        rustix::fs::fcntl_setfl(file, flags - OFlags::NONBLOCK)
    });
    set.map_err(|errno| Errno::from_raw(errno.raw_os_error()).unwrap_or(Errno::EIO))
}

/// The most blocks to choose from.
const MOST: usize = 4096;

/// The offsets of some blocks that lie in these ranges, or begin before them where a range is short.
fn blocks_in(data: &[core::ops::Range<u64>], block: usize) -> Vec<u64> {
    let Ok(block) = u64::try_from(block) else { return Vec::new() };
    let each = MOST / data.len().max(1);
    let mut blocks = Vec::new();
    for range in data {
        let first = range.start.div_ceil(block);
        let end = range.end / block;
        if first >= end {
            blocks.push(range.start / block * block);
            continue;
        }
        let random = |_| fastrand::u64(first..end) * block;
        if usize::try_from(end - first).is_ok_and(|count| count <= each) {
            blocks.extend((first..end).map(|number| number * block));
        } else {
            blocks.extend((0..each).map(random));
        }
    }
    blocks
}
