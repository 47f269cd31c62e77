//! [`Level`]: the steps on a context, either the program's own or that of a scope.

use super::{
    buffer::{Buffer, LEN, Owner, Pool, Tag, ledger},
    oracle::{Expect, Oracle},
    program::{Bad, Operation, Push, Span, What},
    world::World,
};
use crate::{
    completion::Completions,
    context::{CancelResult, Context},
    error::ContextError,
    request::{Batch, IntoFile, RawFile, Request, op::Any},
    slots::RequestId,
    types::{Errno, Fd, PollEvents, RwFlags, SignalSet},
};
use core::time::Duration;
use std::vec::Vec;

/// The capacity of a batch.
pub(super) const IN_BATCH: usize = 6;

/// The owners of the descriptors of a request: of its file and of its eventfd.
pub(super) type Files = (Owner, ());

/// A request in a batch.
type Made<B> = Request<Files, B, Tag, Any>;

/// The batch, the oracle and the buffers for one context.
pub(super) struct Level<B, P> {
    pub(super) batch: Batch<Files, B, Tag, IN_BATCH>,
    pub(super) oracle: Oracle,
    pub(super) pool: P,
    cancelled: Option<RequestId>,
}

impl<B: Buffer, P: Pool<B>> Level<B, P> {
    pub(super) fn new(pool: P) -> Self {
        Self { batch: Batch::new(), oracle: Oracle::default(), pool, cancelled: None }
    }

    /// Executes an operation that is possible on any context.
    pub(super) fn step(
        &mut self,
        world: &mut World,
        cx: &mut Context<B, Tag>,
        operation: Operation,
    ) {
        match operation {
            Operation::Push(push) => self.push(world, push),
            Operation::Pop => {
                let popped = self.batch.pop().map(|request| {
                    let (_files, buf, tag) = request.into_parts();
                    self.pool.give_back(buf);
                    tag.number
                });
                assert_eq!(popped, self.oracle.batch.pop_front().map(|expect| expect.tag));
            }
            Operation::Clear => {
                self.batch.clear();
                self.oracle.batch.clear();
            }
            Operation::Submit => self.submit(world, cx),
            Operation::SubmitOne(push) => self.submit_one(world, cx, push),
            Operation::TakeOne { span, then } => self.take_one(world, cx, span, then),
            Operation::CancelTag { nth } => self.cancel_tag(world, cx, nth.into()),
            Operation::Reap { take } => {
                let done = cx.reap();
                self.take(world, done, 0, take);
            }
            Operation::Wait { min, span, take } => self.wait(world, cx, min.into(), span, take),
            Operation::WaitMasked { min, take } => {
                let done =
                    cx.wait_with_mask(min.into(), Some(Duration::from_micros(50)), SignalSet::ALL);
                self.take(world, done, 0, take);
            }
            Operation::Cancel { nth, again } => self.cancel(world, cx, nth.into(), again),
            Operation::Progress { all: true } => world.kernel.settle(),
            Operation::Progress { all: false } => world.kernel.progress(),
            Operation::Pipe { filled: true } => world.kernel.send(world.files.writer, b"x"),
            Operation::Pipe { filled: false } => drop(world.kernel.receive(world.files.reader)),
            Operation::HasCompletions => {
                let there = cx.has_completions();
                assert!(there != Ok(true) || !self.oracle.out.is_empty());
                if there == Ok(false) && !world.hostile {
                    assert_eq!(cx.reap().unwrap().len(), 0, "has_completions returned false");
                }
            }
            Operation::Ring { on } => {
                cx.use_ring(on);
                let reads = cx.reads_ring();
                let can = on && !world.old && !cfg!(linux_aio_no_ring);
                assert!(world.hostile || reads == can);
            }
            Operation::Notify { on } => {
                // SAFETY: the number is passed to the fake kernel only, which does not close it.
                let eventfd = on.then_some(unsafe { Fd::from_raw(world.files.eventfd) });
                match cx.set_eventfd(eventfd) {
                    Ok(()) => {
                        world.notify = on;
                        // If flags are ignored, the check of the eventfd has increased the counter.
                        world.notifications += u64::from(on && world.ignores_flags);
                    }
                    // There is no memory for the request that checks the eventfd.
                    Err(ContextError::Os { errno: Errno::EAGAIN, .. } | ContextError::Again) => {}
                    Err(ContextError::NotEventfd) => {
                        assert!(world.ignores_eventfds || world.hostile)
                    }
                    Err(error) => assert!(world.hostile, "{error:?}"),
                }
            }
            Operation::Move
            | Operation::Scope { .. }
            | Operation::End { .. }
            | Operation::Leak
            | Operation::Fork => {}
        }
        assert_eq!(cx.outstanding(), self.oracle.out.len(), "in flight");
        assert_eq!(self.batch.len(), self.oracle.batch.len(), "in the batch");
        assert_eq!(
            ledger(|ledger| ledger.files),
            self.batch.len() + world.outer_files,
            "owners of the files of requests that were not submitted"
        );
        let stats = cx.stats();
        assert!(world.hostile || stats.spurious == 0 && stats.ring_given_up == 0, "{stats:?}");
        assert!(stats.completed_in_submit <= stats.accepted, "{stats:?}");
        world.check();
    }

