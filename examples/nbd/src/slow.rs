//! TRIM and WRITE_ZEROES, which AIO does not have.
//!
//! They are carried out by `fallocate`, of one chunk in each turn of the event loop, so that other
//! clients wait for one call at most. Zeros are written like data if `fallocate` cannot zero, or if
//! the range does not consist of whole sectors.

use crate::{
    conn::Conn,
    export::CHUNK,
    geometry::Refusal,
    wire::Command,
    work::{Job, JobId, Work},
};
use linux_aio::RwFlags;
use std::{io, ops::Range};

/// How many writes of zeros are begun for a request in one turn.
const WRITES: usize = 8;

/// Makes a step of each request, until one of them has called `fallocate`. Returns whether there is
/// more to do at once.
///
/// # Errors
///
/// None, unless the numbers of requests were wrong.
pub fn turn(work: &mut Work, conns: &mut [Option<Box<Conn>>]) -> io::Result<bool> {
    for _ in 0..work.slow.len() {
        let Some(id) = work.slow.pop_front() else { break };
        let Some(job) = work.jobs.get(id) else { continue };
        let Some(Some(conn)) = conns.get_mut(job.conn) else { continue };
        let range = rest(work, job);
        let step = if conn.is_closed() || range.is_empty() {
            Step::Over
        } else if must_write(work, job) {
            write(work, conn, id, range)?
        } else {
            allocate(work, conn, id, range)
        };
        match step {
            Step::Over => over(work, conn, id)?,
            Step::Waits | Step::Called => work.slow.push_back(id),
        }
        if step == Step::Called {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How a step has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// There are no more steps.
    Over,
    /// The next step needs a block, or the end of a write.
    Waits,
    /// The thread has waited for `fallocate`.
    Called,
}

/// Returns the part of the request that is not done yet. For a TRIM, these are whole sectors.
fn rest(work: &Work, job: &Job) -> Range<u64> {
    let Range { start, end } = job.header.range();
    let align = u64::from(work.offer.geometry.align);
    match job.header.command {
        Command::Trim => start.next_multiple_of(align).max(job.next)..(end - end % align),
        _ => job.next..end,
    }
}

/// Whether zeros must be written.
fn must_write(work: &Work, job: &Job) -> bool {
    let Range { start, end } = job.header.range();
    let align = u64::from(work.offer.geometry.align);
    let is_aligned = start % align == 0 && end % align == 0;
    job.header.command == Command::WriteZeroes && {
        !is_aligned || !work.disk.export.can_zero(job.header.no_hole())
    }
}

/// Frees or zeroes the next chunk.
fn allocate(work: &mut Work, conn: &Conn, id: JobId, range: Range<u64>) -> Step {
    let chunk = range.start..range.end.min(range.start.saturating_add(CHUNK));
    let may_zero = work.disk.may_zero(&chunk);
    let Some(job) = work.jobs.get_mut(id) else { return Step::Over };
    if !may_zero {
        return Step::Waits;
    }
    let export = &mut work.disk.export;
    let done = match job.header.command {
        // A hint: if it cannot be taken, that is no error.
        Command::Trim => export.punch(chunk.clone()).map(|_| true),
        _ if job.header.no_hole() => export.zero(chunk.clone()),
        _ => match export.punch(chunk.clone()) {
            Ok(false) => export.zero(chunk.clone()),
            done => done,
        },
    };
    match done {
        Ok(true) => job.next = chunk.end,
        Ok(false) => {} // From now on, zeros are written.
        Err(errno) => {
            let command = job.header.command;
            job.result = Err(Refusal::of_errno(errno.raw_os_error()));
            job.next = u64::MAX;
            work.failures.limited(format_args!(
                "client {}: {command:?} of {} bytes at {} failed: {errno}",
                conn.serial(),
                chunk.end - chunk.start,
                chunk.start
            ));
        }
    }
    Step::Called
}

/// Begins to write zeros, as long as there are blocks.
fn write(work: &mut Work, conn: &mut Conn, id: JobId, range: Range<u64>) -> io::Result<Step> {
    let mut at = range.start;
    for _ in 0..WRITES {
        if at >= range.end {
            break;
        }
        let piece = work.disk.piece(at, range.end - at);
        let Some(mut block) = conn.take_block(&mut work.blocks, &piece.0) else {
            return Ok(Step::Waits);
        };
        block.fill(0);
        at = piece.0.end.min(range.end);
        let Some(job) = work.jobs.get_mut(id) else { return Ok(Step::Over) };
        job.ops += 1;
        job.next = at;
        work.disk.write(&mut work.queue, id, piece, block, RwFlags::empty())?;
    }
    Ok(if at >= range.end { Step::Over } else { Step::Waits })
}

/// The last step was made: replies, or waits for the writes.
fn over(work: &mut Work, conn: &mut Conn, id: JobId) -> io::Result<()> {
    let Some(job) = work.jobs.get_mut(id) else { return Ok(()) };
    job.issuing = false;
    conn.finish_if_over(work, id)
}
