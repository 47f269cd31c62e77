//! What kind of kernel a fake one is: its faults, its sandbox, what it does not have.

use super::{Faults, Kernel};
use crate::{abi::AioContext, types::Errno};

impl Kernel {
    /// Makes other decisions from now on.
    pub(crate) fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// A sandbox refuses this call from now on.
    pub(crate) fn forbid(&self, call: &'static str, errno: Errno) {
        self.state().forbidden.push((call, errno));
    }

    /// Or does not any more.
    pub(crate) fn allow_all(&self) {
        self.state().forbidden.clear();
    }

    /// Answers the next request that is accepted so, without doing it.
    pub(crate) fn answer(&self, res: i64) {
        self.state().answer = Some(res);
    }

    /// Puts the ring of a context, which is empty, so far round as if that many events had passed.
    pub(crate) fn turn_ring(&self, ctx: AioContext, places: u32) {
        let mut state = self.state();
        if state.faults.hostile == 0 {
            state.contexts.get_mut(&ctx.0).expect("a context").ring.turn(places);
        }
    }

    /// Is a kernel without `MADV_WIPEONFORK` from now on.
    pub(crate) fn set_old(&self) {
        self.state().old = true;
    }

    /// Is an emulated kernel from now on, which ignores flags of reads and writes, and perhaps eventfds,
    /// and does not look at the context where nothing is submitted.
    pub(crate) fn set_emulated(&self, ignores_eventfds: bool) {
        let mut state = self.state();
        state.ignores_flags = true;
        state.ignores_eventfds = ignores_eventfds;
    }

    /// Is a kernel that knows only these flags of reads and writes.
    pub(crate) fn set_rw_flags(&self, flags: u32) {
        self.state().rw_flags = flags;
    }

    /// How many requests all contexts may have claimed.
    pub(crate) fn set_max_nr(&self, max_nr: u64) {
        self.state().aio_max_nr = max_nr;
    }
}
