//! [`Oracle`]: what must come back, kept plainly.
//!
//! * Each request that was submitted completes once, with its own tag and its own buffer.
//! * Its result is what the kernel has posted for it, or the errno of what is wrong with it.
//! * Its buffer has the bytes of the file where they were read, and is untouched elsewhere; what was
//!   written is in the file.
//! * Completions come in the order in which the kernel has posted them.
//! * What was not submitted is in the batch, in order.

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

/// A request, as it was pushed.
#[derive(Debug)]
pub(super) struct Expect {
    pub(super) tag: u32,
    pub(super) what: What,
    pub(super) opcode: Opcode,
    pub(super) offset: u64,
    /// Which part of the buffer takes part.
    pub(super) part: Range<usize>,
    /// Which buffer, by its pieces, and what was in it.
    pub(super) addresses: Vec<usize>,
    pub(super) content: Vec<u8>,
    pub(super) notify: bool,
    pub(super) cancelled: bool,
}

impl Expect {
    /// The errno with which `io_submit` refuses it.
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
    /// Submitted, and not taken.
    pub(super) out: BTreeMap<u32, Expect>,
    /// Which of the kernel's events was taken last.
    pub(super) last: Option<usize>,
}

impl Oracle {
    /// The front of the batch has been submitted.
    pub(super) fn submit(&mut self, world: &mut World, count: usize) {
        for expect in self.batch.drain(..count).collect::<Vec<_>>() {
            self.submit_one(world, expect);
        }
    }

    /// A request has been submitted.
    pub(super) fn submit_one(&mut self, world: &mut World, expect: Expect) {
        // The context's eventfd counts refused requests as well, a request's own one does not.
        let own = expect.notify || expect.what == What::Bad(Bad::Eventfd);
        let counts = if own { expect.refused(world).is_none() } else { world.notify };
        if counts && !world.ignores_eventfds {
            world.notifications += 1;
        }
        world.played.submitted += 1;
        let before = self.out.insert(expect.tag, expect);
        assert!(before.is_none());
    }

    /// How many are sure to complete some time: polls are not.
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
            return expect; // what it says of itself cannot be checked
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
            mixed => panic!("refused or posted, one or the other: {mixed:?}: {expect:?}"),
        }
        check_bytes(world, done, &expect);
        expect
    }
}

impl Expect {
    /// The request of what is left after `count` bytes of this one, or of all of it.
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

/// Checks what has become of the bytes.
fn check_bytes<B: Buffer>(world: &mut World, done: &Completion<B, Tag>, expect: &Expect) {
    let mut content = expect.content.clone();
    let (offset, part) = (expect.offset as usize, expect.part.clone());
    match (expect.what, done.result) {
        (What::Read | What::Bad(Bad::Flag | Bad::Eventfd), Ok(count)) => {
            let left = SOURCE.saturating_sub(offset).min(part.len());
            assert!(count <= left && (count > 0 || left == 0), "{count} of {left}");
            for place in 0..count {
                content[part.start + place] = source(offset + place);
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
                assert_eq!(file.get(offset..end), Some(bytes), "what was written is in the file");
            }
        }
        (What::Sync, Ok(_)) => assert_eq!(done.outcome(), Ok(Outcome::Synced)),
        (What::Poll, Ok(0)) => {
            assert!(expect.cancelled, "only a poll that was cancelled finds nothing");
            assert_eq!(done.outcome(), Ok(Outcome::Cancelled));
        }
        (What::Poll, Ok(_)) => {
            let Ok(Outcome::Ready { events, asked }) = done.outcome() else {
                panic!("a poll that found something: {:?}", done.outcome());
            };
            assert!(events.intersects(asked));
        }
        (_, Err(errno)) => assert_eq!(done.outcome().map_err(|error| error.errno), Err(errno)),
        (What::Bad(_), Ok(_)) => panic!("a success of what was refused"),
    }
    assert!(
        done.buf.content() == content,
        "the buffer: bytes of the file, or untouched: {expect:?}"
    );
}
