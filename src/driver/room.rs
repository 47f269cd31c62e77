//! [`Room`], [`Permit`]: waiting for room in a driver.

use super::{
    Driver, Local, Op, Sharing,
    core::Notify,
    waiters::{Node, State},
};
use crate::{buf::IoBuf, error::StartError, request::Request};
use core::{
    cell::UnsafeCell,
    fmt,
    future::Future,
    marker::PhantomPinned,
    mem,
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// A future that waits for room for one request. [`Driver::room`] makes it.
///
/// Those who wait get room in the order in which they were first polled.
///
/// ```
/// use linux_aio::{Completion, Driver, Error, PageBuf, Permit, Request, Room};
/// use std::{fs::File, sync::Arc};
///
/// type Aio = Driver<PageBuf, Arc<File>>;
///
/// // Reads a block, when there is room.
/// async fn block(driver: &Aio, file: Arc<File>, at: u64) -> Result<Completion<PageBuf, ()>, Error> {
///     let room: Room<'_, _, _> = driver.room();
///     let permit: Permit<'_, _, _> = room.await;
///     let op = permit.start(Request::read(file, PageBuf::new(4096)?, at))?;
///     Ok(op.await)
/// }
/// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # fn main() -> std::io::Result<()> {
/// # let driver = Aio::new(1)?;
/// # let mut task = pin!(block(&driver, Arc::new(File::open("/proc/self/exe")?), 0));
/// # loop {
/// #     match task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
/// #         Poll::Ready(done) => {
/// #             assert_eq!(done?.result, Ok(4096));
/// #             return Ok(());
/// #         }
/// #         Poll::Pending => driver.park(None)?,
/// #     }
/// # }
/// # }
/// ```
#[must_use = "futures do nothing unless they are awaited"]
//
// # Invariants
//
// `node` is accessed with exclusive access to the core of `driver` only, by `Driver::with`. If it is
// `Waiting`, it is in the queue of that driver.
pub struct Room<'d, B: 'static, F: 'static, S: Sharing = Local> {
    driver: &'d Driver<B, F, S>,
    node: UnsafeCell<Node>,
    /// The queue has the address of `node`.
    _pinned: PhantomPinned,
}

// SAFETY: `driver` may be used by several threads. The node is accessed with exclusive access to its
// core only (invariant), and its waker may be used by any thread.
unsafe impl<B, F, S: Sharing> Send for Room<'_, B, F, S> where Driver<B, F, S>: Sync {}

impl<'d, B, F, S: Sharing> Room<'d, B, F, S> {
    pub(super) const fn new(driver: &'d Driver<B, F, S>) -> Self {
        Self { driver, node: UnsafeCell::new(Node::new()), _pinned: PhantomPinned }
    }

    /// Reserves room if there is some for this task. Otherwise the task enters the queue, if it is
    /// not in it, and the waker is stored, or the result is that the waker of the task is not
    /// stored. The second result is to be dropped.
    fn check(
        self: Pin<&Self>,
        known: &Waker,
        waker: Option<Waker>,
    ) -> (Checked, [Option<Waker>; 2]) {
        let node = self.node.get();
        self.driver.with(|core| {
            // SAFETY: the node is a field of `self`, and the core is borrowed exclusively.
            match unsafe { core.waiters.state(node) } {
                State::Granted => {
                    // SAFETY: as above, and the node is `Granted`.
                    let stored = unsafe { core.waiters.reset(node) };
                    return (Checked::Room, [stored, waker]);
                }
                State::Idle if core.free() > 0 && core.waiters.is_empty() => {
                    core.reserved += 1;
                    return (Checked::Room, [None, waker]);
                }
                // SAFETY: (1) as above; (2) the node is `Idle`; (3) `self` is pinned, so it stays
                // at its address until its drop has removed the node, or for ever if it is leaked.
                State::Idle => unsafe { core.waiters.push(node) },
                State::Waiting => {}
            }
            if let Some(waker) = waker {
                // SAFETY: as above.
                let before = unsafe { core.waiters.set_waker(node, waker) };
                return (Checked::Waits, [before, None]);
            }
            // SAFETY: as above.
            let stored = unsafe { core.waiters.will_wake(node, known) };
            (if stored { Checked::Waits } else { Checked::NeedsWaker }, [None, None])
        })
    }
}

