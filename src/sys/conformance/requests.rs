//! [`Spec`]: a request, independent of the kernel and of the addresses of its memory.

use super::file_kind::{FILES, FileKind};
use crate::abi::{
    IOCB_CMD_FDSYNC, IOCB_CMD_FSYNC, IOCB_CMD_POLL, IOCB_CMD_PREAD, IOCB_CMD_PREADV,
    IOCB_CMD_PWRITE, IOCB_CMD_PWRITEV, IOCB_FLAG_IOPRIO, IOCB_FLAG_RESFD,
};
use crate::sys::fake::Entropy;
use std::vec::Vec;

/// The part of the arena in which transfers begin, in bytes. Files are about as long.
pub(super) const SPAN: u32 = 4096;

#[derive(Clone, Debug)]
pub(super) struct Spec {
    pub(super) opcode: u16,
    pub(super) kind: FileKind,
    pub(super) memory: Memory,
    pub(super) offset: i64,
    pub(super) rw_flags: u32,
    pub(super) priority: u16,
    pub(super) flags: u32,
    pub(super) resfd: FileKind,
    pub(super) reserved: u64,
}

/// The address and length of a request.
#[derive(Clone, Debug)]
pub(super) enum Memory {
    /// A part of the arena.
    Bytes(Part),
    /// Several parts, with iovecs.
    Pieces(Vec<Part>),
    /// These numbers, unchanged.
    Numbers(u64, u64),
}

impl Memory {
    /// Returns whether some part has an invalid address.
    fn is_bad(&self) -> bool {
        match self {
            Self::Bytes(part) => part.start.is_none(),
            Self::Pieces(parts) => parts.iter().any(|part| part.start.is_none()),
            Self::Numbers(..) => false,
        }
    }

    /// Sets the start of all parts. If a valid piece of a stream precedes an invalid one, the
    /// result depends on how the bytes are divided into buffers of the kernel, so all must be
    /// alike.
    fn move_to(&mut self, start: Option<u32>) {
        match self {
            Self::Bytes(part) => part.start = start,
            Self::Pieces(parts) => parts.iter_mut().for_each(|part| part.start = start),
            Self::Numbers(..) => {}
        }
    }
}

/// A part of the arena. (A start of `None` is the invalid address 16.)
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) start: Option<u32>,
    pub(super) len: u32,
}

impl Part {
    fn random(entropy: &mut Entropy) -> Self {
        let start = (!entropy.one_in(20)).then(|| entropy.below(SPAN));
        let len = match entropy.below(8) {
            0 => 0,
            1 => 8,
            2 => entropy.below(SPAN),
            _ => entropy.below(64),
        };
        Self { start, len }
    }
}

impl Spec {
    pub(super) fn is_write(&self) -> bool {
        matches!(self.opcode, IOCB_CMD_PWRITE | IOCB_CMD_PWRITEV)
    }

    /// Returns whether the request completes in `io_submit`, so that the order of events is known.
    pub(super) fn is_transfer(&self) -> bool {
        self.is_write() || matches!(self.opcode, IOCB_CMD_PREAD | IOCB_CMD_PREADV)
    }

    /// Makes a request for no bytes, with these flags.
    pub(super) const fn empty(kind: FileKind, opcode: u16, rw_flags: u32) -> Self {
        Self {
            opcode,
            kind,
            memory: Memory::Numbers(0, 0),
            offset: 0,
            rw_flags,
            priority: 0,
            flags: 0,
            resfd: FileKind::Nothing,
            reserved: 0,
        }
    }

