//! [`Core`]: the state of a driver. Its methods call no code of the user.

mod steps;

pub(super) use steps::Ended;

use super::{
    task::{List, Requests, Task, Which},
    waiters::Waiters,
};
use crate::{
    buf::IoBuf,
    error::{ContextError, StartError},
    request::Request,
    slots::{Phase, Taken},
    types::Opcode,
};
use core::task::Waker;

/// The state of a driver.
///
/// Wakers, buffers and owners of files belong to the user: cloning, calling or dropping them runs
/// code that may use the driver again. The methods return them to callers, who do so after the cell
/// of the core was released.
pub(super) struct Core<B, F> {
    /// The context, whose slots contain all requests.
    pub(super) requests: Requests<B, F>,
    /// The requests that were not submitted yet, in order.
    pub(super) staged: List,
    /// The polls in flight whose futures were dropped.
    cancelled: List,
    /// The tasks that wait for room. There are none as long as there is room.
    pub(super) waiters: Waiters,
    /// The number of places that are reserved by permits.
    pub(super) reserved: usize,
    /// The number of requests in flight or completed whose futures were dropped.
    pub(super) orphans: usize,
    /// The number of events that were received and that the eventfd counts, less what was read from
    /// the eventfd.
    owed: u64,
    /// Whether a submission is being made.
    submitting: bool,
    /// Whether the kernel had no memory for the staged requests. They are submitted when a request
    /// has completed.
    blocked: bool,
    /// Whether a call of `turn` or `park` wakes tasks now. Another one, made by a waker, does not.
    pub(super) waking: bool,
    /// The number of threads that wait in `park`.
    pub(super) parked: usize,
    /// Whether the eventfd was made readable to wake them.
    pub(super) kicked: bool,
    /// The waker of the task that calls `turn`.
    pub(super) turner: Option<Waker>,
}

/// What is left to do when the core was released: to wake tasks.
#[derive(Debug, Default)]
pub(super) struct Notify {
    /// The task that calls `turn`, or a task that has waited for room.
    pub(super) waker: Option<Waker>,
    /// Whether a parked thread is to be woken by the eventfd.
    pub(super) kick: bool,
}

/// A request that was removed from its slot.
pub(super) struct Freed<B, F> {
    pub(super) request: Taken<B, Task<F>>,
    /// The waker of a task that waits for room, which there is now.
    pub(super) room: Option<Waker>,
}

/// A completed request that the queue contained.
pub(super) struct Done<B, F> {
    /// The waker of the task that awaits it.
    pub(super) waker: Option<Waker>,
    /// The request, if its future was dropped.
    pub(super) orphan: Option<Taken<B, Task<F>>>,
    /// The waker of a task that waits for room, which there is now.
    pub(super) room: Option<Waker>,
}

impl<B, F> Core<B, F> {
    pub(super) const fn new(requests: Requests<B, F>) -> Self {
        Self {
            requests,
            staged: List::new(Which::Staged),
            cancelled: List::new(Which::Cancelled),
            waiters: Waiters::new(),
            reserved: 0,
            orphans: 0,
            owed: 0,
            submitting: false,
            blocked: false,
            waking: false,
            parked: 0,
            kicked: false,
            turner: None,
        }
    }

    /// Returns the number of places that are neither in use nor reserved.
    pub(super) const fn free(&self) -> usize {
        self.requests.capacity() - self.requests.outstanding() - self.reserved
    }

    /// Returns whether `turn` has something to do, apart from events.
    pub(super) const fn has_work(&self) -> bool {
        self.has_staged() || !self.cancelled.is_empty() || self.requests.queued() > 0
    }

    /// Returns whether there are requests to submit.
    pub(super) const fn has_staged(&self) -> bool {
        !self.staged.is_empty() && !self.blocked
    }

