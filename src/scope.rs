//! Scopes: buffers borrowed from the stack, which the kernel lets go of before the borrow ends.

use crate::{
    context::{Context, discard},
    error::{ContextError, Error},
    slots::Slots,
    sys,
};

impl<B, T, const N: usize> Context<B, T, N> {
    /// Runs `f` with a context whose requests may borrow from the surroundings of the call.
    ///
    /// On every way out of `f`, by `return`, `?` or panic, the scope cancels the polls in flight, waits
    /// for everything else, and drops the completions nobody took. Only then does the borrow end.
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
    /// let mut cx = Context::<(), (), 8>::new()?;
    /// let bytes = cx.scope(|cx| -> std::io::Result<usize> {
    ///     let mut batch = Batch::<_, _, 8>::new();
    ///     batch.push(Request::read(&file, &mut head[..], 0))?;
    ///     batch.push(Request::read(&file, &mut tail[..], 512))?;
    ///     cx.submit(&mut batch)?;
    ///     let mut bytes = 0;
    ///     for done in cx.wait(2, None)? {
    ///         bytes += done.result?;
    ///     }
    ///     Ok(bytes)
    /// })??;
    /// assert_eq!((bytes, head, tail), (1024, [7; 512], [7; 512]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `f` was not run.
    ///
    /// * [`ContextError::Busy`]: requests are outstanding.
    /// * [`ContextError::Forked`], [`ContextError::Gone`]: there is no context to be had.
    /// * [`ContextError::Os`]: no memory for the scope's table (`mmap`).
    ///
    /// # Aborts
    ///
    /// If the kernel cannot be made to let go of the buffers, because something forbids
    /// `io_getevents` and `io_destroy` in the midst of the scope or has destroyed the context, the
    /// process is ended on the spot: memory would be overwritten otherwise.
    pub fn scope<B2, T2, R>(
        &mut self,
        f: impl FnOnce(&mut Context<B2, T2, N>) -> R,
    ) -> Result<R, ContextError> {
        self.core.raw.check()?;
        match self.slots.outstanding() {
            0 => {}
            outstanding => return Err(ContextError::Busy { outstanding }),
        }
        self.core.generation = self.slots.generation();
        let inner = Context::with_core(&mut self.core)
            .map_err(|errno| ContextError::Os { call: "mmap", errno })?;
        self.slots = Slots::none();
        let mut scope = Scope { outer: self, inner };
        Ok(f(&mut scope.inner))
    }
}

/// Makes a context, runs `f` in a scope of it, and ends it: [`Context::scope`] for programs that
/// need just that.
///
/// ```
/// use linux_aio::{Batch, Context, Request};
///
/// # fn main() -> std::io::Result<()> {
/// # let file = tempfile::tempfile()?;
/// linux_aio::scope(|cx: &mut Context<_, _, 1>| {
///     let mut batch = Batch::<_, _, 1>::new();
///     batch.push(Request::write(&file, &b"hello"[..], 0))?;
///     cx.submit(&mut batch)?;
///     let done = cx.wait(1, None)?.next();
///     std::io::Result::Ok(done.map(|done| assert_eq!(done.result, Ok(5))))
/// })??;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Error::Setup`] or [`Error::Context`]; `f` was not run.
pub fn scope<B, T, const N: usize, R>(
    f: impl FnOnce(&mut Context<B, T, N>) -> R,
) -> Result<R, Error> {
    Ok(Context::<(), (), N>::new()?.scope(f)?)
}

/// The frame of a scope, out of the caller's reach.
///
/// The caller holds only a `&mut` to `inner`. Whatever is put there through it (`mem::swap` with
/// the context of another scope, `mem::replace` with an owned one), what stands there when the
/// scope ends is of the same type. So its buffers outlive this scope, and it is emptied before.
struct Scope<'outer, B, T, B2, T2, const N: usize> {
    outer: &'outer mut Context<B, T, N>,
    inner: Context<B2, T2, N>,
}

impl<B, T, B2, T2, const N: usize> Drop for Scope<'_, B, T, B2, T2, N> {
    fn drop(&mut self) {
        let quiet = self.inner.quiesce();
        let home = Home { outer: self.outer, inner: &mut self.inner };
        // In a forked child the completions are not ours to drop. They stay in pages that the
        // handle will never look at again.
        if quiet.is_ok() {
            discard(&mut home.inner.slots);
        }
    }
}

/// Brings the core back to the outer context, also when dropping a tag panics.
struct Home<'scope, B, T, B2, T2, const N: usize> {
    outer: &'scope mut Context<B, T, N>,
    inner: &'scope mut Context<B2, T2, N>,
}

impl<B, T, B2, T2, const N: usize> Drop for Home<'_, B, T, B2, T2, N> {
    fn drop(&mut self) {
        let (mut core, slots) = self.inner.take_core();
        core.generation = slots.generation();
        // It can fail only if the core came from another context, swapped in, with too few pages.
        // The outer context is gone then, and says so; nothing is in flight.
        if let Ok(context) = Context::with_core(&mut core) {
            *self.outer = context;
        }
    }
}

impl<B, T, const N: usize> Context<B, T, N> {
    /// Waits until the kernel has let go of all buffers.
    ///
    /// # Errors
    ///
    /// [`ContextError::Forked`]: the kernel never had this process's buffers.
    /// [`ContextError::Gone`]: there is no context and nothing in flight.
    fn quiesce(&mut self) -> Result<(), ContextError> {
        self.core.raw.check()?;
        self.look();
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
        if self.core.end().is_err() {
            // Nothing is left that would tell when the kernel is done, and the borrow must not end
            // before.
            sys::abort();
        }
        // SAFETY: `io_destroy` answered 0.
        unsafe { self.slots.complete_all() };
    }
}
