//! Scopes: buffers borrowed from the stack, which the kernel lets go of before the borrow ends.

use super::{Context, discard};
use crate::{
    error::{ContextError, Error},
    slots::Slots,
    sys,
    types::Opcode,
};

impl<B, T> Context<B, T> {
    /// Runs `f` with a context whose requests may borrow from the surroundings of the call.
    ///
    /// On every way out of `f`, by `return`, `?` or panic, the scope cancels the polls in flight, waits
    /// for everything else, and drops the completions nobody took. Only then does the borrow end.
    ///
    /// `f` returns a `Result`, which is that of the scope.
    ///
    /// It is the same kernel context, so entering and leaving makes no system call, except to map
    /// pages when a scope's buffers and tags need more room than those of any before.
    ///
    /// ```
    /// use linux_aio::{Batch, Context, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::tempfile()?;
    /// # std::io::Write::write_all(&mut &file, &[7; 1024])?;
    /// let (mut head, mut tail) = ([0; 512], [0; 512]);
    /// let mut cx = Context::<(), ()>::new(8)?;
    /// let bytes = cx.scope(|cx| -> std::io::Result<usize> {
    ///     let mut batch = Batch::<_, _, _, 8>::new();
    ///     batch.push(Request::read(&file, &mut head[..], 0))?;
    ///     batch.push(Request::read(&file, &mut tail[..], 512))?;
    ///     cx.submit(&mut batch)?;
    ///     let mut bytes = 0;
    ///     for done in cx.wait(2, None)? {
    ///         bytes += done.result?;
    ///     }
    ///     Ok(bytes)
    /// })?;
    /// assert_eq!((bytes, head, tail), (1024, [7; 512], [7; 512]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// What `f` answers; or one of these, and `f` was not run:
    ///
    /// * [`ContextError::Busy`]: requests are outstanding.
    /// * [`ContextError::Forked`], [`ContextError::Gone`]: there is no context.
    /// * [`ContextError::Os`]: no memory for the scope's table (`mmap`).
    ///
    /// # Aborts
    ///
    /// The process is ended on the spot rather than the borrow, since memory would be overwritten
    /// otherwise:
    ///
    /// * if the kernel cannot be made to let go of the buffers, because something forbids
    ///   `io_getevents` and `io_destroy` in the midst of the scope, or has destroyed the context;
    /// * if a forked child leaves the scope while its parent has a read in flight. On kernels that do
    ///   not pin pages, such a read can write to the child's memory. (A child that calls `exec` or
    ///   `_exit` never leaves the scope.)
    pub fn scope<B2, T2, R, E>(
        &mut self,
        f: impl FnOnce(&mut Context<B2, T2>) -> Result<R, E>,
    ) -> Result<R, E>
    where
        E: From<ContextError>,
    {
        let mut scope = Scope::enter(self)?;
        f(&mut scope.inner)
    }
}

/// Makes a context with room for `capacity` requests, runs `f` in a scope of it, and ends it:
/// [`Context::scope`] for programs that need just that.
///
/// ```
/// use linux_aio::{Context, Request};
///
/// # fn main() -> std::io::Result<()> {
/// # let file = tempfile::tempfile()?;
/// linux_aio::scope(1, |cx: &mut Context<_, _>| -> std::io::Result<()> {
///     cx.submit_one(Request::write(&file, &b"hello"[..], 0))?;
///     let done = cx.wait_one(None)?;
///     assert_eq!(done.map(|done| done.result), Some(Ok(5)));
///     Ok(())
/// })?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// What `f` answers; or [`Error::Setup`] or [`Error::Context`], and `f` was not run.
pub fn scope<B, T, R, E>(
    capacity: usize,
    f: impl FnOnce(&mut Context<B, T>) -> Result<R, E>,
) -> Result<R, E>
where
    E: From<Error>,
{
    let mut context = Context::<(), ()>::new(capacity).map_err(Error::from)?;
    let mut scope = Scope::enter(&mut context).map_err(Error::from)?;
    f(&mut scope.inner)
}

