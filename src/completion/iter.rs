//! [`Completions`]: an iterator over completions.

use super::Completion;
use crate::{slots::Slots, sys::fork_guard::ForkGuard};
use core::{fmt, iter::FusedIterator};

/// An iterator over the available completions, in the order in which they were received.
///
/// Completions that are not taken from the iterator are returned by the next
/// [`reap`](crate::Context::reap) or [`wait`](crate::Context::wait). In a forked child the iterator
/// is empty, because the completions belong to the parent.
///
/// ```
/// use linux_aio::{Completion, Completions, Context, PageBuf, Request};
///
/// /// Takes two completions. The others stay in the context.
/// fn two(mut completions: Completions<'_, PageBuf, u64>) -> [Option<Completion<PageBuf, u64>>; 2] {
///     [completions.next(), completions.next()]
/// }
///
/// # fn main() -> std::io::Result<()> {
/// let file = std::fs::File::open("/proc/self/exe")?;
/// let mut cx = Context::<PageBuf, u64>::new(3)?;
/// for block in 0..3 {
///     cx.submit_one(Request::read(&file, PageBuf::new(4096)?, block * 4096).tag(block))?;
/// }
/// let first = two(cx.wait_all(None)?);
/// assert!(first.iter().all(Option::is_some));
/// assert_eq!((cx.outstanding(), cx.reap()?.len()), (1, 1));
/// # Ok(())
/// # }
/// ```
#[must_use = "completions that are not taken keep their slots in the context"]
pub struct Completions<'cx, B, T> {
    slots: &'cx mut Slots<B, T>,
    guard: &'cx ForkGuard,
}

impl<'cx, B, T> Completions<'cx, B, T> {
    #[inline]
    pub(crate) const fn new(slots: &'cx mut Slots<B, T>, guard: &'cx ForkGuard) -> Self {
        Self { slots, guard }
    }
}

impl<B, T> Iterator for Completions<'_, B, T> {
    type Item = Completion<B, T>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.guard.forked() {
            return None;
        }
        self.slots.take().map(Completion::new)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = if self.guard.forked() { 0 } else { self.slots.completed() };
        (left, Some(left))
    }
}

impl<B, T> ExactSizeIterator for Completions<'_, B, T> {}

impl<B, T> FusedIterator for Completions<'_, B, T> {}

impl<B, T> fmt::Debug for Completions<'_, B, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Completions({} left)", self.len())
    }
}
