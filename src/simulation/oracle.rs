//! [`Oracle`]: the expected completions.
//!
//! * Each request that was submitted completes once, with its own tag and its own buffer.
//! * Its result is the one that the kernel has posted for it, or the errno with which it was
//!   refused.
//! * The part of the buffer that was read contains the bytes of the file, and the rest is
//!   unchanged. Bytes that were written are in the file.
//! * Completions are in the order in which the kernel has posted their events.
//! * Requests that were not submitted are in the batch, in order.

use super::{
    buffer::{Buffer, Tag},
    program::{Bad, What},
    world::{SOURCE, World, source},
};
use crate::{
    completion::{Completion, Outcome},
    types::{Errno, Opcode},
};
use core::ops::Range;
use std::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

/// A request, and the data that its completion must have.
#[derive(Debug)]
pub(super) struct Expect {
    pub(super) tag: u32,
    pub(super) what: What,
    pub(super) opcode: Opcode,
    pub(super) offset: u64,
    /// The part of the buffer that is transferred.
    pub(super) part: Range<usize>,
    /// The addresses of the pieces of the buffer, by which it is identified.
    pub(super) addresses: Vec<usize>,
    /// The content of the buffer before the request.
    pub(super) content: Vec<u8>,
    pub(super) notify: bool,
    pub(super) cancelled: bool,
}

impl Expect {
    /// Returns the errno with which `io_submit` refuses the request, if it does.
    pub(super) const fn refused(&self, world: &World) -> Option<Errno> {
        match self.what {
            What::Bad(Bad::Mode | Bad::Closed) => Some(Errno::EBADF),
            What::Bad(Bad::Eventfd) if world.ignores_eventfds => None,
            What::Bad(Bad::Flag) if world.ignores_flags => None,
            What::Bad(Bad::Directory | Bad::Offset | Bad::Eventfd) => Some(Errno::EINVAL),
            What::Bad(Bad::Flag) => Some(Errno::EOPNOTSUPP),
            What::Read | What::Write | What::Sync | What::Poll => None,
        }
    }
}

/// The requests of one context.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    pub(super) batch: VecDeque<Expect>,
    /// The requests that were submitted and whose completions were not taken, by their tags.
    pub(super) out: BTreeMap<u32, Expect>,
    /// The index of the event whose completion was taken last.
    pub(super) last: Option<usize>,
}

impl Oracle {
    /// Records that the first `count` requests of the batch were submitted.
    pub(super) fn submit(&mut self, world: &mut World, count: usize) {
        for expect in self.batch.drain(..count).collect::<Vec<_>>() {
            self.submit_one(world, expect);
        }
    }

    /// Records that a request was submitted.
    pub(super) fn submit_one(&mut self, world: &mut World, expect: Expect) {
        // The eventfd of the context counts refused requests too; a request's own eventfd does not.
        let own = expect.notify || expect.what == What::Bad(Bad::Eventfd);
        let counts = if own { expect.refused(world).is_none() } else { world.notify };
        if counts && !world.ignores_eventfds {
            world.notifications += 1;
        }
        world.played.submitted += 1;
        let before = self.out.insert(expect.tag, expect);
        assert!(before.is_none());
    }

    /// Returns the number of requests that certainly complete. Polls may not.
    pub(super) fn sure(&self) -> usize {
        let sure = |expect: &&Expect| !matches!(expect.what, What::Poll) || expect.cancelled;
        self.out.values().filter(sure).count()
    }

