//! The protocol on arbitrary bytes: it does not panic, takes no more memory, makes progress, accepts
//! nothing outside of the export, and does not depend on how the bytes are cut into pieces.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test"
)]

mod session;

use nbd::geometry::Refusal;
use proptest::{collection::vec, prelude::*, sample::select};
use session::{Seen, offer, session};

const SIZE: u64 = 1 << 20;

fn arbitrary_bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..2000)
}

/// An option: mostly well-formed.
fn option() -> impl Strategy<Value = Vec<u8>> {
    let data = prop_oneof![
        Just(Vec::new()),
        Just(b"disk".to_vec()),
        Just(b"\0\0\0\x04disk\0\x01\0\x03".to_vec()),
        Just(b"\0\0\0\x04none\0\0".to_vec()),
        Just(vec![7; 9000]),
        vec(any::<u8>(), 0..40),
    ];
    let number = prop_oneof![0..12_u32, any::<u32>()];
    let lie = prop_oneof![9 => Just(0_u32), 1 => any::<u32>()];
    (number, data, lie).prop_map(|(number, data, lie)| {
        let len = (data.len() as u32).wrapping_add(lie);
        [&b"IHAVEOPT"[..], &number.to_be_bytes(), &len.to_be_bytes(), &data].concat()
    })
}

/// A request: mostly with the magic number, often near the limits.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let magic = prop_oneof![30 => Just(0x2560_9513_u32), 1 => any::<u32>()];
    let flags = prop_oneof![Just(0_u16), 0..4_u16, any::<u16>()];
    let command = prop_oneof![0..8_u16, any::<u16>()];
    let offset = prop_oneof![0..=SIZE, select(vec![SIZE - 512, u64::MAX - 511, u64::MAX, 1 << 63])];
    let len = prop_oneof![0..5000_u32, select(vec![0, 512, 32 << 20, (32 << 20) + 1, u32::MAX])];
    (magic, flags, command, any::<u64>(), offset, len).prop_map(
        |(magic, flags, command, cookie, offset, len)| {
            let mut bytes = magic.to_be_bytes().to_vec();
            bytes.extend(flags.to_be_bytes());
            bytes.extend(command.to_be_bytes());
            bytes.extend(cookie.to_be_bytes());
            bytes.extend(offset.to_be_bytes());
            bytes.extend(len.to_be_bytes());
            let payload = if command == 1 { len.min(5000) } else { 0 };
            bytes.extend((0..payload).map(|at| at as u8));
            bytes
        },
    )
}

/// A session: flags, options, then requests, or anything.
fn conversation() -> impl Strategy<Value = Vec<u8>> {
    let start = prop_oneof![9 => 0..4_u32, 1 => any::<u32>()];
    let begin = b"IHAVEOPT\0\0\0\x07\0\0\0\x06\0\0\0\0\0\0".to_vec();
    let tail = prop_oneof![9 => Just(Vec::new()), 1 => arbitrary_bytes()];
    (start, vec(option(), 0..6), vec(request(), 0..12), tail).prop_map(
        move |(start, options, requests, tail)| {
            let start = start.to_be_bytes().to_vec();
            [vec![start], options, vec![begin.clone()], requests, vec![tail]].concat().concat()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_in_any_pieces(
        bytes in prop_oneof![arbitrary_bytes(), conversation()],
        pieces in vec(1..200_usize, 1..20),
        read_only: bool,
    ) {
        let offer = offer(SIZE, read_only);
        let at_once = session(&bytes, std::iter::repeat(usize::MAX / 2), &offer);
        let in_pieces = session(&bytes, pieces.into_iter().cycle(), &offer);
        let one_by_one = session(&bytes, std::iter::repeat(1), &offer);
        prop_assert_eq!(&at_once, &in_pieces);
        prop_assert_eq!(&at_once, &one_by_one);
    }
}

#[test]
fn a_session_reaches_the_requests() {
    let mut bytes = b"\0\0\0\x03IHAVEOPT\0\0\0\x07\0\0\0\x06\0\0\0\0\0\0".to_vec();
    for len in [512_u32, 2 << 20] {
        bytes.extend(b"\x25\x60\x95\x13\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0");
        bytes.extend(len.to_be_bytes());
    }
    let Seen { requests, closed, .. } = session(&bytes, std::iter::repeat(5), &offer(SIZE, false));
    let results: Vec<_> = requests.iter().map(|(_, result)| *result).collect();
    assert_eq!((results, closed), (vec![Ok(()), Err(Refusal::Invalid)], None));
}
