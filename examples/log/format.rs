//! The format of the file. All numbers are little-endian.
//!
//! ```text
//! block 0          "aio-log" 1, identity of the log (8), CRC (4)
//! then groups      each begins at a multiple of 4096 bytes, and ends with zeros up to the next one
//! in a group       records, one after the other, also across blocks
//! a record         CRC (4), length (4), number (8), number of the first record of its group (8), data
//! ```
//!
//! Records are numbered from 1. The CRC is one of the identity of the log, the other three numbers and the
//! data. So a record of another log, an old record and half a record are not records of this log.

use crc32fast::Hasher;

/// Groups begin at multiples of this.
pub(crate) const BLOCK: usize = 4096;
/// [`BLOCK`], for offsets.
pub(crate) const BLOCK_U64: u64 = 4096;
/// The most data of a record, in bytes.
pub(crate) const MAX_DATA: usize = 1 << 20;
/// The bytes of a record before its data.
pub(crate) const HEAD: usize = 24;

const MAGIC: [u8; 8] = *b"aio-log\x01";

/// Returns the first block of a log.
pub(crate) fn first_block(identity: u64) -> Vec<u8> {
    let mut block = [MAGIC, identity.to_le_bytes()].concat();
    block.extend(crc32fast::hash(&block).to_le_bytes());
    block.resize(BLOCK, 0);
    block
}

/// Returns the identity of the log with this first block, if it is one.
pub(crate) fn identity(block: &[u8]) -> Option<u64> {
    let (_magic, rest) = block.split_first_chunk::<8>()?;
    let identity = u64::from_le_bytes(*rest.first_chunk()?);
    (block == first_block(identity)).then_some(identity)
}

/// The numbers of a record.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    crc: u32,
    len: u32,
    /// The number of the record.
    pub(crate) seq: u64,
    /// The number of the first record of its group.
    pub(crate) group: u64,
}

impl Head {
    /// Makes the head of a record. Returns `None` if the data is too long.
    pub(crate) fn new(identity: u64, seq: u64, group: u64, data: &[u8]) -> Option<Self> {
        let len = u32::try_from(data.len()).ok().filter(|_| data.len() <= MAX_DATA)?;
        let head = Self { crc: 0, len, seq, group };
        Some(Self { crc: head.crc_of(identity, data), ..head })
    }

    /// Reads a head, which may be any bytes.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (crc, rest) = bytes.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (seq, rest) = rest.split_first_chunk()?;
        let (group, _) = rest.split_first_chunk()?;
        let head = Self {
            crc: u32::from_le_bytes(*crc),
            len: u32::from_le_bytes(*len),
            seq: u64::from_le_bytes(*seq),
            group: u64::from_le_bytes(*group),
        };
        (head.data_len() <= MAX_DATA).then_some(head)
    }

    /// Returns the bytes of the head.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let Self { crc, len, seq, group } = self;
        let [crc, len] = [crc, len].map(|number| number.to_le_bytes());
        let [seq, group] = [seq, group].map(|number| number.to_le_bytes());
        [&crc[..], &len, &seq, &group].concat()
    }

    /// Returns how many bytes of data follow.
    pub(crate) fn data_len(&self) -> usize {
        usize::try_from(self.len).unwrap_or(usize::MAX)
    }

    /// Returns whether this is the head of a record of this log with this data.
    pub(crate) fn is_valid(&self, identity: u64, data: &[u8]) -> bool {
        data.len() == self.data_len() && self.crc == self.crc_of(identity, data)
    }

    fn crc_of(&self, identity: u64, data: &[u8]) -> u32 {
        let mut crc = Hasher::new();
        crc.update(&identity.to_le_bytes());
        crc.update(&self.len.to_le_bytes());
        crc.update(&self.seq.to_le_bytes());
        crc.update(&self.group.to_le_bytes());
        crc.update(data);
        crc.finalize()
    }
}
