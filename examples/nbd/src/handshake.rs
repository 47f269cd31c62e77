//! The handshake: fixed newstyle negotiation, as a function from bytes to bytes.
//!
//! [`Handshake::step`] takes what has come from the client, and says what to send and how to go on.
//! It does no I/O. TLS and structured replies are not offered: these options are answered by
//! `NBD_REP_ERR_UNSUP`, after which a client goes on without them or gives up.

use crate::{
    geometry::Geometry,
    wire::{MAX_TRANSFER, Reader},
};

/// The most bytes of data that an option may have. Longer ones are skipped and refused.
pub const MAX_OPTION: usize = 8192;

/// The longest name of an export.
pub const MAX_NAME: usize = 255;

/// The most bytes that one step sends.
pub const MAX_ANSWER: usize = 1024;

const OPTION_MAGIC: u64 = 0x4948_4156_454f_5054; // "IHAVEOPT"
const REPLY_MAGIC: u64 = 0x0003_e889_0455_65a9;

// Flags of the handshake, for both sides.
const FIXED_NEWSTYLE: u16 = 1 << 0;
const NO_ZEROES: u16 = 1 << 1;

// Options.
const EXPORT_NAME: u32 = 1;
const ABORT: u32 = 2;
const LIST: u32 = 3;
const INFO: u32 = 6;
const GO: u32 = 7;

// Replies to options.
const ACK: u32 = 1;
const SERVER: u32 = 2;
const INFORMATION: u32 = 3;
const ERR_UNSUPPORTED: u32 = 1 << 31 | 1;
const ERR_INVALID: u32 = 1 << 31 | 3;
const ERR_UNKNOWN: u32 = 1 << 31 | 6;
const ERR_TOO_BIG: u32 = 1 << 31 | 9;

// Information about an export.
const INFO_EXPORT: u16 = 0;
const INFO_NAME: u16 = 1;
const INFO_BLOCK_SIZE: u16 = 3;

/// What a server tells about its export.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The name by which clients ask for it. The empty name asks for it too.
    pub name: String,
    /// Its size and alignment.
    pub geometry: Geometry,
}

impl Offer {
    /// `NBD_FLAG_*`: what clients may do with the export.
    fn flags(&self) -> u16 {
        let (has_flags, read_only, flush, fua) = (1 << 0, 1 << 1, 1 << 2, 1 << 3);
        let (trim, zeroes, multi_conn, cache) = (1 << 5, 1 << 6, 1 << 8, 1 << 10);
        // Several connections see the same data: writes are direct, and a flush is of the file.
        let always = has_flags | flush | fua | multi_conn | cache;
        always | if self.geometry.read_only { read_only } else { trim | zeroes }
    }

    fn has_name(&self, name: &[u8]) -> bool {
        name.is_empty() || name == self.name.as_bytes()
    }
}

/// How a step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing was consumed: more bytes must come first.
    More,
    /// The handshake goes on.
    Again,
    /// The handshake is complete. Requests follow.
    Transmission,
    /// The connection ends once the answer is sent.
    Close(&'static str),
}

/// Where a client is in the handshake.
#[derive(Clone, Copy, Debug, Default)]
pub struct Handshake {
    /// The flags of the client, once they came.
    flags: Option<u16>,
    /// How many bytes of an option that is too long are still to be skipped.
    skip: u32,
}

impl Handshake {
    /// Returns what the server sends first.
    #[must_use]
    pub fn greeting() -> [u8; 18] {
        let mut bytes = *b"NBDMAGICIHAVEOPT\0\0";
        if let Some(flags) = bytes.last_chunk_mut::<2>() {
            *flags = (FIXED_NEWSTYLE | NO_ZEROES).to_be_bytes();
        }
        bytes
    }

    /// Takes one message from the front of `input`. Returns how many bytes were consumed. The answer
    /// is appended to `out`, at most [`MAX_ANSWER`] bytes.
    pub fn step(&mut self, input: &[u8], offer: &Offer, out: &mut Vec<u8>) -> (usize, Next) {
        if self.skip > 0 {
            let available = u32::try_from(input.len()).unwrap_or(u32::MAX);
            let skipped = self.skip.min(available);
            self.skip -= skipped;
            let next = if skipped == 0 { Next::More } else { Next::Again };
            return (usize::try_from(skipped).unwrap_or(0), next);
        }
        let mut at = Reader(input);
        let taken = match self.flags {
            None => self.client_flags(&mut at),
            Some(flags) => self.option(flags, &mut at, offer, out),
        };
        match taken {
            Some(next) => (input.len() - at.0.len(), next),
            None => (0, Next::More),
        }
    }

