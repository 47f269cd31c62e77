//! [`Op`]: the future of a request.

use super::{
    Driver, Local, Sharing,
    core::{Freed, Notify},
};
use crate::{
    completion::Completion,
    slots::{Phase, Taken},
};
use core::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// A request that was started. Awaiting it returns its completion, with the buffer.
///
/// After its completion was returned, it is pending for ever.
///
/// # Dropping it
///
/// A request that was not submitted is not submitted then. One that has completed is dropped. If the
/// kernel has the request, it goes on: the driver keeps the buffer until then, and drops it during
/// [`turn`](Driver::turn). So a buffer whose drop returns it to a pool comes back to the pool. A
/// poll is cancelled in the next turn; the kernel can cancel nothing else.
///
/// Leaking it is safe. The request, its buffer and its place in the driver are not freed before the
/// driver is dropped.
///
/// ```
/// use linux_aio::{Driver, Op, PageBuf, PollEvents, Request};
/// use std::{os::unix::net::UnixStream, time::Duration};
///
/// # fn main() -> std::io::Result<()> {
/// let (socket, _peer) = UnixStream::pair()?;
/// let socket = std::os::fd::OwnedFd::from(socket);
/// let driver = Driver::<PageBuf, _>::new(4)?;
/// let poll = Request::poll(socket).events(PollEvents::IN).with_buf(PageBuf::empty());
/// let silent: Op<'_, _, _> = driver.start(poll)?;
/// driver.flush()?;
/// assert!(silent.in_flight());
/// drop(silent);
/// assert_eq!(driver.orphans(), 1);
/// while driver.orphans() > 0 {
///     driver.park(Some(Duration::from_secs(1)))?; // cancels the poll
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping the future gives the request up"]
//
// # Invariants
//
// `index` is that of a slot with a request of this driver, which belongs to this value alone; or
// `TAKEN`.
pub struct Op<'d, B: 'static, F: 'static, S: Sharing = Local> {
    driver: &'d Driver<B, F, S>,
    index: u32,
}

/// The index after the completion was returned.
const TAKEN: u32 = u32::MAX;

impl<'d, B, F, S: Sharing> Op<'d, B, F, S> {
    pub(super) const fn new(driver: &'d Driver<B, F, S>, index: u32) -> Self {
        Self { driver, index }
    }

    /// Returns whether the request was submitted and has not completed. The kernel uses its buffer.
    #[must_use]
    pub fn in_flight(&self) -> bool {
        self.driver.with(|core| core.requests.phase(self.index) == Some(Phase::InFlight))
    }

    /// Returns the state of the request; `None` after its completion was returned.
    #[cfg(any(test, linux_aio_fake))]
    pub(crate) fn phase(&self) -> Option<Phase> {
        self.driver.with(|core| core.requests.phase(self.index))
    }

    /// Takes the completion if there is one. Otherwise stores the waker, or returns that the waker
    /// of the task is not stored. The second result is to be dropped.
    fn check(&self, known: &Waker, waker: Option<Waker>) -> (Checked<B, F>, Option<Waker>) {
        self.driver.with(|core| {
            if core.requests.check().is_err() {
                // In a forked child, the completion belongs to the parent.
                return (Checked::Waits, waker);
            }
            if let Some(freed) = core.take(self.index) {
                return (Checked::Done(freed), waker);
            }
            match (core.requests.driven_tag(self.index), waker) {
                (Some(task), Some(waker)) => (Checked::Waits, task.waker.replace(waker)),
                (Some(task), None) => match &task.waker {
                    Some(stored) if stored.will_wake(known) => (Checked::Waits, None),
                    _ => (Checked::NeedsWaker, None),
                },
                (None, waker) => (Checked::Waits, waker),
            }
        })
    }
}

/// The result of [`Op::check`].
enum Checked<B, F> {
    /// The request has completed. The task that waits for room is to be woken.
    Done(Freed<B, F>),
    /// The waker of the task is stored.
    Waits,
    /// The waker of the task is not stored.
    NeedsWaker,
}

impl<B, F, S: Sharing> Future for Op<'_, B, F, S> {
    type Output = Completion<B, ()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (mut checked, mut unused) = self.check(cx.waker(), None);
        if let Checked::NeedsWaker = checked {
            // Cloned while the core is not borrowed. The request may complete meanwhile.
            (checked, unused) = self.check(cx.waker(), Some(cx.waker().clone()));
        }
        let Checked::Done(Freed { request, room }) = checked else {
            drop(unused);
            return Poll::Pending;
        };
        self.index = TAKEN;
        let Taken { buf, tag: task, template, event } = request;
        let done = Completion::new(Taken { buf, tag: (), template, event });
        Notify { waker: room, kick: false }.send(self.driver);
        drop((task, unused));
        Poll::Ready(done)
    }
}

impl<B, F, S: Sharing> Drop for Op<'_, B, F, S> {
    fn drop(&mut self) {
        if self.index == TAKEN {
            return;
        }
        let abandoned = self.driver.with(|core| core.abandon(self.index));
        let (_taken, _waker) = (abandoned.request, abandoned.waker);
        abandoned.notify.send(self.driver);
    }
}

impl<B, F, S: Sharing> fmt::Debug for Op<'_, B, F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Op").field("taken", &(self.index == TAKEN)).finish_non_exhaustive()
    }
}