/// The result of [`Room::check`].
enum Checked {
    /// There is room, which was reserved.
    Room,
    /// The task waits, and its waker is stored.
    Waits,
    /// The task waits, but its waker is not stored.
    NeedsWaker,
}

impl<'d, B, F, S: Sharing> Future for Room<'d, B, F, S> {
    type Output = Permit<'d, B, F, S>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.into_ref();
        let (mut checked, mut unused) = this.check(cx.waker(), None);
        if let Checked::NeedsWaker = checked {
            // Cloned while the core is not borrowed. There may be room meanwhile.
            (checked, unused) = this.check(cx.waker(), Some(cx.waker().clone()));
        }
        match checked {
            Checked::Room => {
                let permit = Permit { driver: this.driver };
                drop(unused);
                Poll::Ready(permit)
            }
            Checked::Waits | Checked::NeedsWaker => {
                drop(unused);
                Poll::Pending
            }
        }
    }
}

impl<B, F, S: Sharing> Drop for Room<'_, B, F, S> {
    fn drop(&mut self) {
        let node = self.node.get();
        let (own, next) = self.driver.with(|core| {
            // SAFETY: the node is a field of `self`, and the core is borrowed exclusively.
            match unsafe { core.waiters.state(node) } {
                State::Idle => (None, None),
                // SAFETY: the node is `Waiting`, so it is in the queue of this driver (invariant).
                State::Waiting => (unsafe { core.waiters.remove(node) }, None),
                State::Granted => {
                    core.reserved -= 1;
                    // SAFETY: as above, and the node is `Granted`.
                    (unsafe { core.waiters.reset(node) }, core.grant())
                }
            }
        });
        Notify { waker: next, kick: false }.send(self.driver);
        drop(own);
    }
}

impl<B, F, S: Sharing> fmt::Debug for Room<'_, B, F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").finish_non_exhaustive()
    }
}

/// Reserved room for one request. Awaiting [`Driver::room`] returns it.
///
/// Dropping it gives the room to the next task that waits.
#[must_use = "dropping the permit gives the room back"]
pub struct Permit<'d, B: 'static, F: 'static, S: Sharing = Local> {
    driver: &'d Driver<B, F, S>,
}

impl<'d, B, F, S: Sharing> Permit<'d, B, F, S> {
    /// Starts a request, as [`Driver::start`] does. There is room for it.
    ///
    /// # Errors
    ///
    /// [`StartError`]: those of [`Driver::start`] except
    /// [`ContextError::Full`](crate::ContextError::Full). The room is given back, and the request is
    /// dropped.
    pub fn start<O>(self, request: Request<F, B, (), O>) -> Result<Op<'d, B, F, S>, StartError>
    where
        B: IoBuf,
    {
        self.try_start(request).map_err(StartError::without_request)
    }

    /// Starts a request as [`start`](Self::start) does, or returns it.
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start), with the request.
    #[expect(clippy::type_complexity, reason = "the request in the error is that of the argument")]
    pub fn try_start<O>(
        self,
        request: Request<F, B, (), O>,
    ) -> Result<Op<'d, B, F, S>, StartError<Request<F, B, (), O>>>
    where
        B: IoBuf,
    {
        let driver = self.driver;
        let (op, notify) = driver.start_in(request, true)?;
        // The request has taken the room. Waking may panic, and must not give the room back.
        mem::forget(self);
        notify.send(driver);
        Ok(op)
    }
}

impl<B, F, S: Sharing> Drop for Permit<'_, B, F, S> {
    fn drop(&mut self) {
        let next = self.driver.with(|core| {
            core.reserved -= 1;
            core.grant()
        });
        Notify { waker: next, kick: false }.send(self.driver);
    }
}

impl<B, F, S: Sharing> fmt::Debug for Permit<'_, B, F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}