    fn push(&mut self, world: &mut World, push: Push) {
        let Some((request, expect)) = self.make(world, push) else { return };
        self.push_made(request, expect);
    }

    /// Makes a request, and the data that its completion is expected to have.
    pub(super) fn make(&mut self, world: &mut World, push: Push) -> Option<(Made<B>, Expect)> {
        let mut buf = self.pool.take()?;
        let number = world.next_tag();
        buf.fill(number as u8);
        let (addresses, content) = (buf.addresses(), buf.content());
        let start = usize::from(push.start);
        let part = B::part(start..(start + usize::from(push.len)).min(LEN));
        let offset = match push.what {
            What::Write => world.reserve(part.len()),
            What::Bad(Bad::Offset) => 1 << 63 | u64::from(push.offset),
            What::Sync | What::Poll => 0,
            What::Read | What::Bad(_) => push.offset.into(),
        };
        let eventfd = match push.what {
            What::Bad(Bad::Eventfd) => Some(world.files.source),
            _ if push.notify => Some(world.files.eventfd),
            _ => None,
        };
        let fd = self.fd(world, push.what);
        let request = match eventfd {
            None => {
                // SAFETY: the number is passed to the fake kernel only, which does not close it, or
                // refuses it.
                let file = unsafe { RawFile::new(fd, (Owner::new(), ())) };
                self.request(file, push.what, buf, offset, part.clone())
            }
            Some(eventfd) => {
                // SAFETY: the number is passed to the fake kernel only, which does not close it, or
                // refuses it.
                let file = unsafe { RawFile::new(fd, Owner::new()) };
                // SAFETY: the number is passed to the fake kernel only, which does not close it.
                let eventfd = unsafe { RawFile::new(eventfd, ()) };
                self.request(file, push.what, buf, offset, part.clone()).eventfd_owned(eventfd)
            }
        };
        let request = request.tag(Tag::new(number));
        let expect = Expect {
            tag: number,
            what: push.what,
            opcode: request.opcode(),
            offset,
            part,
            addresses,
            content,
            notify: push.notify,
            cancelled: false,
        };
        Some((request, expect))
    }

    /// Pushes a request, or drops it if the batch is full.
    pub(super) fn push_made(&mut self, request: Made<B>, expect: Expect) {
        match self.batch.try_push(request) {
            Ok(()) => self.oracle.batch.push_back(expect),
            Err(full) => {
                assert_eq!(self.batch.len(), IN_BATCH, "full");
                self.give_back(full.0, &expect);
            }
        }
    }

    /// Checks a request that an error contains, and returns its buffer to the pool.
    pub(super) fn give_back(&mut self, request: Made<B>, expect: &Expect) {
        let (_files, mut buf, tag) = request.into_parts();
        assert_eq!(
            (&buf.addresses(), tag.number),
            (&expect.addresses, expect.tag),
            "the error contains the request"
        );
        self.pool.give_back(buf);
    }

    pub(super) fn fd(&self, world: &World, what: What) -> i32 {
        let files = &world.files;
        match what {
            What::Read | What::Bad(Bad::Mode | Bad::Offset | Bad::Flag | Bad::Eventfd) => {
                files.source
            }
            What::Write | What::Sync => files.sink,
            What::Poll => files.reader,
            What::Bad(Bad::Closed) => -1,
            What::Bad(Bad::Directory) => files.directory,
        }
    }

    fn request<F>(
        &self,
        file: impl IntoFile<Owner = F>,
        what: What,
        buf: B,
        offset: u64,
        part: core::ops::Range<usize>,
    ) -> Request<F, B, (), Any> {
        match what {
            What::Write | What::Bad(Bad::Mode) => buf.write(file, offset, part).into_any(),
            What::Sync => Request::fdsync(file).with_buf(buf).into_any(),
            What::Poll => Request::poll(file).events(PollEvents::IN).with_buf(buf).into_any(),
            What::Bad(Bad::Flag) => {
                let flag = RwFlags::from_bits_retain(1 << 30);
                buf.read(file, offset, part).flags(flag).into_any()
            }
            What::Read | What::Bad(_) => buf.read(file, offset, part).into_any(),
        }
    }

