//! [`Inner`]: what a context consists of whatever its buffers and tags are.

use super::{arena::Arena, stats::Stats};
use crate::{
    abi::AioContext,
    error::{ContextError, SetupError},
    raw::RawContext,
    ring::Ring,
    sys::{fd::OwnedFd, fork_guard::ForkGuard},
    types::{Errno, cast},
};
use core::sync::atomic::{AtomicU64, Ordering};

/// What a context consists of whatever its buffers and tags are: this moves into a scope and back.
///
/// # Invariants
///
/// `ring` is none or that of `raw`, and it is none if a forked child could not be told.
#[derive(Debug)]
pub(super) struct Inner {
    raw: RawContext,
    ring: Option<Ring>,
    /// Whether to make use of the ring.
    use_ring: bool,
    pub(super) arena: Arena,
    /// Which context of this process it is.
    serial: u64,
    /// Where the ids of requests go on.
    pub(super) generation: u32,
    /// How many of the pointers in the arena are those of the last submission.
    pub(super) submitted: usize,
    pub(super) stats: Stats,
    /// What requests without an eventfd of their own notify by.
    pub(super) eventfd: Option<OwnedFd>,
}

/// How many contexts this process has made.
static MADE: AtomicU64 = AtomicU64::new(0);

impl Inner {
    /// Nothing, in place of what has moved elsewhere.
    pub(super) fn none() -> Self {
        Self {
            raw: RawContext::none(),
            ring: None,
            use_ring: true,
            arena: Arena::none(),
            serial: 0,
            generation: 0,
            submitted: 0,
            stats: Stats::NONE,
            eventfd: None,
        }
    }

    /// A kernel context for `capacity` requests with buffer `B` and tag `T`, and its ring, if that can be
    /// read.
    ///
    /// # Errors
    ///
    /// The call that failed, and why.
    pub(super) fn new<B, T>(capacity: usize) -> Result<Self, SetupError> {
        let explain = |call, errno| SetupError::explain(call, errno, capacity);
        let slots = u32::try_from(capacity).map_err(|_| explain("io_setup", Errno::EINVAL))?;
        if slots == 0 {
            return Err(explain("io_setup", Errno::EINVAL));
        }
        // Before the context, whose end takes the kernel some 40 ms.
        let arena = Arena::new::<B, T>(slots).map_err(|errno| explain("mmap", errno))?;
        let raw = RawContext::new(capacity)?;
        let ring = if raw.guard().is_real() {
            // SAFETY:
            // 1. The context was just made. It ends in `end`, which gives up the ring before, or
            //    never.
            // 2. The ring is reached by `&mut self` only (`ring`), and so is `RawContext::getevents`
            //    (`raw`, of which no reference leaves a `Context`, which is not `Sync`); whoever calls
            //    `io_getevents` by the context's number answers for it. In a forked child, `ring`
            //    answers `None`.
            unsafe { Ring::of_context(raw.id(), capacity) }
        } else {
            None
        };
        let serial = MADE.fetch_add(1, Ordering::Relaxed) + 1;
        // Far from where the other contexts began, so that an event that is found where it does not
        // belong matches no request (Knuth's multiplicative hash).
        let generation = cast::high_32(serial.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Ok(Self { raw, ring, arena, serial, generation, ..Self::none() })
    }

    /// The kernel context, for calls that take no events from it.
    #[inline]
    pub(super) const fn raw(&self) -> &RawContext {
        &self.raw
    }

    /// The kernel context, and the arena beside it: for calls that take events.
    #[inline]
    pub(super) const fn raw_and_arena(&mut self) -> (&RawContext, &mut Arena) {
        (&self.raw, &mut self.arena)
    }

    /// Tells this process from its children.
    #[inline]
    pub(super) const fn guard(&self) -> &ForkGuard {
        self.raw.guard()
    }

    /// The kernel's name for the context.
    pub(super) const fn id(&self) -> AioContext {
        self.raw.id()
    }

    /// Which context of this process it is.
    pub(super) const fn serial(&self) -> u64 {
        self.serial
    }

    /// The ring, if it can be read, is to be read, and is ours to read.
    ///
    /// The look at the guard counts until the caller is done: this thread does not fork meanwhile, and
    /// when another one does, this one is not in the child. (A signal handler that forks and returns
    /// in the child, `vfork`, and `clone` with `CLONE_VM` are not supported, see [`ForkGuard`].)
    #[inline]
    pub(super) fn ring(&mut self) -> Option<&mut Ring> {
        if self.use_ring && !self.guard().forked() { self.ring.as_mut() } else { None }
    }

    /// The ring to look at, not to take from.
    #[inline]
    pub(super) fn peek_ring(&self) -> Option<&Ring> {
        if self.use_ring && !self.guard().forked() { self.ring.as_ref() } else { None }
    }

    /// Whether to make use of the ring from now on.
    pub(super) const fn set_use_ring(&mut self, on: bool) {
        self.use_ring = on;
    }

    /// Never reads the ring again.
    #[cold]
    pub(super) fn give_up_ring(&mut self) {
        self.ring = None;
        self.stats.ring_given_up += 1;
    }

    /// Counts the requests of a submission.
    #[inline]
    pub(super) const fn record_submitted(&mut self, accepted: usize, refused: usize) {
        self.submitted = accepted + refused;
        self.stats.accepted += cast::to_u64(accepted);
        self.stats.refused += cast::to_u64(refused);
    }

    /// Ends the kernel context, and before that the use of its ring, which is about to be unmapped.
    ///
    /// # Errors
    ///
    /// As for [`RawContext::destroy`].
    pub(super) fn end(&mut self) -> Result<(), ContextError> {
        self.ring = None;
        self.raw.end()
    }
}
