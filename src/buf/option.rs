//! `Option<B>` as a buffer, in which `None` has no bytes.

use super::{IoBuf, IoBufMut, IoBytes, IoVecs};
use crate::types::Opcode;

// SAFETY: `Some`: (1) to (5) hold for the `B` in it, to which every method delegates. `None`: there
// are no bytes; the methods return constants; its length of 0 is too short for another value's
// transfer.
unsafe impl<B: IoBuf> IoBuf for Option<B> {
    fn io_ptr(&mut self) -> *mut u8 {
        self.as_mut().map_or(core::ptr::null_mut(), IoBuf::io_ptr)
    }

    fn io_len(&self) -> usize {
        self.as_ref().map_or(0, IoBuf::io_len)
    }

    fn io_total(&self) -> usize {
        self.as_ref().map_or(0, IoBuf::io_total)
    }

    fn io_suits(&self, opcode: Opcode) -> bool {
        self.as_ref().is_none_or(|buf| buf.io_suits(opcode))
    }
}

// SAFETY: `Some` delegates to `B`, which is `IoBytes`; `None` points to no bytes.
unsafe impl<B: IoBytes> IoBytes for Option<B> {}

// SAFETY: `Some` delegates to `B`, which is `IoVecs`; `None` points to no iovecs.
unsafe impl<B: IoVecs> IoVecs for Option<B> {}

// SAFETY: `Some` delegates to `B`, which is `IoBufMut`; `None` has no bytes.
unsafe impl<B: IoBufMut> IoBufMut for Option<B> {}
