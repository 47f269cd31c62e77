//! Scopes: contexts for borrowed buffers, which the kernel releases before the borrow ends.

use super::{Context, discard};
use crate::{
    error::{ContextError, Error},
    slots::Slots,
    sys,
    types::Opcode,
};

impl<B, T> Context<B, T> {
    /// Calls `f` with a context whose requests may have borrowed buffers.
    ///
    /// Whenever `f` ends, by `return`, `?` or panic, the scope cancels the polls in flight, waits
    /// for all other requests, and drops the completions that were not taken. Only then does the
    /// borrow end.
    ///
    /// The result is that of `f`.
    ///
    /// The scope uses the same kernel context, so entering and leaving it makes no system call,
    /// except to map pages if the scope's buffers and tags need more memory than those of earlier
    /// scopes.
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
    ///         bytes += done.bytes()?;
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
    /// The error of `f`; or one of these, if `f` was not called:
    ///
    /// * [`ContextError::Busy`]: requests are outstanding.
    /// * [`ContextError::Forked`], [`ContextError::Gone`]: there is no context.
    /// * [`ContextError::Os`]: there is no memory for the scope's table (`mmap`).
    ///
    /// # Aborts
    ///
    /// The process is aborted if the borrow cannot end safely, because the kernel may still write
    /// to the memory:
    ///
    /// * if nothing can make the kernel release the buffers, because a sandbox has forbidden both
    ///   `io_getevents` and `io_destroy` during the scope, or other code has destroyed the context;
    /// * if a forked child leaves the scope while its parent has a read in flight. On kernels that
    ///   do not pin pages, such a read can write to the child's memory. (A child that calls `exec`
    ///   or `_exit` does not leave the scope.)
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

/// Makes a context with room for `capacity` requests, calls `f` in a [`scope`](Context::scope) of
/// it, and closes it.
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
/// The error of `f`; or [`Error::Setup`] or [`Error::Context`], if `f` was not called.
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

/// The context of a scope, in a stack frame that the caller cannot access.
///
/// The caller has only a `&mut` to `inner`. It may move another context there (`mem::swap` with the
/// context of another scope, `mem::replace` with an owned one), but that context has the same type.
/// So the buffers of the context that is in `inner` when the scope ends outlive this scope, and
/// `drop` waits for its requests.
struct Scope<'outer, B, T, B2, T2> {
    outer: &'outer mut Context<B, T>,
    inner: Context<B2, T2>,
}

impl<'outer, B, T, B2, T2> Scope<'outer, B, T, B2, T2> {
    /// Moves the `Inner` of an idle context to a context for the scope.
    ///
    /// # Errors
    ///
    /// Those of [`Context::scope`].
    fn enter(outer: &'outer mut Context<B, T>) -> Result<Self, ContextError> {
        outer.inner.raw().check()?;
        match outer.slots.outstanding() {
            0 => {}
            outstanding => return Err(ContextError::Busy { outstanding }),
        }
        outer.inner.generation = outer.slots.generation();
        // SAFETY: (1) `drop` waits for all requests in flight, and it is called before the borrow
        // ends, because the scope is in a stack frame of the library; (2) the table of `outer` is
        // empty. If this succeeds, it is replaced below; on an error, `inner` still belongs to it.
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
        // In a forked child the completions belong to the parent: they are not dropped.
        if quiet.is_ok() {
            discard(&mut restore.inner.slots);
        }
    }
}

/// Moves the `Inner` back to the outer context, also if dropping a tag panics.
struct RestoreGuard<'scope, B, T, B2, T2> {
    outer: &'scope mut Context<B, T>,
    inner: &'scope mut Context<B2, T2>,
}

impl<B, T, B2, T2> Drop for RestoreGuard<'_, B, T, B2, T2> {
    fn drop(&mut self) {
        let (mut inner, slots) = self.inner.take_inner();
        inner.generation = slots.generation();
        // SAFETY: (1) nothing is in flight, or this is a forked child in whose memory the kernel
        // does not write (`quiesce`); `B` is the type of the outer context, which fulfils this duty
        // for it; (2) the table was just taken, and is dropped.
        let context = unsafe { Context::of_inner(&mut inner) };
        // This fails only if `inner` is from another context, which was swapped in, and whose pages
        // are too few. Then the outer context has no kernel context any more, and returns `Gone`.
        // Nothing is in flight.
        if let Ok(context) = context {
            *self.outer = context;
        }
    }
}

impl<B, T> Context<B, T> {
    /// Waits until the kernel has released all buffers.
    ///
    /// # Errors
    ///
    /// * [`ContextError::Forked`]: the requests belong to the parent, and no read is in flight.
    /// * [`ContextError::Gone`]: there is no context, and nothing is in flight.
    fn quiesce(&mut self) -> Result<(), ContextError> {
        match self.inner.raw().check() {
            Ok(()) => {}
            // On kernels that do not pin pages (before Linux 6.5; on some file systems later), the
            // parent's reads may write to pages that belong to the child since the fork. The child
            // cannot determine when they complete.
            Err(ContextError::Forked) if self.slots.any_in_flight(Opcode::is_read) => sys::abort(),
            Err(error) => return Err(error),
        }
        self.drain_ring();
        if self.slots.in_kernel() > 0 && self.cancel_polls().is_err() {
            self.quiesce_by_force(); // a poll might never complete
        }
        while self.slots.in_kernel() > 0 {
            if self.getevents(self.slots.in_kernel(), None).is_err() {
                self.quiesce_by_force();
            }
        }
        Ok(())
    }

    /// Destroys the context, which waits for all requests; or aborts the process, if that fails.
    #[cold]
    fn quiesce_by_force(&mut self) {
        if self.inner.end().is_err() {
            // There is no other way to determine when the kernel has released the buffers, and the
            // borrow must not end before.
            sys::abort();
        }
        // SAFETY: `io_destroy` returned 0, which it does only when nothing is in flight.
        unsafe { self.slots.complete_all() };
    }
}