    pub(super) fn random(entropy: &mut Entropy) -> Self {
        let opcode = match entropy.below(32) {
            0 => [IOCB_CMD_FSYNC, IOCB_CMD_FDSYNC][entropy.below(2) as usize],
            1 => entropy.below(12) as u16,
            2..=6 => IOCB_CMD_POLL,
            7..=14 => IOCB_CMD_PREAD,
            15..=21 => IOCB_CMD_PWRITE,
            22..=26 => IOCB_CMD_PREADV,
            _ => IOCB_CMD_PWRITEV,
        };
        let kind = match entropy.below(4) {
            0 => FileKind::ReadWrite,
            // All but the last one, which is for notifications only.
            _ => FILES[entropy.below(FILES.len() as u32 - 1) as usize],
        };
        let mut spec = Self::empty(kind, opcode, 0);
        spec.memory = spec.random_memory(entropy);
        if spec.kind.is_stream() && spec.memory.is_bad() {
            // Not an invalid address: a failing write to a pipe wakes polls that then find no event
            // (`pipe_write`).
            spec.memory.move_to((spec.kind == FileKind::PipeIn).then_some(0));
        }
        if spec.is_transfer() {
            spec.offset = offset(entropy, spec.is_write());
            // Recent kernels extend a file before they detect that the address is invalid.
            if spec.is_write() && spec.memory.is_bad() && spec.offset > 0 {
                spec.offset = 0;
            }
            spec.rw_flags = rw_flags(entropy);
        } else if entropy.one_in(20) {
            spec.offset = i64::from(entropy.below(2));
            spec.rw_flags = entropy.below(2);
        }
        if entropy.one_in(4) {
            spec.flags |= IOCB_FLAG_RESFD;
            spec.resfd = match entropy.below(8) {
                0 => FILES[entropy.below(FILES.len() as u32) as usize],
                1..=3 => FileKind::Counter,
                _ => FileKind::Notify,
            };
            if spec.resfd == FileKind::Counter && !spec.is_transfer() {
                spec.resfd = FileKind::Notify;
            }
        }
        if entropy.one_in(8) {
            spec.flags |= IOCB_FLAG_IOPRIO;
            spec.priority = (entropy.below(8) << 13 | entropy.below(8)) as u16;
        }
        if entropy.one_in(64) {
            spec.flags |= 1 << entropy.below(32).max(2);
        }
        if entropy.one_in(64) {
            spec.reserved = 1;
        }
        spec
    }

    fn random_memory(&self, entropy: &mut Entropy) -> Memory {
        match self.opcode {
            IOCB_CMD_PREAD | IOCB_CMD_PWRITE => match entropy.below(40) {
                // An address beyond user space; a negative length; a length beyond the end of the
                // file.
                0 => Memory::Numbers(!0xfff, u64::from(entropy.below(3))),
                1 => Memory::Numbers(0, 1 << 63),
                2 if !self.is_write()
                    && matches!(self.kind, FileKind::ReadWrite | FileKind::ReadOnly) =>
                {
                    Memory::Bytes(Part { start: Some(0), len: u32::MAX })
                }
                _ => Memory::Bytes(Part::random(entropy)),
            },
            IOCB_CMD_PREADV | IOCB_CMD_PWRITEV => match entropy.below(40) {
                0 => Memory::Numbers(0, u64::from(entropy.below(2))),
                1 => Memory::Numbers(16, u64::from(entropy.below(3))),
                2 => Memory::Numbers(0, [1024, 1025, 1 << 40, 1 << 63][entropy.below(4) as usize]),
                _ => Memory::Pieces((0..entropy.below(5)).map(|_| Part::random(entropy)).collect()),
            },
            IOCB_CMD_POLL => {
                const MASKS: [u64; 12] =
                    [1, 1, 1, 4, 5, 2, 0, 0x41, 0x2000, 0x10, 0xffff, 0x8_0001];
                let len = u64::from(entropy.one_in(40));
                match MASKS[entropy.below(12) as usize] {
                    // Data for a socket wakes a poll for PRI too (`sock_def_readable`), and is
                    // reported as urgent data although it is not. The fake kernel does not do this.
                    2 if matches!(self.kind, FileKind::Socket | FileKind::Peer) => {
                        Memory::Numbers(1, len)
                    }
                    mask => Memory::Numbers(mask, len),
                }
            }
            _ => Memory::Numbers(entropy.one_in(20).into(), entropy.one_in(20).into()),
        }
    }
}

fn offset(entropy: &mut Entropy, write: bool) -> i64 {
    match entropy.below(24) {
        0 => -1 - i64::from(entropy.below(9000)),
        1 => i64::MIN,
        2 => i64::MAX,
        // Reads only: a write at this offset would make a very large file.
        3 if !write => i64::MAX - i64::from(entropy.below(9000)),
        4..=12 => 0,
        _ => entropy.below(2 * SPAN).into(),
    }
}

fn rw_flags(entropy: &mut Entropy) -> u32 {
    match entropy.below(16) {
        0 => 1 << entropy.below(9),
        1 => entropy.below(0x200),
        2 => 1 << entropy.below(32),
        3 => 0x10,
        4 => 0x8,
        _ => 0,
    }
}
