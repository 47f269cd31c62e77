//! [`Waiters`]: the tasks that wait for room in a driver, in order.

use core::{ptr, task::Waker};

/// A place in the queue of [`Waiters`], which is a part of the future that waits.
#[derive(Debug)]
pub(super) struct Node {
    state: State,
    waker: Option<Waker>,
    before: *mut Node,
    after: *mut Node,
}

/// The state of a [`Node`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is not in the queue.
    Idle,
    /// It is in the queue.
    Waiting,
    /// It was removed from the queue, because there is room.
    Granted,
}

impl Node {
    pub(super) const fn new() -> Self {
        Self { state: State::Idle, waker: None, before: ptr::null_mut(), after: ptr::null_mut() }
    }
}

/// A queue of nodes, linked by pointers, because there is no allocator.
///
/// # Invariants
///
/// `first` and `last` are null, or the ends of a list that is linked by `before` and `after`. Each
/// node in the list is valid, has the state `Waiting`, and is accessed through this queue or with
/// `&mut` of this queue only.
#[derive(Debug)]
pub(super) struct Waiters {
    first: *mut Node,
    last: *mut Node,
}

// SAFETY: nodes are accessed with `&mut` of the queue only (invariant), by one thread at a time. The
// wakers in them may be used by any thread.
unsafe impl Send for Waiters {}

impl Waiters {
    pub(super) const fn new() -> Self {
        Self { first: ptr::null_mut(), last: ptr::null_mut() }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.first.is_null()
    }

    /// Returns the state of a node.
    ///
    /// # Safety
    ///
    /// `node` is valid, and is accessed with `&mut` of this queue only.
    pub(super) unsafe fn state(&self, node: *const Node) -> State {
        // SAFETY: this is the duty of the caller.
        unsafe { (*node).state }
    }

    /// Sets the state of a node that is not in the queue to `Idle`, and returns its waker.
    ///
    /// # Safety
    ///
    /// `node` is valid, is accessed with `&mut` of this queue only, and is not `Waiting`.
    pub(super) unsafe fn reset(&mut self, node: *mut Node) -> Option<Waker> {
        // SAFETY: this is the duty of the caller.
        let node = unsafe { &mut *node };
        node.state = State::Idle;
        node.waker.take()
    }

    /// Adds a node at the end.
    ///
    /// # Safety
    ///
    /// 1. `node` is valid, and is accessed with `&mut` of this queue only.
    /// 2. Its state is `Idle`.
    /// 3. It stays valid at this address until [`remove`](Self::remove) was called for it, or
    ///    [`grant_first`](Self::grant_first) has removed it, or for ever.
    pub(super) unsafe fn push(&mut self, node: *mut Node) {
        // SAFETY: the node is valid, and only this function accesses it now (duty 1 of the caller).
        unsafe {
            *node = Node {
                state: State::Waiting,
                waker: None,
                before: self.last,
                after: ptr::null_mut(),
            }
        };
        if self.last.is_null() {
            self.first = node;
        } else {
            // SAFETY: `last` is in the list, so it is valid (invariant), and is not `node`, which was
            // `Idle` (duty 2 of the caller).
            unsafe { (*self.last).after = node };
        }
        self.last = node;
    }

    /// Sets the waker of a node in the queue, and returns the previous one.
    ///
    /// # Safety
    ///
    /// `node` is valid, and is accessed with `&mut` of this queue only.
    pub(super) unsafe fn set_waker(&mut self, node: *mut Node, waker: Waker) -> Option<Waker> {
        // SAFETY: this is the duty of the caller.
        unsafe { (*node).waker.replace(waker) }
    }

    /// Returns whether the waker of a node wakes the same task.
    ///
    /// # Safety
    ///
    /// `node` is valid, and is accessed with `&mut` of this queue only.
    pub(super) unsafe fn will_wake(&self, node: *const Node, waker: &Waker) -> bool {
        // SAFETY: this is the duty of the caller.
        let known = unsafe { &(*node).waker };
        known.as_ref().is_some_and(|known| known.will_wake(waker))
    }

    /// Removes a node, and returns its waker.
    ///
    /// # Safety
    ///
    /// `node` is in this queue: [`push`](Self::push) was called for it, and its state is `Waiting`.
    pub(super) unsafe fn remove(&mut self, node: *mut Node) -> Option<Waker> {
        // SAFETY: the node is in the list (duty of the caller), so it is valid (invariant).
        let Node { before, after, .. } = *unsafe { &mut *node };
        if before.is_null() {
            self.first = after;
        } else {
            // SAFETY: `before` is in the list, so it is valid (invariant).
            unsafe { (*before).after = after };
        }
        if after.is_null() {
            self.last = before;
        } else {
            // SAFETY: `after` is in the list, so it is valid (invariant).
            unsafe { (*after).before = before };
        }
        // SAFETY: the node was in the list, so it is valid (invariant). It is not `Waiting` then.
        unsafe { self.reset(node) }
    }

    /// Removes the first node, and marks it as granted. Returns its waker, or `None` if there is no
    /// node.
    pub(super) fn grant_first(&mut self) -> Option<Option<Waker>> {
        let node = self.first;
        if node.is_null() {
            return None;
        }
        // SAFETY: `first` is in the list.
        let waker = unsafe { self.remove(node) };
        // SAFETY: the node was in the list, so it is valid (invariant).
        unsafe { (*node).state = State::Granted };
        Some(waker)
    }
}
