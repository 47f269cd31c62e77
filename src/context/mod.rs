//! [`Context`]: a kernel context, with the buffers and tags of its requests.
//!
//! This file has the constructor and the destructor. Other methods are in the files `submit`,
//! `wait`, `busy_poll`, `write_and_sync`, `cancel`, `scope`, `eventfd` and `ring`.

mod arena;
mod busy_poll;
mod cancel;
mod driven;
mod eventfd;
mod inner;
mod ring;
mod scope;
mod stats;
mod submission;
mod submit;
mod submit_one;
#[cfg(test)]
mod tests;
mod wait;
mod write_and_sync;

pub use busy_poll::BusyPoll;
pub use cancel::CancelResult;
pub use scope::scope;
pub use stats::Stats;
pub(crate) use submission::Submission;

use crate::{
    abi::AioContext,
    error::{ContextError, SetupError},
    slots::Slots,
    types::{Errno, cast},
};
use core::{fmt, mem};
use inner::Inner;

/// A kernel context with room for a number of requests: those in flight, and those that have
/// completed and were not taken.
///
/// It owns the buffers `B` and tags `T` of these requests. A context made by [`new`](Self::new)
/// requires `B: 'static`, so its buffers are not borrowed: leaking the context leaks the buffers,
/// and is safe. Buffers that are borrowed, for example from the stack, are used in a
/// [`scope`](Self::scope).
///
/// The handle is small and can be moved, also to another thread. The requests do not move with it:
/// they are in separate pages. Making a context takes some 20 µs and closing one 24 to 64 ms, so
/// make few contexts and keep them.
///
/// # Forks
///
/// A forked child cannot use the context. In the child, each method that returns a `Result` returns
/// [`ContextError::Forked`], and dropping the handle does not affect the parent's context.
//
// # Invariants
//
// The table is in the pages of `inner`, and has the capacity of `inner`; or `inner` is
// `Inner::none` and the table has no slots.
pub struct Context<B, T> {
    inner: Inner,
    slots: Slots<B, T>,
    /// The function that receives events if waits poll. Programs that never make them poll are
    /// linked without it.
    receive_polling: Option<busy_poll::Receive<B, T>>,
}

impl<B: 'static, T> Context<B, T> {
    /// Makes a context with room for `capacity` requests.
    ///
    /// `capacity` counts against the machine-wide limit `fs.aio-max-nr` (65,536 by default). Each
    /// request takes about 216 bytes of memory in addition to its buffer and tag. Memory for
    /// requests that are never made is not touched.
    ///
    /// # Errors
    ///
    /// [`SetupError`], with the capacity, the number in use, and the limit: `EAGAIN` if the limit
    /// is used up, `ENOMEM`, `ENOSYS` or `EPERM` if the kernel or a sandbox forbids AIO, `EINVAL`
    /// if `capacity` is 0 or more than the kernel allows (about 4,194,304).
    ///
    /// # Kernel
    ///
    /// `io_setup(2)`, `ioctx_alloc` in `fs/aio.c`; since Linux 2.6.
    #[doc(alias = "io_setup")]
    pub fn new(capacity: usize) -> Result<Self, SetupError> {
        let inner = Inner::new::<B, T>(capacity)?;
        // SAFETY: (1) `Inner::new` has made the arena for these types; (2) the pages stay with the
        // table in this context; (3) the arena had no table.
        let slots = unsafe { inner.arena.slots(inner.generation) };
        Ok(Self { inner, slots, receive_polling: None })
    }
}

impl<B, T> Context<B, T> {
    /// Makes a context of `inner`, which was a part of another context. On success, `inner`
    /// is [`Inner::none`] afterwards.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. `inner` is unchanged.
    ///
    /// # Safety
    ///
    /// 1. If `B` is borrowed, the caller ensures that the kernel uses no buffer when the borrow
    ///    ends.
    /// 2. The table of the context from which `inner` was taken is not used again.
    unsafe fn of_inner(inner: &mut Inner) -> Result<Self, Errno> {
        inner.arena.ensure::<B, T>()?;
        // SAFETY: (1) `ensure` has succeeded; (2) the pages stay with the table in this context, and
        // `take_inner` takes both; (3) the previous table is not used again (duty 2 of the caller).
        let slots = unsafe { inner.arena.slots(inner.generation) };
        let mut inner = mem::replace(inner, Inner::none());
        // The pointers in the arena are those of the previous table.
        inner.submitted = 0;
        let receive_polling = Self::receive_polling_of(&inner);
        Ok(Self { inner, slots, receive_polling })
    }

    /// Takes `inner` and the table, and leaves [`Inner::none`] and a table of no slots.
    fn take_inner(&mut self) -> (Inner, Slots<B, T>) {
        (mem::replace(&mut self.inner, Inner::none()), mem::replace(&mut self.slots, Slots::none()))
    }

    /// Closes the context: cancels the requests that can be cancelled, waits for the others, and
    /// drops completions that were not taken, with their buffers and tags.
    ///
    /// Dropping the context does the same, but cannot report errors. Closing takes 24 to 64 ms,
    /// even for an idle context.
    ///
    /// ```
    /// use linux_aio::{Context, PageBuf};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let cx = Context::<PageBuf, ()>::new(8)?;
    /// cx.close()?; // as a drop does, but with errors
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// On error, requests may still be in flight. Their buffers are leaked, so that the kernel can
    /// use them safely.
    ///
    /// * [`ContextError::Gone`]: the kernel does not know the context.
    /// * [`ContextError::Forked`]: the context belongs to the parent, and was not changed.
    /// * [`ContextError::Os`]: the call failed, because of a sandbox for example.
    ///
    /// # Kernel
    ///
    /// `io_destroy(2)`; since Linux 2.6.
    #[doc(alias = "io_destroy")]
    pub fn close(mut self) -> Result<(), ContextError> {
        self.end()
    }

    /// Returns the number of outstanding requests: those in flight, and those that have completed
    /// and were not taken.
    #[must_use]
    pub const fn outstanding(&self) -> usize {
        self.slots.outstanding()
    }

    /// Returns the largest possible number of outstanding requests.
    ///
    /// ```
    /// use linux_aio::{Context, PageBuf};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let cx = Context::<PageBuf, ()>::new(8)?;
    /// let room = cx.capacity() - cx.outstanding();
    /// assert_eq!(room, 8);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn capacity(&self) -> usize {
        cast::from_u32(self.inner.arena.capacity())
    }

    /// Returns the kernel's name for the context, which `strace` prints too.
    #[must_use]
    pub const fn id(&self) -> AioContext {
        self.inner.id()
    }

    /// Returns the counters of the context.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        let known = self.inner.stats;
        // Each accepted or refused request is outstanding until its completion is taken.
        let completed =
            (known.accepted + known.refused).saturating_sub(cast::to_u64(self.outstanding()));
        Stats { completed, ..known }
    }

    /// Does the work of [`close`](Self::close), and leaves a handle without a context.
    fn end(&mut self) -> Result<(), ContextError> {
        let (mut inner, mut slots) = self.take_inner();
        let ended = inner.end();
        if ended.is_ok() {
            // SAFETY: `io_destroy` returned 0, which it does only when nothing is in flight.
            unsafe { slots.complete_all() };
            discard(&mut slots);
        } else {
            // The kernel may still write to the buffers, or they belong to the parent: they are
            // leaked, with the pages of the table.
            inner.arena.leak();
        }
        ended
    }
}

/// Drops all completions. If a drop panics, the remaining completions are still dropped. If a
/// second drop panics while the first panic unwinds, the process is aborted, as everywhere in Rust.
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
