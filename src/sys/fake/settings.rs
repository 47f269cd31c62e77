//! The settings of a fake kernel: its faults, its sandbox, and the features that it lacks.

use super::{Faults, Kernel, ReportedAlignment};
use crate::{abi::AioContext, types::Errno};

impl Kernel {
    /// Sets the frequencies of the faults.
    pub(crate) fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// Makes a sandbox forbid a call, with this errno.
    pub(crate) fn forbid(&self, call: &'static str, errno: Errno) {
        self.state().forbidden.push((call, errno));
    }

    /// Removes the sandbox.
    pub(crate) fn allow_all(&self) {
        self.state().forbidden.clear();
    }

    /// Sets the result of the next request that is accepted. The request is not executed.
    pub(crate) fn answer(&self, res: i64) {
        self.state().answer = Some(res);
    }

    /// Advances the empty ring of a context, as if `entries` events had been added and taken.
    pub(crate) fn advance_ring(&self, ctx: AioContext, entries: u32) {
        let mut state = self.state();
        if state.faults.hostile == 0 {
            state.contexts.get_mut(&ctx.0).expect("a context").ring.advance(entries);
        }
    }

    /// Makes this a kernel without `MADV_WIPEONFORK`.
    pub(crate) fn set_old(&self) {
        self.state().old = true;
    }

    /// Makes this an emulated kernel, which ignores the flags of reads and writes, and eventfds if
    /// `ignores_eventfds`, and which does not check the context if no request is submitted.
    pub(crate) fn set_emulated(&self, ignores_eventfds: bool) {
        let mut state = self.state();
        state.ignores_flags = true;
        state.ignores_eventfds = ignores_eventfds;
    }

    /// Sets the flags of reads and writes that the kernel knows.
    pub(crate) fn set_rw_flags(&self, flags: u32) {
        self.state().rw_flags = flags;
    }

    /// Sets the limit on the number of requests of all contexts, `aio-max-nr`.
    pub(crate) fn set_max_nr(&self, max_nr: u64) {
        self.state().aio_max_nr = max_nr;
    }

    /// Sets what the kernel and its device say about the alignment of direct I/O.
    pub(crate) fn set_alignment(&self, alignment: ReportedAlignment) {
        self.state().alignment = alignment;
    }
}
