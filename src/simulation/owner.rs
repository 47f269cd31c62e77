//! [`Owner`]: the owner of the program's context, and the steps with the handle.

use super::{
    Played,
    buffer::{Buffer, LEN, Pool, Tag, ledger},
    driver::Level,
    oracle::Oracle,
    program::{Operation, Span},
    world::World,
};
use crate::{context::Context, error::ContextError, types::Errno};
use core::{cell::Cell, mem::ManuallyDrop, ptr};
use std::{
    boxed::Box,
    panic::{self, AssertUnwindSafe},
    vec,
    vec::Vec,
};

pub(super) struct Owner<B: 'static, P> {
    // If an assertion fails, the fields are dropped in this order: first the context, which uses
    // buffers.
    cx: Option<Context<B, Tag>>,
    level: Level<B, P>,
    world: World,
    capacity: usize,
}

impl<B: Buffer + 'static, P: Pool<B>> Owner<B, P> {
    pub(super) fn new(world: World, pool: P, capacity: usize) -> Self {
        Self { world, cx: None, level: Level::new(pool), capacity }
    }

    /// Runs all operations, and checks the state at the end.
    pub(super) fn play(mut self, operations: &[Operation]) -> Played {
        let mut operations = operations.iter().copied();
        while let Some(operation) = operations.next() {
            self.set_up();
            let Self { world, cx: Some(cx), level, .. } = &mut self else { continue };
            match operation {
                Operation::Move => self.cx = self.cx.take().map(|cx| *Box::new(cx)),
                Operation::Scope { steps, panics } => {
                    let steps = operations.by_ref().take(steps.into()).collect::<Vec<_>>();
                    let outer = level.batch.len();
                    world.outer_files += outer;
                    scope(world, cx, &steps, panics);
                    world.outer_files -= outer;
                }
                Operation::End { by_drop, forbidden } => self.end(by_drop, forbidden),
                Operation::Leak => {
                    core::mem::forget(self.cx.take());
                    self.leaked();
                }
                Operation::Fork => fork(world, cx, level),
                other => level.step(world, cx, other),
            }
            self.world.check();
        }
        if self.world.drains {
            self.drain();
        }
        self.end(true, false);
        self.level.batch.clear();
        self.world.check_end();
        core::mem::take(&mut self.world.played)
    }

    /// Waits for all requests and takes their completions, by steps of a program.
    fn drain(&mut self) {
        let Self { world, cx: Some(cx), level, .. } = self else { return };
        level.step(world, cx, Operation::Pipe { filled: true });
        // A submission may fail with EAGAIN several times.
        for _ in 0..20 {
            level.step(world, cx, Operation::Submit);
            level.step(world, cx, Operation::Wait { min: 1, span: Span::Short(200), take: 8 });
        }
        for _ in 0..20 {
            level.step(world, cx, Operation::Wait { min: 8, span: Span::Short(200), take: 8 });
        }
        assert!(world.hostile || cx.outstanding() == 0, "everything completes: {:?}", level.oracle);
    }

    /// Makes a context, if there is none. This may fail for lack of memory.
    fn set_up(&mut self) {
        if self.cx.is_none() {
            self.cx = Context::new(self.capacity).ok();
            if let Some(cx) = &mut self.cx {
                cx.set_busy_poll(self.world.busy_poll);
                self.world.new_context(cx.id());
            }
        }
    }

    /// Closes or drops the context, and checks that its buffers and tags were dropped, or leaked if
    /// `io_destroy` is forbidden.
    fn end(&mut self, by_drop: bool, forbidden: bool) {
        let Some(cx) = self.cx.take() else { return };
        if forbidden {
            self.world.kernel.forbid("io_destroy", Errno::EPERM);
        }
        let mut ended = !forbidden;
        if by_drop {
            drop(cx);
        } else {
            match cx.close() {
                Ok(()) => assert!(!forbidden),
                // A scope has destroyed the context before.
                Err(ContextError::Gone) => assert!(self.world.hostile),
                Err(error) => {
                    assert_eq!(error, ContextError::Os { call: "io_destroy", errno: Errno::EPERM });
                    assert!(forbidden);
                }
            }
        }
        self.world.kernel.allow_all();
        if self.world.hostile {
            let out = &self.level.oracle.out;
            ended = ledger(|ledger| !out.keys().any(|tag| ledger.tags.contains(tag)));
        }
        if ended { abandon(&mut self.world, &mut self.level.oracle) } else { self.leaked() }
    }

    /// Checks that the buffers and tags of a leaked context still exist, and records them.
    fn leaked(&mut self) {
        self.level.oracle.last = None;
        let (tags, buffers) = ledger(|ledger| (ledger.tags.clone(), ledger.addresses()));
        for expect in core::mem::take(&mut self.level.oracle.out).into_values() {
            assert!(tags.contains(&expect.tag), "leaked, not dropped: {expect:?}");
            self.world.leaked_tags.insert(expect.tag);
            for address in &expect.addresses {
                assert!(buffers.contains(address), "leaked, not dropped: {expect:?}");
                self.world.leaked_buffers.insert(*address);
            }
            self.world.played.abandoned += 1;
        }
    }
}

