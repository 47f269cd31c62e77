//! The steps that a program makes on any context, its own or that of a scope.

use super::{
    account::{Account, Expect},
    buffer::{Buffer, LEN, Pool, Tag},
    operation::{Bad, Operation, Push, Span, What},
    world::World,
};
use crate::{
    batch::Batch,
    cancel::Cancel,
    completion::Completions,
    context::Context,
    errno::Errno,
    error::ContextError,
    fd::Fd,
    flags::{PollEvents, RwFlags},
    in_flight::RequestId,
    request::{Any, Request},
    signals::SignalSet,
};
use core::time::Duration;
use std::vec::Vec;

/// How many requests a batch holds.
pub(super) const IN_BATCH: usize = 6;

/// A context at work, and the account of it.
pub(super) struct Level<B, P> {
    pub(super) batch: Batch<'static, B, Tag, IN_BATCH>,
    pub(super) account: Account,
    pub(super) pool: P,
    cancelled: Option<RequestId>,
}

impl<B: Buffer, P: Pool<B>> Level<B, P> {
    pub(super) fn new(pool: P) -> Self {
        Self { batch: Batch::new(), account: Account::default(), pool, cancelled: None }
    }

    /// Makes a step that any context can make.
    pub(super) fn step<const N: usize>(
        &mut self,
        world: &mut World,
        cx: &mut Context<B, Tag, N>,
        operation: Operation,
    ) {
        match operation {
            Operation::Push(push) => self.push(world, push),
            Operation::Pop => {
                let popped = self.batch.pop().map(|request| {
                    let (buf, tag) = request.into_parts();
                    self.pool.give_back(buf);
                    tag.number
                });
                assert_eq!(popped, self.account.batch.pop_front().map(|expect| expect.tag));
            }
            Operation::Clear => {
                self.batch.clear();
                self.account.batch.clear();
            }
            Operation::Submit => self.submit(world, cx),
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
            Operation::Look => {
                let there = cx.has_completions();
                assert!(there != Ok(true) || !self.account.out.is_empty());
                if there == Ok(false) && !world.hostile {
                    assert_eq!(cx.reap().unwrap().len(), 0, "nothing was there");
                }
            }
            Operation::Ring { on } => {
                let reads = cx.set_ring(on);
                let can = on && !world.old && !cfg!(linux_aio_no_ring);
                assert!(world.hostile || reads == can);
            }
            Operation::Notify { on } => {
                // SAFETY: open as long as the model.
                let eventfd = on.then_some(unsafe { Fd::from_raw(world.files.eventfd) });
                match cx.set_notify(eventfd) {
                    Ok(()) => world.notify = on,
                    // No memory for the request that tries it.
                    Err(ContextError::Os { errno: Errno::EAGAIN, .. }) => {}
                    Err(error) => assert!(world.hostile, "{error:?}"),
                }
            }
            Operation::Move
            | Operation::Scope { .. }
            | Operation::End { .. }
            | Operation::Leak
            | Operation::Fork => {}
        }
        assert_eq!(cx.in_flight(), self.account.out.len(), "in flight");
        assert_eq!(self.batch.len(), self.account.batch.len(), "in the batch");
        let stats = cx.stats();
        assert!(world.hostile || stats.strays == 0 && stats.ring_given_up == 0, "{stats:?}");
        assert!(stats.completed_in_submit <= stats.accepted, "{stats:?}");
        world.check();
    }

    fn push(&mut self, world: &mut World, push: Push) {
        let Some(mut buf) = self.pool.take() else { return };
        let number = world.next_tag();
        buf.fill(number as u8);
        let (addresses, content) = (buf.addresses(), buf.content());
        let start = usize::from(push.start);
        let part = B::part(start..(start + usize::from(push.len)).min(LEN));
        let offset = match push.what {
            What::Write => world.place(part.len()),
            What::Bad(Bad::Offset) => 1 << 63 | u64::from(push.offset),
            What::Sync | What::Poll => 0,
            What::Read | What::Bad(_) => push.offset.into(),
        };
        let mut request = self.request(world, push.what, buf, offset, part.clone());
        if push.notify {
            // SAFETY: open as long as the model.
            request = request.notify(unsafe { Fd::from_raw(world.files.eventfd) });
        }
        if push.what == What::Bad(Bad::Eventfd) {
            // SAFETY: open as long as the model.
            request = request.notify(unsafe { Fd::from_raw(world.files.source) });
        }
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
        match self.batch.push(request) {
            Ok(()) => self.account.batch.push_back(expect),
            Err(full) => {
                assert_eq!(self.batch.len(), IN_BATCH, "full");
                let (mut buf, tag) = full.0.into_parts();
                assert_eq!(
                    (buf.addresses(), tag.number),
                    (expect.addresses, number),
                    "handed back"
                );
                self.pool.give_back(buf);
            }
        }
    }

