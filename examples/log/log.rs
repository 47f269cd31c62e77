//! [`Log`]: threads append records, which become durable in groups.

use crate::{
    committer::{Committer, MAX_GROUP},
    failure::Failure,
    file::LogFile,
    format::{HEAD, Head, MAX_DATA},
    scan::{End, scan},
};
use core::mem;
use std::{
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

/// A log that any number of threads append to.
///
/// While one group of records is written and synced, the records that arrive form the next group. So the
/// more threads append, the more records share a sync.
pub(crate) struct Log {
    shared: Arc<Shared>,
    committer: JoinHandle<Result<(), Failure>>,
}

struct Shared {
    identity: u64,
    state: Mutex<State>,
    /// There is a record to write, or nothing more will come.
    work: Condvar,
    /// Records are durable, there is room, or the log has failed.
    progress: Condvar,
}

struct State {
    /// The records of the next group, encoded.
    group: Vec<u8>,
    /// The number of the first record of the next group.
    first: u64,
    /// The number of the next record.
    next: u64,
    /// All records with smaller numbers are durable.
    durable: u64,
    /// How many groups were made durable.
    groups: u64,
    failure: Option<Failure>,
    closing: bool,
}

impl Log {
    /// Opens a log to append to it. Makes a new one if there is none.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let file = LogFile::open_to_append(path)?;
        let end @ End { identity, seq, .. } = scan(&file, |_, _| Ok(()))?;
        let committer = Committer::new(file, &end)?;
        let state = State {
            group: Vec::new(),
            first: seq,
            next: seq,
            durable: seq,
            groups: 0,
            failure: None,
            closing: false,
        };
        let shared = Arc::new(Shared {
            identity,
            state: Mutex::new(state),
            work: Condvar::new(),
            progress: Condvar::new(),
        });
        let committer = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.commit_groups(committer)
        });
        Ok(Self { shared, committer })
    }

    /// Adds a record to the next group, and returns its number. The record is *not* durable yet.
    pub(crate) fn push(&self, data: &[u8]) -> Result<u64, Failure> {
        let Shared { identity, work, progress, .. } = &*self.shared;
        let mut state = self.shared.state();
        // Room for the longest record is left in a group.
        while state.group.len() > MAX_GROUP - HEAD - MAX_DATA && state.failure.is_none() {
            state = progress.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(failure) = &state.failure {
            return Err(failure.clone());
        }
        let seq = state.next;
        let head = Head::new(*identity, seq, state.first, data)
            .ok_or(Failure::TooLong { bytes: data.len(), limit: MAX_DATA })?;
        state.group.extend(head.bytes());
        state.group.extend(data);
        state.next += 1;
        work.notify_one();
        Ok(seq)
    }

    /// Waits until the record with this number is durable. Returns the number of the first record that
    /// is not.
    pub(crate) fn wait(&self, seq: u64) -> Result<u64, Failure> {
        let mut state = self.shared.state();
        loop {
            if seq < state.durable {
                return Ok(state.durable);
            }
            if let Some(failure) = &state.failure {
                return Err(failure.clone());
            }
            state = self.shared.progress.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Appends a record. When this returns `Ok`, the record is durable.
    pub(crate) fn append(&self, data: &[u8]) -> Result<u64, Failure> {
        let seq = self.push(data)?;
        self.wait(seq).map(|_| seq)
    }

    /// Returns how many groups were made durable since the log was opened.
    pub(crate) fn groups(&self) -> u64 {
        self.shared.state().groups
    }

    /// Returns the number of the next record.
    pub(crate) fn next(&self) -> u64 {
        self.shared.state().next
    }

    /// Waits until all records are durable, and closes the log.
    pub(crate) fn close(self) -> Result<(), Failure> {
        self.shared.state().closing = true;
        self.shared.work.notify_one();
        self.committer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread that writes: makes groups durable, until the log is closed or has failed.
    fn commit_groups(&self, mut committer: Committer) -> Result<(), Failure> {
        let mut group = Vec::new();
        loop {
            let mut state = self.state();
            while state.group.is_empty() && !state.closing {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.group.is_empty() {
                drop(state);
                return committer.close();
            }
            group.clear();
            mem::swap(&mut group, &mut state.group);
            let next = state.next;
            state.first = next;
            drop(state);
            self.progress.notify_all();

            let committed = committer.commit(&group);
            let mut state = self.state();
            match committed {
                Ok(()) => (state.durable, state.groups) = (next, state.groups + 1),
                Err(failure) => {
                    // No record is acknowledged after this, also none that was written.
                    state.failure = Some(failure.clone());
                    drop(state);
                    self.progress.notify_all();
                    return Err(failure);
                }
            }
            drop(state);
            self.progress.notify_all();
        }
    }
}
