//! [`Context`]: the kernel's side of a program's I/O, from set-up to the end.
//!
//! What it does in between has files of its own: `submit`, `wait`, `cancel`, `scope`, `eventfd`,
//! `ring`.

mod arena;
mod cancel;
mod eventfd;
mod inner;
mod ring;
mod scope;
mod stats;
mod submit;
#[cfg(test)]
mod tests;
mod wait;

pub use cancel::CancelResult;
pub use scope::scope;
pub use stats::Stats;

use crate::{
    abi::AioContext,
    error::{ContextError, SetupError},
    slots::Slots,
    types::{Errno, cast},
};
use core::{fmt, mem};
use inner::Inner;

/// A kernel context with room for a number of requests: those in flight, and those completed and not
/// yet taken.
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
/// [`ContextError::Forked`], and dropping the handle leaves the parent's context untouched. (Before
/// Linux 4.14 the child is found out only by the kernel's refusal, and answers
/// [`ContextError::Gone`].)
///
/// # Invariants
///
/// The table lies in the pages of `inner`, and is as large as its capacity says; or `inner` is nothing
/// and the table has no slots.
pub struct Context<B, T> {
    inner: Inner,
    slots: Slots<B, T>,
}

impl<B: 'static, T> Context<B, T> {
    /// Makes a context with room for `capacity` requests.
    ///
    /// It counts with `capacity` against the machine-wide limit `fs.aio-max-nr` (65,536 by default).
    /// A request takes some 216 bytes of memory beside buffer and tag; what is never used is never
    /// touched.
    ///
    /// # Errors
    ///
    /// [`SetupError`], with what was asked, what is in use, and the limit: `EAGAIN` if the limit is
    /// used up, `ENOMEM`, `ENOSYS` or `EPERM` if the kernel or a sandbox forbids AIO, `EINVAL` if
    /// `capacity` is 0 or more than the kernel allows (4,194,304 or so).
    ///
    /// # Kernel
    ///
    /// `io_setup(2)`, `ioctx_alloc` in `fs/aio.c`; since Linux 2.6.
    #[doc(alias = "io_setup")]
    pub fn new(capacity: usize) -> Result<Self, SetupError> {
        let mut inner = Inner::new::<B, T>(capacity)?;
        // SAFETY: `B` is not borrowed.
        unsafe { Self::of_inner(&mut inner) }
            .map_err(|errno| SetupError::explain("mmap", errno, capacity))
    }
}

impl<B, T> Context<B, T> {
    /// A context made of what another one consisted of.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. The inner part stays where it was.
    ///
    /// # Safety
    ///
    /// 1. `B` may be borrowed: the caller sees to it that nothing is in flight when the borrow ends.
    /// 2. The table of the context that `inner` was taken from is not used again.
    unsafe fn of_inner(inner: &mut Inner) -> Result<Self, Errno> {
        let generation = inner.generation;
        // SAFETY: (1) pages and table stay together in this context, as `take_inner` takes them out;
        // (2) the caller says so.
        let slots = unsafe { inner.arena.slots(generation)? };
        let mut inner = mem::replace(inner, Inner::none());
        // The pointers lead to slots of another table.
        inner.submitted = 0;
        Ok(Self { inner, slots })
    }

    /// Takes the inner part out, and leaves none, with a table of no slots.
    fn take_inner(&mut self) -> (Inner, Slots<B, T>) {
        (mem::replace(&mut self.inner, Inner::none()), mem::replace(&mut self.slots, Slots::none()))
    }

    /// Ends the context: cancels what can be cancelled, waits for the rest to be over, and drops
    /// the completions nobody took, with their buffers and tags.
    ///
    /// Dropping the context does the same, but ignores errors. Takes 24 to 64 ms, even when idle.
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
    pub const fn outstanding(&self) -> usize {
        self.slots.outstanding()
    }

    /// How many requests may be outstanding.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        cast::from_u32(self.inner.arena.capacity())
    }

    /// The kernel's name for it, as it stands in the output of `strace`.
    #[must_use]
    pub const fn id(&self) -> AioContext {
        self.inner.id()
    }

    /// What the context has done so far.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        let known = self.inner.stats;
        // What was accepted or refused has a slot until its completion is taken.
        let completed =
            (known.accepted + known.refused).saturating_sub(cast::to_u64(self.outstanding()));
        Stats { completed, ..known }
    }

    /// [`close`](Self::close), once; what is left is no context.
    fn end(&mut self) -> Result<(), ContextError> {
        let (mut inner, mut slots) = self.take_inner();
        let ended = inner.end();
        if ended.is_ok() {
            // SAFETY: `io_destroy` answered 0, which it does only when nothing is in flight.
            unsafe { slots.complete_all() };
            discard(&mut slots);
        } else {
            // The kernel may still write to the buffers, or they are the parent's to drop: they
            // stay, and so do the pages that they are noted in.
            inner.arena.leak();
        }
        ended
    }
}

/// Drops all completions. If dropping one panics, the others are still dropped; if dropping a second
/// one panics while the first panic unwinds, the process is aborted, as everywhere in Rust.
fn discard<B, T>(slots: &mut Slots<B, T>) {
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

impl<B, T> Drop for Context<B, T> {
    fn drop(&mut self) {
        // `drop` cannot report errors.
        let _ended = self.end();
    }
}

impl<B, T> fmt::Debug for Context<B, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("id", &self.id())
            .field("outstanding", &self.outstanding())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