    fn request(
        &self,
        world: &World,
        what: What,
        buf: B,
        offset: u64,
        part: core::ops::Range<usize>,
    ) -> Request<'static, B, (), Any> {
        let files = &world.files;
        let fd = match what {
            What::Read | What::Bad(Bad::Mode | Bad::Offset | Bad::Flag | Bad::Eventfd) => {
                files.source
            }
            What::Write | What::Sync => files.sink,
            What::Poll => files.reader,
            What::Bad(Bad::Closed) => -1,
            What::Bad(Bad::Directory) => files.directory,
        };
        // SAFETY: open as long as the model, or a number that is refused.
        let file = unsafe { Fd::from_raw(fd) };
        match what {
            What::Write | What::Bad(Bad::Mode) => buf.write(file, offset, part).into_any(),
            What::Sync => Request::fdsync(file).carry(buf).into_any(),
            What::Poll => Request::poll(file).events(PollEvents::IN).carry(buf).into_any(),
            What::Bad(Bad::Flag) => {
                let flag = RwFlags::from_bits_retain(1 << 30);
                buf.read(file, offset, part).flags(flag).into_any()
            }
            What::Read | What::Bad(_) => buf.read(file, offset, part).into_any(),
        }
    }

    fn submit<const N: usize>(&mut self, world: &mut World, cx: &mut Context<B, Tag, N>) {
        let (waiting, had) = (self.batch.len(), cx.in_flight());
        let room = waiting.min(N - had);
        let submitted = match cx.submit(&mut self.batch) {
            Ok(submitted) => {
                assert_eq!(
                    submitted.accepted + submitted.refused,
                    room,
                    "as many as there is room for"
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
            let refused = |expect: &&Expect| expect.refused().is_some();
            let refused = self.account.batch.iter().take(left).filter(refused).count();
            assert_eq!(submitted.refused, refused, "those that are bad");
        }
        self.account.submit(world, left);
    }

    fn wait<const N: usize>(
        &mut self,
        world: &mut World,
        cx: &mut Context<B, Tag, N>,
        min: usize,
        span: Span,
        take: u8,
    ) {
        // No longer than it is sure to end; a hostile kernel ends it somehow.
        let sure = min <= self.account.sure() || world.hostile;
        let timeout = match span {
            Span::Zero => Some(Duration::ZERO),
            Span::Longest if sure => Some(Duration::MAX),
            Span::Forever if sure => None,
            Span::Short(micros) => Some(Duration::from_micros(micros.into())),
            Span::Longest | Span::Forever => Some(Duration::from_secs(1)),
        };
        let endless = matches!(span, Span::Longest | Span::Forever) && sure;
        let least = if endless && !world.hostile { min.min(cx.in_flight()) } else { 0 };
        let done = cx.wait(min, timeout);
        self.take(world, done, least, take);
    }

    /// Takes at most so many of the completions, of which there must be at least so many.
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
                    self.account.complete(world, &mut done);
                    self.pool.give_back(done.buf);
                }
                assert!(left <= self.account.out.len());
            }
            Err(ContextError::Interrupted) => {}
            Err(error) => assert!(world.hostile, "{error:?}"),
        }
    }

    fn cancel<const N: usize>(
        &mut self,
        world: &World,
        cx: &mut Context<B, Tag, N>,
        nth: usize,
        again: bool,
    ) {
        let ids = cx.requests().map(|request| (request.id, request.tag.number)).collect::<Vec<_>>();
        assert!(ids.iter().all(|(_, tag)| self.account.out.contains_key(tag)));
        let (id, tag) = match (self.cancelled, ids.get(nth)) {
            (Some(id), _) if again => {
                (id, ids.iter().find(|known| known.0 == id).map(|known| known.1))
            }
            (_, Some(&(id, tag))) => (id, Some(tag)),
            _ => return,
        };
        self.cancelled = Some(id);
        match cx.cancel(id) {
            Ok(Cancel::Cancelled) => {
                let expect = self.account.out.get_mut(&tag.expect("in flight")).expect("in flight");
                assert!(expect.what == What::Poll || world.hostile);
                expect.cancelled = true;
            }
            Ok(Cancel::NotCancellable) => assert!(tag.is_some()),
            Ok(Cancel::NotInFlight) => assert_eq!(tag, None),
            Err(error) => assert!(world.hostile, "{error:?}"),
        }
    }
}
