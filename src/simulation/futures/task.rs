//! [`Task`]: a future of the program, and what its completion must be.

use super::waker::Mark;
use crate::{
    completion::Completion,
    driver::{Driver, Op, Permit, Room},
    simulation::{
        buffer::{Buffer, LEN, Owner, Tracked},
        world::{SOURCE, World, source},
    },
    slots::Phase,
    types::Opcode,
};
use core::pin::Pin;
use std::{boxed::Box, collections::BTreeSet, rc::Rc, vec::Vec};

pub(super) type SimDriver = Driver<Tracked, Owner>;

/// A future of a request.
pub(super) struct Task<'d> {
    pub(super) op: Op<'d, Tracked, Owner>,
    /// The record of the waker with which it was polled last.
    pub(super) mark: Option<Rc<Mark>>,
    pub(super) expect: Expect,
}

/// A future that waits for room.
pub(super) struct Waiting<'d> {
    pub(super) room: Pin<Box<Room<'d, Tracked, Owner>>>,
    pub(super) mark: Option<Rc<Mark>>,
}

/// The futures of a program. Those that wait are in the order of waiting.
#[derive(Default)]
pub(super) struct Futures<'d> {
    pub(super) tasks: Vec<Task<'d>>,
    pub(super) waiting: Vec<Waiting<'d>>,
    pub(super) permits: Vec<Permit<'d, Tracked, Owner>>,
    /// The number of requests that were leaked.
    pub(super) leaked: usize,
    /// The addresses of the buffers of leaked requests.
    pub(super) leaked_buffers: BTreeSet<usize>,
}

/// What a completion must have.
#[derive(Clone, Debug)]
pub(super) struct Expect {
    pub(super) address: usize,
    pub(super) opcode: Opcode,
    pub(super) offset: u64,
    pub(super) fill: u8,
    /// Whether the request is valid.
    pub(super) valid: bool,
}

impl Task<'_> {
    /// Checks that the task was woken if its result is held, and not otherwise.
    pub(super) fn check(&self) {
        let Some(mark) = &self.mark else { return };
        let expected = u32::from(self.op.phase() == Some(Phase::Held));
        assert_eq!(mark.woken.get(), expected, "woken: {:?} {:?}", self.op.phase(), self.expect);
    }

    /// Marks that its future is gone.
    pub(super) fn gone(&self) {
        if let Some(mark) = &self.mark {
            mark.gone.set(true);
        }
    }
}

impl Expect {
    /// Checks a completion.
    pub(super) fn check(&self, world: &mut World, done: &mut Completion<Tracked, ()>) {
        assert_eq!(done.buf.addresses(), [self.address], "its own buffer");
        assert_eq!((done.info().opcode(), done.info().offset()), (self.opcode, self.offset));
        world.played.completed += 1;
        world.played.succeeded += u64::from(done.result.is_ok());
        let posted = world.posted(done.info().event().data);
        if world.hostile {
            return;
        }
        match posted {
            Some((_, res)) => {
                assert!(self.valid);
                let expected = usize::try_from(res).map_err(|_| res);
                assert_eq!(done.result.map_err(|errno| -i64::from(errno.raw())), expected);
            }
            None => assert!(done.result.is_err(), "no event, and {:?}", done.result),
        }
        let (content, offset) = (done.buf.content(), self.offset as usize);
        let count = done.result.unwrap_or(0);
        let read = if self.opcode == Opcode::Pread { count } else { 0 };
        for (index, byte) in content.iter().enumerate() {
            let expected = if index < read { source(offset + index) } else { self.fill };
            assert_eq!(*byte, expected, "byte {index} of {self:?}, of which {read} were read");
        }
        assert!(offset + read <= SOURCE || read == 0);
        if self.opcode == Opcode::Pwrite && count > 0 {
            assert!(count <= LEN);
            let file = world.kernel.content(world.files.sink);
            assert_eq!(file.get(offset..offset + count), Some(&content[..count]), "it was written");
        }
    }
}