    /// Checks a completion.
    pub(super) fn complete<B: Buffer>(
        &mut self,
        world: &mut World,
        done: &mut Completion<B, Tag>,
    ) -> Expect {
        let expect = self.out.remove(&done.tag.number);
        let expect = expect.expect("a completion of a request in flight, once");
        assert_eq!(done.buf.addresses(), expect.addresses, "its own buffer");
        assert_eq!((done.info().opcode(), done.info().offset()), (expect.opcode, expect.offset));
        world.played.completed += 1;
        world.played.succeeded += u64::from(done.result.is_ok());
        if let Some(transferred) = B::transferred(done) {
            let start = done.info().range().start;
            let len = if done.info().opcode().is_transfer() {
                done.result.unwrap_or(0)
            } else {
                transferred.len()
            };
            assert_eq!(transferred.len(), len);
            assert_eq!(transferred, &done.buf.content()[start..start + len]);
        }
        if done.info().opcode().is_transfer() {
            assert_eq!(done.info().range(), expect.part);
        }
        let posted = world.posted(done.info().event().data);
        if world.hostile {
            return expect; // the result of a hostile kernel cannot be checked
        }
        match (expect.refused(world), posted) {
            (Some(errno), None) => assert_eq!(done.result, Err(errno)),
            (None, Some((index, res))) => {
                assert!(
                    self.last.replace(index) < Some(index),
                    "in the order of the kernel's events"
                );
                assert_eq!((done.info().event().res, done.info().event().res2), (res, 0));
                match usize::try_from(res) {
                    Ok(count) => assert_eq!(done.result, Ok(count)),
                    Err(_) => {
                        assert_eq!(done.result.map_err(|errno| -i64::from(errno.raw())), Err(res))
                    }
                }
            }
            mixed => panic!("either refused or posted: {mixed:?}: {expect:?}"),
        }
        check_bytes(world, done, &expect);
        expect
    }
}

impl Expect {
    /// Returns the expected data for a request without the first `count` bytes of this one.
    pub(super) fn after<B: Buffer>(self, count: usize, buf: &B) -> Self {
        let part = self.part.start + count..self.part.end;
        let offset = self.offset + count as u64;
        let what = match self.what {
            What::Bad(Bad::Eventfd) => What::Read, // without the eventfd
            what => what,
        };
        let content = buf.content();
        Self { part, offset, what, content, notify: false, cancelled: false, ..self }
    }
}

/// Checks the content of the buffer and of the file after a request.
fn check_bytes<B: Buffer>(world: &mut World, done: &Completion<B, Tag>, expect: &Expect) {
    let mut content = expect.content.clone();
    let (offset, part) = (expect.offset as usize, expect.part.clone());
    match (expect.what, done.result) {
        (What::Read | What::Bad(Bad::Flag | Bad::Eventfd), Ok(count)) => {
            let left = SOURCE.saturating_sub(offset).min(part.len());
            assert!(count <= left && (count > 0 || left == 0), "{count} of {left}");
            for index in 0..count {
                content[part.start + index] = source(offset + index);
            }
        }
        (What::Write, Ok(count)) => {
            assert!(count <= part.len() && (count > 0 || part.is_empty()));
            let bytes = &content[part][..count];
            let end = offset + count;
            if count > 0 {
                world.sink.resize(world.sink.len().max(end), 0);
                world.sink[offset..end].copy_from_slice(bytes);
                let file = world.kernel.content(world.files.sink);
                assert_eq!(file.get(offset..end), Some(bytes), "the written bytes are in the file");
            }
        }
        (What::Sync, Ok(_)) => assert_eq!(done.outcome(), Ok(Outcome::Synced)),
        (What::Poll, Ok(0)) => {
            assert!(expect.cancelled, "only a cancelled poll has no events");
            assert_eq!(done.outcome(), Ok(Outcome::Cancelled));
        }
        (What::Poll, Ok(_)) => {
            let Ok(Outcome::Ready { events, asked }) = done.outcome() else {
                panic!("a poll with events: {:?}", done.outcome());
            };
            assert!(events.intersects(asked));
        }
        (_, Err(errno)) => assert_eq!(done.outcome().map_err(|error| error.errno), Err(errno)),
        (What::Bad(_), Ok(_)) => panic!("an invalid request succeeded"),
    }
    assert!(
        done.buf.content() == content,
        "the buffer has the bytes of the file, or is unchanged: {expect:?}"
    );
}
