//! [`Task`]: what a driver stores beside each request, and [`List`]: lists of requests.

use crate::context::Context;
use core::task::Waker;

/// The tag of each request of a driver.
#[derive(Debug)]
pub(super) struct Task<F> {
    /// The waker of the task that awaits the request.
    pub(super) waker: Option<Waker>,
    /// The owner of the file, until the request is submitted.
    pub(super) file: Option<F>,
    /// The id of the request, when it is in flight or has completed.
    pub(super) id: u64,
    /// Whether the future was dropped.
    pub(super) orphan: bool,
    /// Whether the request is a poll, which can be cancelled.
    pub(super) poll: bool,
    /// The list that contains the request, and its neighbours there.
    links: Links,
}

impl<F> Task<F> {
    pub(super) const fn new(file: F, poll: bool) -> Self {
        let links = Links { within: None, before: NONE, after: NONE };
        Self { waker: None, file: Some(file), id: 0, orphan: false, poll, links }
    }

    /// Returns the list that contains the request.
    pub(super) const fn list(&self) -> Option<Which> {
        self.links.within
    }
}

/// The lists of a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Requests that were not submitted yet.
    Staged,
    /// Polls in flight that are to be cancelled.
    Cancelled,
}

#[derive(Clone, Copy, Debug)]
struct Links {
    within: Option<Which>,
    before: u32,
    after: u32,
}

/// The index of no slot.
const NONE: u32 = u32::MAX;

/// A list of requests, linked by their tasks, in the order in which they were added.
#[derive(Debug)]
pub(super) struct List {
    which: Which,
    first: u32,
    last: u32,
    len: usize,
}

/// The context of a driver.
pub(super) type Requests<B, F> = Context<B, Task<F>>;

impl List {
    pub(super) const fn new(which: Which) -> Self {
        Self { which, first: NONE, last: NONE, len: 0 }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Returns the first request.
    pub(super) const fn first(&self) -> Option<u32> {
        if self.len == 0 { None } else { Some(self.first) }
    }

    /// Adds a request at the end. It must be in no list.
    pub(super) fn push_back<B, F>(&mut self, requests: &mut Requests<B, F>, index: u32) {
        let links = Links { within: Some(self.which), before: self.last, after: NONE };
        if !set(requests, index, links) {
            return;
        }
        if !change(requests, self.last, |links| links.after = index) {
            self.first = index;
        }
        self.last = index;
        self.len += 1;
    }

    /// Adds a request at the front. It must be in no list.
    pub(super) fn push_front<B, F>(&mut self, requests: &mut Requests<B, F>, index: u32) {
        let links = Links { within: Some(self.which), before: NONE, after: self.first };
        if !set(requests, index, links) {
            return;
        }
        if !change(requests, self.first, |links| links.before = index) {
            self.last = index;
        }
        self.first = index;
        self.len += 1;
    }

    /// Removes a request, if it is in this list.
    pub(super) fn remove<B, F>(&mut self, requests: &mut Requests<B, F>, index: u32) {
        let Some(task) = requests.driven_tag(index) else { return };
        let Links { within, before, after } = task.links;
        if within != Some(self.which) {
            return;
        }
        task.links = Links { within: None, before: NONE, after: NONE };
        if !change(requests, before, |links| links.after = after) {
            self.first = after;
        }
        if !change(requests, after, |links| links.before = before) {
            self.last = before;
        }
        self.len -= 1;
    }
}

/// Sets the links of a request. Returns whether there is such a request, in no list.
fn set<B, F>(requests: &mut Requests<B, F>, index: u32, links: Links) -> bool {
    match requests.driven_tag(index) {
        Some(task) if task.links.within.is_none() => {
            task.links = links;
            true
        }
        _ => false,
    }
}

/// Changes the links of a request. Returns whether there is such a request.
fn change<B, F>(
    requests: &mut Requests<B, F>,
    index: u32,
    change: impl FnOnce(&mut Links),
) -> bool {
    match requests.driven_tag(index) {
        Some(task) => {
            change(&mut task.links);
            true
        }
        None => false,
    }
}
