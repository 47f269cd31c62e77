//! A client as a sequence of bytes: what the server makes of them before any I/O. Shared by the tests
//! and the fuzz target.

use nbd::{
    geometry::{Geometry, Refusal},
    handshake::{Handshake, MAX_ANSWER, Next, Offer},
    wire::{Command, Header, MAX_TRANSFER},
};

/// What has become of the bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// What was sent to the client in the handshake.
    pub(crate) answers: Vec<u8>,
    /// The requests, and whether they are carried out.
    pub(crate) requests: Vec<(Header, Result<(), Refusal>)>,
    /// Why the connection was ended, if it was.
    pub(crate) closed: Option<&'static str>,
}

/// Returns the export of the session.
pub(crate) fn offer(size: u64, read_only: bool) -> Offer {
    Offer { name: "disk".into(), geometry: Geometry { size, align: 512, read_only } }
}

/// Gives the bytes to the protocol, in pieces of these lengths, and checks what must always hold.
pub(crate) fn session(
    bytes: &[u8],
    mut pieces: impl Iterator<Item = usize>,
    offer: &Offer,
) -> Seen {
    let mut seen = Seen::default();
    let mut handshake = Some(Handshake::default());
    let (mut received, mut start, mut skip) = (0, 0, 0_u64);
    // The server never makes this larger.
    let mut out = Vec::with_capacity(MAX_ANSWER);
    while seen.closed.is_none() {
        let input = &bytes[start..received];
        let mut waits = false;
        if let Some(state) = &mut handshake {
            let (consumed, next) = state.step(input, offer, &mut out);
            assert!(consumed <= input.len(), "not more than there was");
            assert!(out.capacity() == MAX_ANSWER, "no more memory than there was");
            assert!(next != Next::More || consumed == 0 && out.is_empty());
            seen.answers.append(&mut out);
            out.reserve_exact(MAX_ANSWER);
            start += consumed;
            match next {
                Next::More => waits = true,
                Next::Again => assert!(consumed > 0, "it makes progress"),
                Next::Transmission => handshake = None,
                Next::Close(why) => seen.closed = Some(why),
            }
        } else if skip > 0 {
            let skipped = skip.min(input.len() as u64);
            start += skipped as usize;
            skip -= skipped;
            waits = skip > 0;
        } else if let Some(header) = input.first_chunk() {
            let Some(header) = Header::parse(header) else {
                seen.closed = Some("no request");
                break;
            };
            start += Header::LEN;
            skip = header.payload().into();
            let checked = offer.geometry.check(&header);
            check_accepted(&header, checked, &offer.geometry);
            seen.requests.push((header, checked));
        } else {
            waits = true;
        }
        if waits {
            let Some(len) = pieces.next().filter(|_| received < bytes.len()) else { break };
            received = (received + len.max(1)).min(bytes.len());
        }
    }
    seen
}

/// A request that is carried out stays within the export.
fn check_accepted(header: &Header, checked: Result<(), Refusal>, geometry: &Geometry) {
    if checked.is_err() {
        return;
    }
    match header.command {
        Command::Flush | Command::Disconnect => {}
        Command::Unknown(_) => panic!("an unknown command is carried out"),
        Command::Read | Command::Write | Command::Trim | Command::Cache | Command::WriteZeroes => {
            let end = header.offset.checked_add(header.len.into()).expect("no overflow");
            assert!(end <= geometry.size, "beyond the end");
            let writes = !matches!(header.command, Command::Read | Command::Cache);
            assert!(!(writes && geometry.read_only), "written although read-only");
            let transfers = matches!(header.command, Command::Read | Command::Write);
            assert!(!transfers || header.len <= MAX_TRANSFER);
        }
    }
}