    fn client_flags(&mut self, at: &mut Reader<'_>) -> Option<Next> {
        let flags = at.u32()?;
        Some(match u16::try_from(flags) {
            Ok(flags) if flags & !(FIXED_NEWSTYLE | NO_ZEROES) == 0 => {
                self.flags = Some(flags);
                Next::Again
            }
            _ => Next::Close("the client has unknown flags"),
        })
    }

    fn option(
        &mut self,
        flags: u16,
        at: &mut Reader<'_>,
        offer: &Offer,
        out: &mut Vec<u8>,
    ) -> Option<Next> {
        if at.u64()? != OPTION_MAGIC {
            return Some(Next::Close("the client does not speak NBD"));
        }
        let (option, len) = (at.u32()?, at.u32()?);
        let Some(len) = usize::try_from(len).ok().filter(|&len| len <= MAX_OPTION) else {
            self.skip = len;
            answer(out, option, ERR_TOO_BIG, &[]);
            return Some(match option {
                EXPORT_NAME => Next::Close("the name of the export is too long"),
                _ => Next::Again,
            });
        };
        let data = at.bytes(len)?;
        match option {
            EXPORT_NAME if offer.has_name(data) => {
                out.extend(offer.geometry.size.to_be_bytes());
                out.extend(offer.flags().to_be_bytes());
                if flags & NO_ZEROES == 0 {
                    out.extend([0; 124]);
                }
                return Some(Next::Transmission);
            }
            // This option has no error reply.
            EXPORT_NAME => return Some(Next::Close("there is no export of that name")),
            ABORT => {
                answer(out, option, ACK, &[]);
                return Some(Next::Close("the client has ended the handshake"));
            }
            LIST if data.is_empty() => {
                let name = offer.name.as_bytes();
                let len = u32::try_from(name.len()).unwrap_or(0);
                answer(out, option, SERVER, &[&len.to_be_bytes(), name]);
                answer(out, option, ACK, &[]);
            }
            LIST => answer(out, option, ERR_INVALID, &[]),
            INFO | GO => match Wanted::parse(data) {
                None => answer(out, option, ERR_INVALID, &[]),
                Some(wanted) if !offer.has_name(wanted.name) => {
                    answer(out, option, ERR_UNKNOWN, &[]);
                }
                Some(wanted) => {
                    inform(out, option, offer, wanted.canonical_name);
                    if option == GO {
                        return Some(Next::Transmission);
                    }
                }
            },
            _ => answer(out, option, ERR_UNSUPPORTED, &[]),
        }
        Some(Next::Again)
    }
}

/// The data of `NBD_OPT_INFO` and `NBD_OPT_GO`.
struct Wanted<'a> {
    name: &'a [u8],
    canonical_name: bool,
}

impl<'a> Wanted<'a> {
    fn parse(data: &'a [u8]) -> Option<Self> {
        let mut at = Reader(data);
        let len = usize::try_from(at.u32()?).ok()?;
        let name = at.bytes(len)?;
        let mut canonical_name = false;
        for _ in 0..at.u16()? {
            canonical_name |= at.u16()? == INFO_NAME;
        }
        at.0.is_empty().then_some(Self { name, canonical_name })
    }
}

/// Sends what is known about the export. The block sizes are sent also if they were not asked for:
/// clients ignore what they do not know.
fn inform(out: &mut Vec<u8>, option: u32, offer: &Offer, name: bool) {
    let Geometry { size, align, .. } = offer.geometry;
    let (size, flags) = (size.to_be_bytes(), offer.flags().to_be_bytes());
    answer(out, option, INFORMATION, &[&INFO_EXPORT.to_be_bytes(), &size, &flags]);
    if name {
        let name = offer.name.as_bytes();
        answer(out, option, INFORMATION, &[&INFO_NAME.to_be_bytes(), name]);
    }
    let [least, best, most] = [align, align.max(4096), MAX_TRANSFER].map(u32::to_be_bytes);
    answer(out, option, INFORMATION, &[&INFO_BLOCK_SIZE.to_be_bytes(), &least, &best, &most]);
    answer(out, option, ACK, &[]);
}

/// Appends a reply to an option.
fn answer(out: &mut Vec<u8>, option: u32, kind: u32, data: &[&[u8]]) {
    let len: usize = data.iter().map(|part| part.len()).sum();
    out.extend(REPLY_MAGIC.to_be_bytes());
    out.extend(option.to_be_bytes());
    out.extend(kind.to_be_bytes());
    out.extend(u32::try_from(len).unwrap_or(0).to_be_bytes());
    for part in data {
        out.extend(*part);
    }
}