/// Checks that all calls fail in a forked child, and that they do not affect the parent.
fn fork<B: Buffer, P: Pool<B>>(world: &World, cx: &mut Context<B, Tag>, level: &mut Level<B, P>) {
    let before = (ledger(|ledger| ledger.tags.clone()), world.kernel.ring_header(cx.id()));
    let refused = |error: ContextError| match error {
        ContextError::Forked => !world.old,
        ContextError::Gone => world.old,
        _ => false,
    };
    world.kernel.in_child(|| {
        // SAFETY: this is the child's copy of the handle. The fake kernel restores the pages of the
        // parent afterwards. In the child, the copy does not drop the buffers, which the original
        // owns too.
        let mut copy = ManuallyDrop::new(unsafe { ptr::read(cx) });
        let submitted = copy.submit(&mut level.batch).map_err(|error| refused(error.cause));
        // `Ok` is possible only if the kernel has no MADV_WIPEONFORK and there is nothing to
        // submit.
        let idle = level.batch.is_empty() || copy.outstanding() == copy.capacity();
        assert!(submitted == Err(true) || submitted.is_ok() && world.old && idle || world.hostile);
        if copy.outstanding() > 0 {
            let reaped = copy.reap().map(|done| done.len());
            assert!(
                reaped.is_ok_and(|len| world.old && len > 0)
                    || reaped.is_err_and(refused)
                    || world.hostile
            );
        }
        // SAFETY: the copy is not used afterwards.
        unsafe { ManuallyDrop::drop(&mut copy) };
    });
    let after = (ledger(|ledger| ledger.tags.clone()), world.kernel.ring_header(cx.id()));
    assert!(before == after || world.hostile, "a child has changed the state of its parent");
    assert_eq!(level.batch.len(), level.oracle.batch.len());
    // An iterator that was made before the fork is empty in the child, and unchanged in the parent.
    if let Ok(mut held) = cx.reap()
        && !world.old
    {
        let left = held.len();
        world.kernel.in_child(|| assert_eq!((held.len(), held.next().is_some()), (0, false)));
        assert_eq!(held.len(), left);
    }
}

/// Checks that the buffers and tags of a context or scope that has ended were dropped.
fn abandon(world: &mut World, oracle: &mut Oracle) {
    oracle.last = None;
    let tags = ledger(|ledger| ledger.tags.clone());
    for expect in core::mem::take(&mut oracle.out).into_values() {
        assert!(!tags.contains(&expect.tag), "dropped: {expect:?}");
        let in_use = world.kernel.uses_memory(expect.addresses[0], LEN);
        assert!(!in_use, "the kernel has released the buffer: {expect:?}");
        world.played.abandoned += 1;
    }
}

/// Runs steps in a scope, with borrowed buffers.
fn scope<B>(world: &mut World, cx: &mut Context<B, Tag>, steps: &[Operation], panics: bool) {
    let had = cx.outstanding();
    let mut frame = vec![[0_u8; LEN]; 8];
    let address = frame.as_ptr().addr();
    let entered = Cell::new(false);
    // On a panic, the requests in the batch are dropped with it.
    let mut level = Level::new(frame.iter_mut().map(|bytes| &mut bytes[..]).collect::<Vec<_>>());
    let left = panic::catch_unwind(AssertUnwindSafe(|| {
        cx.scope(|cx| {
            entered.set(true);
            world.played.scopes += 1;
            let mut steps = steps.iter().copied();
            while let Some(step) = steps.next() {
                match step {
                    Operation::Scope { steps: inner, panics } => {
                        let inner = steps.by_ref().take(inner.into()).collect::<Vec<_>>();
                        let outer = level.batch.len();
                        world.outer_files += outer;
                        scope(world, cx, &inner, panics);
                        world.outer_files -= outer;
                    }
                    other => level.step(world, cx, other),
                }
            }
            if panics {
                panic::resume_unwind(Box::new("panic in a scope"));
            }
            Ok(())
        })
    }));
    match left {
        Ok(Ok(())) => assert!(!panics),
        Ok(Err(ContextError::Busy { outstanding })) => {
            assert_eq!((outstanding, entered.get()), (had, false))
        }
        // The fake kernel has no memory.
        Ok(Err(ContextError::Os { call: "mmap", .. })) => assert!(!entered.get()),
        Ok(Err(error)) => assert!(world.hostile && !entered.get(), "{error:?}"),
        Err(panicked) => {
            let ours = panicked.downcast_ref::<&str>() == Some(&"panic in a scope");
            if !ours {
                panic::resume_unwind(panicked);
            }
            assert!(panics);
        }
    }
    level.batch.clear();
    let mut oracle = core::mem::take(&mut level.oracle);
    drop(level);
    abandon(world, &mut oracle);
    let in_use = world.kernel.uses_memory(address, 8 * LEN);
    assert!(!in_use, "no request of a scope is in flight after it");
    drop(frame);
    assert_eq!(cx.outstanding(), had);
}