    /// Stages a request. `reserved` is whether a permit has reserved the place.
    ///
    /// # Errors
    ///
    /// The reason, and the request.
    #[expect(clippy::type_complexity, reason = "the request in the error is that of the argument")]
    pub(super) fn start<O>(
        &mut self,
        request: Request<F, B, (), O>,
        reserved: bool,
    ) -> Result<(u32, Notify), StartError<Request<F, B, (), O>>>
    where
        B: IoBuf,
    {
        if let Err(cause) = self.requests.check() {
            return Err(StartError { cause, request });
        }
        if request.info().eventfd().is_some() {
            return Err(StartError { cause: ContextError::OwnEventfd, request });
        }
        if !reserved && self.free() == 0 {
            return Err(StartError { cause: ContextError::Full, request });
        }
        let poll = request.opcode() == Opcode::Poll;
        let index = self
            .requests
            .stage_request(request, |file, ()| Task::new(file, poll))
            .map_err(|request| StartError { cause: ContextError::Full, request })?;
        self.reserved -= usize::from(reserved);
        self.staged.push_back(&mut self.requests, index);
        Ok((index, self.work()))
    }

    /// Returns who is to be woken because `turn` has something to do.
    fn work(&mut self) -> Notify {
        let kick = self.parked > 0 && !self.kicked;
        self.kicked |= kick;
        Notify { waker: self.turner.take(), kick }
    }

    /// Gives a place that has become free to the task that has waited for it longest. Returns its
    /// waker.
    pub(super) fn grant(&mut self) -> Option<Waker> {
        if self.free() == 0 {
            return None;
        }
        let granted = self.waiters.grant_first()?;
        self.reserved += 1;
        granted
    }

    /// Takes a request that has completed.
    pub(super) fn take(&mut self, index: u32) -> Option<Freed<B, F>> {
        match self.requests.phase(index)? {
            Phase::Staged | Phase::InFlight => None,
            Phase::Queued | Phase::Held => self.collect(index),
        }
    }

    /// Removes a request from its slot, if the kernel does not have it.
    fn collect(&mut self, index: u32) -> Option<Freed<B, F>> {
        self.unlist(index);
        let id = self.requests.driven_tag(index)?.id;
        let request = self.requests.collect(index, id)?;
        Some(Freed { request, room: self.grant() })
    }

    /// Removes a request from the list that contains it.
    fn unlist(&mut self, index: u32) {
        match self.requests.driven_tag(index).and_then(|task| task.list()) {
            Some(Which::Staged) => self.staged.remove(&mut self.requests, index),
            Some(Which::Cancelled) => self.cancelled.remove(&mut self.requests, index),
            None => {}
        }
    }

    /// Gives up a request whose future is dropped. If the kernel has it, it becomes an orphan.
    /// Otherwise it is returned.
    pub(super) fn abandon(&mut self, index: u32) -> Abandoned<B, F> {
        if self.requests.check() == Err(ContextError::Forked) {
            return Abandoned::NONE;
        }
        if self.requests.phase(index) != Some(Phase::InFlight) {
            return match self.collect(index) {
                Some(Freed { request, room }) => Abandoned {
                    request: Some(request),
                    waker: None,
                    notify: Notify { waker: room, kick: false },
                },
                None => Abandoned::NONE,
            };
        }
        let Some(task) = self.requests.driven_tag(index) else { return Abandoned::NONE };
        task.orphan = true;
        let (waker, poll) = (task.waker.take(), task.poll);
        self.orphans += 1;
        let mut notify = Notify::default();
        if poll {
            self.cancelled.push_back(&mut self.requests, index);
            notify = self.work();
        }
        Abandoned { request: None, waker, notify }
    }

    /// Takes the next request from the queue of completed ones.
    pub(super) fn next_done(&mut self) -> Option<Done<B, F>> {
        let index = self.requests.hold_next()?;
        self.unlist(index);
        let task = self.requests.driven_tag(index)?;
        if !task.orphan {
            return Some(Done { waker: task.waker.take(), orphan: None, room: None });
        }
        self.orphans -= 1;
        let Freed { request, room } = self.collect(index)?;
        Some(Done { waker: None, orphan: Some(request), room })
    }
}

/// A request that was given up. All fields are to be dropped after the core was released.
pub(super) struct Abandoned<B, F> {
    pub(super) request: Option<Taken<B, Task<F>>>,
    pub(super) waker: Option<Waker>,
    pub(super) notify: Notify,
}

impl<B, F> Abandoned<B, F> {
    const NONE: Self =
        Self { request: None, waker: None, notify: Notify { waker: None, kick: false } };
}

impl<B, F> Drop for Core<B, F> {
    fn drop(&mut self) {
        self.requests.end_driven();
    }
}
