//! Bytes of a client: the handshake and requests, in one piece and in small pieces.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/session/mod.rs"]
mod session;

use session::{offer, session};

fuzz_target!(|data: &[u8]| {
    let Some((&cut, bytes)) = data.split_first() else { return };
    let offer = offer(1 << 20, cut & 1 != 0);
    let at_once = session(bytes, std::iter::repeat(usize::MAX / 2), &offer);
    let in_pieces = session(bytes, std::iter::repeat(usize::from(cut / 2) + 1), &offer);
    assert_eq!(at_once, in_pieces);
});