/// The frame of a scope, out of the caller's reach.
///
/// The caller holds only a `&mut` to `inner`. Whatever is put there through it (`mem::swap` with
/// the context of another scope, `mem::replace` with an owned one), what stands there when the
/// scope ends is of the same type. So its buffers outlive this scope, and it is emptied before.
struct Scope<'outer, B, T, B2, T2> {
    outer: &'outer mut Context<B, T>,
    inner: Context<B2, T2>,
}

impl<'outer, B, T, B2, T2> Scope<'outer, B, T, B2, T2> {
    /// Moves the inner part of an idle context into the scope's own.
    ///
    /// # Errors
    ///
    /// See [`Context::scope`].
    fn enter(outer: &'outer mut Context<B, T>) -> Result<Self, ContextError> {
        outer.inner.raw().check()?;
        match outer.slots.outstanding() {
            0 => {}
            outstanding => return Err(ContextError::Busy { outstanding }),
        }
        outer.inner.generation = outer.slots.generation();
        // SAFETY: (1) `drop` waits for what is in flight, and this value is in a frame of the library
        // (`scope`), so it is dropped; (2) the table of `outer` is empty, and replaced below.
        let inner = unsafe { Context::of_inner(&mut outer.inner) }
            .map_err(|errno| ContextError::Os { call: "mmap", errno })?;
        outer.slots = Slots::none();
        Ok(Self { outer, inner })
    }
}

impl<B, T, B2, T2> Drop for Scope<'_, B, T, B2, T2> {
    fn drop(&mut self) {
        let quiet = self.inner.quiesce();
        let restore = RestoreGuard { outer: self.outer, inner: &mut self.inner };
        // In a forked child the completions are not ours to drop. They stay in pages that the
        // handle will never look at again.
        if quiet.is_ok() {
            discard(&mut restore.inner.slots);
        }
    }
}

/// Brings the inner part back to the outer context, also when dropping a tag panics.
struct RestoreGuard<'scope, B, T, B2, T2> {
    outer: &'scope mut Context<B, T>,
    inner: &'scope mut Context<B2, T2>,
}

impl<B, T, B2, T2> Drop for RestoreGuard<'_, B, T, B2, T2> {
    fn drop(&mut self) {
        let (mut inner, slots) = self.inner.take_inner();
        inner.generation = slots.generation();
        // SAFETY: (1) nothing is in flight, and `B` is the outer context's own again; (2) the table was
        // just taken out, and goes.
        let context = unsafe { Context::of_inner(&mut inner) };
        // It can fail only if the inner part came from another context, swapped in, with too few pages.
        // The outer context is gone then, and says so; nothing is in flight.
        if let Ok(context) = context {
            *self.outer = context;
        }
    }
}

impl<B, T> Context<B, T> {
    /// Waits until the kernel has let go of all buffers.
    ///
    /// # Errors
    ///
    /// [`ContextError::Forked`]: the buffers are the parent's, and none is being read into.
    /// [`ContextError::Gone`]: there is no context and nothing in flight.
    fn quiesce(&mut self) -> Result<(), ContextError> {
        match self.inner.raw().check() {
            Ok(()) => {}
            // Before pages were pinned (Linux 6.5; by file system, later), the parent's reads may go to
            // pages that are the child's since the fork. Nothing tells when they are over.
            Err(ContextError::Forked) if self.slots.any_in_flight(Opcode::is_read) => sys::abort(),
            Err(error) => return Err(error),
        }
        self.drain_ring();
        if self.slots.in_kernel() > 0 && self.cancel_polls().is_err() {
            self.quiesce_by_force(); // a poll might never be over
        }
        while self.slots.in_kernel() > 0 {
            if self.getevents(self.slots.in_kernel(), None).is_err() {
                self.quiesce_by_force();
            }
        }
        Ok(())
    }

    /// Lets the kernel end the context, which waits for everything: the last resort but one.
    #[cold]
    fn quiesce_by_force(&mut self) {
        if self.inner.end().is_err() {
            // Nothing is left that would tell when the kernel is done, and the borrow must not end
            // before.
            sys::abort();
        }
        // SAFETY: `io_destroy` answered 0.
        unsafe { self.slots.complete_all() };
    }
}
