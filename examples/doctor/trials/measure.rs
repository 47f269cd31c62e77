//! [`Measure`]: makes requests one at a time, and finds out where each spends its time.

use super::switches::Switches;
use crate::{
    diagnosis::{Asked, Oldest, Refusal, Sample, Samples, Way},
    machine::calls::name_of,
};
use core::time::Duration;
use linux_aio::{Completion, Context, ContextError, Errno, PageBuf, Request, RwFlags, SetupError};
use std::{fs::File, time::Instant};

/// The most requests of a trial.
const REQUESTS: usize = 256;

/// The time after which a trial makes no more requests.
pub(super) const ENOUGH: Duration = Duration::from_millis(250);

/// So many requests that fail alike are enough.
const FAILURES: u64 = 16;

/// Why the trials end early.
pub(crate) enum Stop {
    Refused(Refusal),
    Stalled(Oldest),
}

/// A context for one request, and its buffer.
pub(crate) struct Measure {
    cx: Context<PageBuf, Started>,
    block: usize,
    timeout: Duration,
}

/// The tag of a request.
pub(super) struct Started {
    pub(super) at: Instant,
    pub(super) offset: u64,
}

impl Measure {
    pub(crate) fn new(asked: &Asked) -> Result<Self, Stop> {
        let cx = Context::new(1)
            .map_err(|error: SetupError| Stop::refused(error.call, error.errno, &error))?;
        Ok(Self { cx, block: asked.block_bytes, timeout: asked.timeout() })
    }

    /// Makes requests at these offsets, in this order, until there are enough.
    pub(crate) fn requests(
        &mut self,
        way: Way,
        file: &File,
        offsets: &[u64],
        samples: &mut Samples,
    ) -> Result<(), Stop> {
        let start = Instant::now();
        let mut buf =
            PageBuf::new(self.block).map_err(|errno| Stop::refused("mmap", errno, &errno))?;
        for &offset in offsets.iter().take(REQUESTS) {
            let failures: u64 = samples.failed.values().sum();
            if start.elapsed() > ENOUGH || (failures >= FAILURES && samples.succeeded() == 0) {
                break;
            }
            let (sample, done) = self.request(way, file, buf, offset)?;
            match done.result {
                Ok(0) => samples.add_failed("end of file"),
                Ok(_) => samples.add(sample),
                Err(errno) => samples.add_failed(&name_of(errno)),
            }
            buf = done.buf;
        }
        Ok(())
    }

    /// Makes one request, and waits for it.
    fn request(
        &mut self,
        way: Way,
        file: &File,
        buf: PageBuf,
        offset: u64,
    ) -> Result<(Sample, Completion<PageBuf, Started>), Stop> {
        let offset = if way == Way::DirectUnaligned { offset + 1 } else { offset };
        let request = if way.is_read() {
            Request::read(file, buf, offset)
        } else {
            Request::write(file, buf, offset)
        };
        let flags = if way.is_nowait() { RwFlags::NOWAIT } else { RwFlags::empty() };
        let before = Switches::of_thread();
        let at = Instant::now();
        let submitted = self.cx.submit_one(request.flags(flags).tag(Started { at, offset }));
        let inside = at.elapsed();
        submitted?;
        let early = self.cx.reap_one()?;
        let after = Switches::of_thread();
        let done = early.is_some();
        let (completion, total) = match early {
            Some(completion) => (completion, inside),
            None => (self.wait(way)?, at.elapsed()),
        };
        let sample = Sample {
            inside,
            total,
            done,
            slept: after.voluntary != before.voluntary,
            preempted: after.involuntary != before.involuntary,
        };
        Ok((sample, completion))
    }

    /// Waits for the request, until the timeout.
    fn wait(&mut self, way: Way) -> Result<Completion<PageBuf, Started>, Stop> {
        if let Some(completion) = self.cx.wait_one(Some(self.timeout))? {
            return Ok(completion);
        }
        Err(Stop::stalled(&self.cx, way, self.block))
    }
}

impl Stop {
    /// The oldest request in flight has not completed.
    pub(super) fn stalled(cx: &Context<PageBuf, Started>, way: Way, block: usize) -> Self {
        let oldest = cx.in_flight().min_by_key(|request| request.tag.at);
        let oldest = oldest.map(|request| Oldest {
            step: way.to_string(),
            operation: request.opcode.name().to_owned(),
            offset_bytes: request.tag.offset,
            len_bytes: block,
            age_ms: u64::try_from(request.tag.at.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
        oldest.map_or_else(|| Self::from(ContextError::Gone), Self::Stalled)
    }

    pub(super) fn refused(call: &str, errno: Errno, error: &dyn core::fmt::Display) -> Self {
        let (call, errno, message) = (call.to_owned(), name_of(errno), error.to_string());
        Self::Refused(Refusal { call, errno, message })
    }
}

impl From<ContextError> for Stop {
    fn from(error: ContextError) -> Self {
        let call = if let ContextError::Os { call, .. } = error { call } else { "io_submit" };
        Self::refused(call, error.errno(), &error)
    }
}