    fn submit(&mut self, world: &mut World, cx: &mut Context<B, Tag>) {
        let (waiting, had) = (self.batch.len(), cx.outstanding());
        let room = waiting.min(cx.capacity() - had);
        let submitted = match cx.submit(&mut self.batch) {
            Ok(submitted) => {
                assert_eq!(
                    submitted.accepted + submitted.refused,
                    room,
                    "as many requests as there is room for"
                );
                submitted
            }
            Err(error) => {
                assert!(world.hostile || error.cause == ContextError::Again, "{error:?}");
                error.submitted
            }
        };
        let left = submitted.accepted + submitted.refused;
        assert!(left <= room && waiting == left + self.batch.len());
        if !world.hostile {
            let refused = |expect: &&Expect| expect.refused(world).is_some();
            let refused = self.oracle.batch.iter().take(left).filter(refused).count();
            assert_eq!(submitted.refused, refused, "the invalid requests");
        }
        self.oracle.submit(world, left);
    }

    fn wait(
        &mut self,
        world: &mut World,
        cx: &mut Context<B, Tag>,
        min: usize,
        span: Span,
        take: u8,
    ) {
        let sure = self.is_sure(world, min);
        let timeout = self.timeout(world, min, span);
        let endless = matches!(span, Span::Longest | Span::Forever) && sure;
        let least = if endless && !world.hostile { min.min(cx.outstanding()) } else { 0 };
        let done = cx.wait(min, timeout);
        self.take(world, done, least, take);
    }

    /// Returns whether a wait for `min` completions certainly ends. A hostile kernel ends any wait.
    fn is_sure(&self, world: &World, min: usize) -> bool {
        min <= self.oracle.sure() || world.hostile
    }

    /// Returns a timeout. It is endless only if the wait certainly ends.
    pub(super) fn timeout(&self, world: &World, min: usize, span: Span) -> Option<Duration> {
        let sure = self.is_sure(world, min);
        match span {
            Span::Zero => Some(Duration::ZERO),
            Span::Longest if sure => Some(Duration::MAX),
            Span::Forever if sure => None,
            Span::Short(micros) => Some(Duration::from_micros(micros.into())),
            Span::Longest | Span::Forever => Some(Duration::from_secs(1)),
        }
    }

    /// Takes at most `take` completions. There must be at least `least`.
    fn take(
        &mut self,
        world: &mut World,
        done: Result<Completions<'_, B, Tag>, ContextError>,
        least: usize,
        take: u8,
    ) {
        match done {
            Ok(done) => {
                assert!(done.len() >= least, "{} completions, not {least}", done.len());
                let mut left = done.len();
                for mut done in done.take(take.into()) {
                    left -= 1;
                    self.oracle.complete(world, &mut done);
                    self.pool.give_back(done.buf);
                }
                assert!(left <= self.oracle.out.len());
            }
            Err(ContextError::Interrupted) => {}
            Err(error) => assert!(world.hostile, "{error:?}"),
        }
    }

    fn cancel(&mut self, world: &World, cx: &mut Context<B, Tag>, nth: usize, again: bool) {
        let ids =
            cx.in_flight().map(|request| (request.id, request.tag.number)).collect::<Vec<_>>();
        assert!(ids.iter().all(|(_, tag)| self.oracle.out.contains_key(tag)));
        let (id, tag) = match (self.cancelled, ids.get(nth)) {
            (Some(id), _) if again => {
                (id, ids.iter().find(|known| known.0 == id).map(|known| known.1))
            }
            (_, Some(&(id, tag))) => (id, Some(tag)),
            _ => return,
        };
        self.cancelled = Some(id);
        match cx.cancel(id) {
            Ok(CancelResult::Cancelled) => {
                let expect = self.oracle.out.get_mut(&tag.expect("in flight")).expect("in flight");
                assert!(expect.what == What::Poll || world.hostile);
                expect.cancelled = true;
            }
            Ok(CancelResult::NotCancellable) => assert!(tag.is_some()),
            Ok(CancelResult::NotInFlight) => assert_eq!(tag, None),
            Err(error) => assert!(world.hostile, "{error:?}"),
        }
    }
}
