//! [`Context`]: the kernel's side of a program's I/O, from set-up to the end.
//!
//! What it does in between has files of its own: `submit`, `wait`, `scope`.

use crate::{
    abi::AioContext,
    errno::Errno,
    error::{ContextError, SetupError},
    memory::Memory,
    own_fd::OwnFd,
    pages::Pages,
    raw::RawContext,
    ring::Ring,
    slots::Slots,
    stats::Stats,
    width,
};
use core::{fmt, mem};

/// A kernel context with at most `N` requests outstanding: in flight, or completed and not yet
/// taken.
///
/// It owns the buffers `B` and tags `T` of these requests. A context made by [`new`](Self::new)
/// owns everything it touches, hence `B: 'static`: leaking it leaks the buffers with it, and is
/// safe. Buffers borrowed from the stack go through a [`scope`](Self::scope).
///
/// The handle is small and may move, also to another thread; the requests stay where they are, in
/// pages of their own. Making a context takes about 12 µs and ending one 24 to 64 ms, so make few
/// and keep them.
///
/// # Forks
///
/// A forked child does not have the context. There each method that could fail answers
/// [`ContextError::Forked`], and dropping the handle does nothing to it. (Before Linux 4.14 the child
/// is found out only by the kernel's refusal, and answers [`ContextError::Gone`].)
pub struct Context<B, T, const N: usize> {
    pub(crate) core: Core,
    pub(crate) slots: Slots<B, T>,
}

/// What a context consists of whatever its buffers and tags are: this moves into a scope and back.
///
/// # Invariants
///
/// `ring` is none or that of `raw`, and it is none if a forked child could not be told.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) raw: RawContext,
    ring: Option<Ring>,
    /// Whether to make use of the ring.
    pub(crate) ring_on: bool,
    pub(crate) pages: Pages,
    /// Where the ids of requests go on.
    pub(crate) generation: u32,
    pub(crate) stats: Stats,
    /// What requests without an eventfd of their own notify by.
    pub(crate) notify: Option<OwnFd>,
}

impl Core {
    /// Nothing, in place of what has moved elsewhere.
    pub(crate) fn none() -> Self {
        Self {
            raw: RawContext::none(),
            ring: None,
            ring_on: true,
            pages: Pages::none(),
            generation: 0,
            stats: Stats::default(),
            notify: None,
        }
    }
}

impl Core {
    /// A kernel context for `nr_events` requests, and its ring, if that can be read.
    fn new(nr_events: usize) -> Result<Self, SetupError> {
        let raw = RawContext::new(nr_events)?;
        let ring = if raw.is_guarded() {
            // SAFETY:
            // 1. The context was just made. It ends in `end`, which gives up the ring before, or
            //    never.
            // 2. The ring is reached by `&mut self` only (`ring`), and so is `RawContext::getevents`;
            //    whoever calls `io_getevents` by the context's number answers for it. In a forked
            //    child, `ring` answers `None`.
            unsafe { Ring::of_context(raw.id(), nr_events) }
        } else {
            None
        };
        // So that the name of a request in one context names none in another.
        let generation = width::page_of(raw.id().0);
        Ok(Self { raw, ring, generation, ..Self::none() })
    }

    /// The ring, if it can be read, is to be read, and is ours to read.
    ///
    /// The look at the guard counts until the caller is done: this thread does not fork meanwhile, and
    /// when another one does, this one is not in the child. (Signal handlers that fork and return in
    /// the child are beyond help.)
    #[inline]
    pub(crate) fn ring(&mut self) -> Option<&mut Ring> {
        if self.ring_on && !self.raw.is_forked() { self.ring.as_mut() } else { None }
    }

    /// The ring to look at, not to take from.
    #[inline]
    pub(crate) fn peek(&self) -> Option<&Ring> {
        if self.ring_on && !self.raw.is_forked() { self.ring.as_ref() } else { None }
    }

    /// Never reads the ring again.
    #[cold]
    pub(crate) fn give_up_ring(&mut self) {
        self.ring = None;
        self.stats.ring_given_up += 1;
    }

    /// Ends the kernel context, and before that the use of its ring, which is about to be unmapped.
    ///
    /// # Errors
    ///
    /// As for [`RawContext::destroy`].
    pub(crate) fn end(&mut self) -> Result<(), ContextError> {
        self.ring = None;
        self.raw.end()
    }
}

