//! [`Inner`]: the part of a context that does not depend on the types of its buffers and tags.

use super::{arena::Arena, busy_poll::Poller, stats::Stats};
use crate::{
    abi::AioContext,
    error::{ContextError, SetupError},
    raw::RawContext,
    ring::Ring,
    sys::{fd::OwnedFd, fork_guard::ForkGuard},
    types::{Errno, cast},
};
use core::sync::atomic::{AtomicU64, Ordering};

/// The part of a context that does not depend on the types of its buffers and tags. It moves into a
/// scope and back.
///
/// # Invariants
///
/// `ring` is `None` or the ring of `raw`. It is `None` if the guard cannot detect a forked child.
#[derive(Debug)]
pub(super) struct Inner {
    raw: RawContext,
    ring: Option<Ring>,
    /// Whether the ring is used, as set by the program.
    use_ring: bool,
    pub(super) arena: Arena,
    /// The number of [`serial`].
    serial: u64,
    /// The generation from which the ids of the next table continue.
    pub(super) generation: u32,
    /// The number of pointers in the arena that the last submission has written.
    pub(super) submitted: usize,
    pub(super) stats: Stats,
    /// The eventfd of requests without an eventfd of their own.
    pub(super) eventfd: Option<OwnedFd>,
    pub(super) busy_poll: Poller,
}

/// The number of contexts that this process has made. It may be too small if threads made some at
/// the same time.
static MADE: AtomicU64 = AtomicU64::new(0);

/// Returns a number that no other context has that exists at the same time: the kernel's ids differ
/// then. If the id is that of an earlier context, the number of contexts has risen since, unless a
/// race has put it back.
///
/// The number is loaded and stored. An atomic addition would need functions of a C library on
/// aarch64.
fn serial(id: AioContext) -> u64 {
    const PAGE_BITS: u32 = 12;
    const COUNT_BITS: u32 = 28;
    let count = MADE.load(Ordering::Relaxed) + 1;
    MADE.store(count, Ordering::Relaxed);
    (id.0 >> PAGE_BITS) << COUNT_BITS | count & ((1 << COUNT_BITS) - 1)
}

impl Inner {
    /// Makes a value without a context, to replace one that was moved.
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
            busy_poll: Poller::OFF,
        }
    }

    /// Makes a kernel context for `capacity` requests with buffer `B` and tag `T`, and gets its
    /// ring, if the ring can be read.
    ///
    /// # Errors
    ///
    /// [`SetupError`], with the call that failed and its errno.
    pub(super) fn new<B, T>(capacity: usize) -> Result<Self, SetupError> {
        let explain = |call, errno| SetupError::explain(call, errno, capacity);
        let slots = u32::try_from(capacity).map_err(|_| explain("io_setup", Errno::EINVAL))?;
        if slots == 0 {
            return Err(explain("io_setup", Errno::EINVAL));
        }
        // The pages are mapped first: if that fails, there is no context to destroy, which takes
        // about 40 ms.
        let arena = Arena::new::<B, T>(slots).map_err(|errno| explain("mmap", errno))?;
        let raw = RawContext::new(capacity)?;
        let ring = if raw.guard().is_real() {
            // SAFETY:
            // 1. The context was just made, and no event was taken. `end` drops the ring before it
            //    destroys the context. If `Inner` is dropped without `end`, the ring is not used
            //    after `raw`.
            // 2. Events are taken from the ring through `&mut self` only (`ring`), and by
            //    `RawContext::getevents` through `&mut Context` only: no reference to `raw` leaves
            //    a `Context`, which is not `Sync`. Other callers of `io_getevents` on this context
            //    use unsafe code, whose duty this is. In a forked child, `ring` and `peek_ring`
            //    return `None`.
            unsafe { Ring::of_context(raw.id(), capacity) }
        } else {
            None
        };
        let serial = serial(raw.id());
        // Far from the first generations of other contexts, so that an event of another context
        // matches no request (Knuth's multiplicative hash).
        let generation = cast::high_32(serial.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Ok(Self {
            raw,
            ring,
            use_ring: true,
            arena,
            serial,
            generation,
            submitted: 0,
            stats: Stats::NONE,
            eventfd: None,
            busy_poll: Poller::OFF,
        })
    }

    /// Returns the kernel context, for calls that take no events.
    #[inline]
    pub(super) const fn raw(&self) -> &RawContext {
        &self.raw
    }

    /// Returns the kernel context and the arena, for calls that take events.
    #[inline]
    pub(super) const fn raw_and_arena(&mut self) -> (&RawContext, &mut Arena) {
        (&self.raw, &mut self.arena)
    }

    /// Returns the guard, which detects forked children.
    #[inline]
    pub(super) const fn guard(&self) -> &ForkGuard {
        self.raw.guard()
    }

    /// Returns the kernel's name for the context.
    pub(super) const fn id(&self) -> AioContext {
        self.raw.id()
    }

    /// Returns the serial number of the context, which is unique in this process.
    pub(super) const fn serial(&self) -> u64 {
        self.serial
    }

    /// Returns the ring, if there is one, the program has not turned it off, and this process is
    /// not a forked child.
    ///
    /// The result of the check is valid until the caller has used the ring: this thread does not
    /// fork meanwhile, and if another thread forks, this thread does not exist in the child. (A
    /// signal handler that forks and returns in the child, `vfork`, and `clone` with `CLONE_VM` are
    /// not supported, see [`ForkGuard`].)
    #[inline]
    pub(super) fn ring(&mut self) -> Option<&mut Ring> {
        if self.use_ring && !self.guard().forked() { self.ring.as_mut() } else { None }
    }

    /// Returns the ring under the same conditions as [`ring`](Self::ring), for methods that take no
    /// events.
    #[inline]
    pub(super) fn peek_ring(&self) -> Option<&Ring> {
        if self.use_ring && !self.guard().forked() { self.ring.as_ref() } else { None }
    }

    /// Sets whether the ring is used.
    pub(super) const fn set_use_ring(&mut self, on: bool) {
        self.use_ring = on;
    }

    /// Stops the use of the ring, because it is inconsistent.
    #[cold]
    pub(super) fn abandon_ring(&mut self) {
        self.ring = None;
        self.stats.ring_given_up += 1;
    }

    /// Records the numbers of requests of a submission.
    #[inline]
    pub(super) const fn record_submitted(&mut self, first: usize, accepted: usize, refused: usize) {
        self.submitted = first + accepted + refused;
        self.stats.accepted += cast::to_u64(accepted);
        self.stats.refused += cast::to_u64(refused);
    }

    /// Drops the ring, which the kernel unmaps, and destroys the kernel context.
    ///
    /// # Errors
    ///
    /// Those of [`RawContext::destroy`].
    pub(super) fn end(&mut self) -> Result<(), ContextError> {
        self.ring = None;
        self.raw.end()
    }
}