impl<B: 'static, T, const N: usize> Context<B, T, N> {
    /// Makes a context.
    ///
    /// It counts with `N` against the machine-wide limit `fs.aio-max-nr` (65,536 by default).
    ///
    /// # Errors
    ///
    /// [`SetupError`], with what was asked, what is in use, and the limit: `EAGAIN` if the limit is
    /// used up, `ENOMEM`, `ENOSYS` or `EPERM` if the kernel or a sandbox forbids AIO.
    ///
    /// # Kernel
    ///
    /// `io_setup(2)`, `ioctx_alloc` in `fs/aio.c`; since Linux 2.6.
    #[doc(alias = "io_setup")]
    pub fn new() -> Result<Self, SetupError> {
        let mut core = Core::new(N)?;
        Self::with_core(&mut core).map_err(|errno| SetupError::explain("mmap", errno, N))
    }
}

impl<B, T, const N: usize> Context<B, T, N> {
    /// A context made of what another one consisted of. `B` may be borrowed: the caller sees to it
    /// that nothing is in flight when the borrow ends.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. The core stays where it was.
    pub(crate) fn with_core(core: &mut Core) -> Result<Self, Errno> {
        Memory::<B, T, N>::ensure(&mut core.pages)?;
        let mut core = mem::replace(core, Core::none());
        // SAFETY: `ensure` was called above, and pages and table stay together in this context.
        // Whoever takes the core out of a context leaves it with a table of no slots.
        let slots = unsafe { Memory::<B, T, N>::slots(&mut core.pages, core.generation) };
        Ok(Self { core, slots })
    }

    /// Takes the core out, and leaves none, with a table of no slots.
    pub(crate) fn take_core(&mut self) -> (Core, Slots<B, T>) {
        (mem::replace(&mut self.core, Core::none()), mem::replace(&mut self.slots, Slots::none()))
    }

    /// Ends the context: cancels what can be cancelled, waits for the rest to be over, and drops
    /// the completions nobody took, with their buffers and tags.
    ///
    /// Dropping the context does the same and keeps quiet about errors. Takes 24 to 64 ms, even
    /// when idle.
    ///
    /// # Errors
    ///
    /// Requests may still be in flight then. Their buffers are leaked, which keeps them safe.
    ///
    /// * [`ContextError::Gone`]: the kernel does not know the context.
    /// * [`ContextError::Forked`]: it is the parent's, and was left alone.
    /// * [`ContextError::Os`]: the call is refused, by a sandbox for example.
    ///
    /// # Kernel
    ///
    /// `io_destroy(2)`; since Linux 2.6.
    #[doc(alias = "io_destroy")]
    pub fn close(mut self) -> Result<(), ContextError> {
        self.end()
    }

    /// How many requests are outstanding: in flight, or completed and not yet taken.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.slots.outstanding()
    }

    /// How many requests may be outstanding.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        N
    }

    /// The kernel's name for it, as it stands in the output of `strace`.
    #[must_use]
    pub const fn id(&self) -> AioContext {
        self.core.raw.id()
    }

    /// What the context has done so far.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        let known = self.core.stats;
        // What was accepted or refused has a slot until its completion is taken.
        let completed =
            (known.accepted + known.refused).saturating_sub(width::to_u64(self.in_flight()));
        Stats { completed, ..known }
    }

    /// [`close`](Self::close), once; what is left is no context.
    fn end(&mut self) -> Result<(), ContextError> {
        let (mut core, mut slots) = self.take_core();
        let ended = core.end();
        if ended.is_ok() {
            // SAFETY: `io_destroy` answered 0, which it does only when nothing is in flight.
            unsafe { slots.complete_all() };
            discard(&mut slots);
        } else {
            // The kernel may still write to the buffers, or they are the parent's to drop: they
            // stay, and so do the pages that they are noted in.
            core.pages.leak();
        }
        ended
    }
}

/// Drops all completions. If dropping one panics, the others are still dropped.
pub(crate) fn discard<B, T>(slots: &mut Slots<B, T>) {
    struct Rest<'s, B, T>(&'s mut Slots<B, T>);
    impl<B, T> Drop for Rest<'_, B, T> {
        fn drop(&mut self) {
            while let Some(taken) = self.0.take() {
                drop(taken);
            }
        }
    }
    let rest = Rest(slots);
    while let Some(taken) = rest.0.take() {
        drop(taken);
    }
}

impl<B, T, const N: usize> Drop for Context<B, T, N> {
    fn drop(&mut self) {
        // Nobody is there to be told.
        let _ended = self.end();
    }
}

impl<B, T, const N: usize> fmt::Debug for Context<B, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("id", &self.id())
            .field("in_flight", &self.in_flight())
            .field("capacity", &N)
            .finish_non_exhaustive()
    }
}
