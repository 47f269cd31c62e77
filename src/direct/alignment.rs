//! [`Alignment`]: what the numbers of a direct transfer are multiples of.

use super::Blocks;
use crate::types::cast;

/// What the memory address, the offset and the length of a direct transfer must be multiples of.
///
/// The numbers are powers of two, up to 2^31 bytes. [`of`](Self::of) finds them out for an open
/// file.
///
/// ```
/// use linux_aio::direct::Alignment;
///
/// let sectors = Alignment::new(512, 4096).unwrap();
/// assert_eq!(sectors.align_down(10_000), 8192);
/// assert_eq!(sectors.align_up(10_000), Some(12_288));
/// assert!(sectors.is_aligned(8192) && !sectors.is_aligned(512));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alignment {
    memory: PowerOfTwo,
    offset: PowerOfTwo,
    read_offset: PowerOfTwo,
}

impl Alignment {
    /// Memory, offset and length are multiples of 4096 bytes: sufficient for almost every file
    /// system and device, for programs that do not want to ask.
    ///
    /// ```
    /// # use linux_aio::direct::Alignment;
    /// # let file = tempfile::tempfile()?;
    /// let alignment = Alignment::of(&file).unwrap_or(Alignment::PAGE);
    /// # let _ = alignment;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub const PAGE: Self = {
        let page = PowerOfTwo { exponent: 12 };
        Self { memory: page, offset: page, read_offset: page }
    };

    /// Makes an alignment: `memory` for addresses, `offset` for offsets and lengths, in bytes.
    /// Returns `None` if one is not a power of two.
    ///
    /// ```
    /// # use linux_aio::direct::Alignment;
    /// let sectors = Alignment::new(4, 512).unwrap();
    /// assert_eq!((sectors.memory(), sectors.offset()), (4, 512));
    /// assert_eq!(Alignment::new(512, 1000), None);
    /// ```
    #[must_use]
    pub const fn new(memory: u32, offset: u32) -> Option<Self> {
        match (PowerOfTwo::new(memory), PowerOfTwo::new(offset)) {
            (Some(memory), Some(offset)) => Some(Self { memory, offset, read_offset: offset }),
            _ => None,
        }
    }

    /// Returns what the address of the memory must be a multiple of, in bytes.
    ///
    /// A [`PageBuf`](crate::PageBuf) begins at a multiple of the page size, which is a multiple of
    /// this number on all file systems and devices known. In vectored transfers, the address *and
    /// the length* of each piece must be a multiple; the sum of the lengths, of
    /// [`offset`](Self::offset).
    ///
    /// ```
    /// # use linux_aio::{PageBuf, direct::Alignment};
    /// # let file = tempfile::tempfile()?;
    /// let alignment = Alignment::of(&file)?;
    /// assert!(PageBuf::new(4096)?.as_ptr().addr().is_multiple_of(alignment.memory()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub const fn memory(self) -> usize {
        self.memory.get()
    }

    /// Returns what the offset in the file and the length must be multiples of, in bytes.
    ///
    /// This is also the alignment for
    /// [`into_rest_aligned`](crate::Completion::into_rest_aligned), and a good unit for the lengths
    /// of buffers:
    ///
    /// ```
    /// # use linux_aio::{PageBuf, direct::Alignment};
    /// # let file = tempfile::tempfile()?;
    /// let buf = PageBuf::new(16 * Alignment::of(&file)?.offset())?;
    /// # drop(buf);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub const fn offset(self) -> usize {
        self.offset.get()
    }

    /// Returns the alignment of reads, which may be smaller than that of writes.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use linux_aio::direct::Alignment;
    /// # let file = tempfile::tempfile()?;
    /// let alignment = Alignment::of(&file)?;
    /// assert!(alignment.for_reads().offset() <= alignment.offset());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Kernel
    ///
    /// `STATX_DIO_READ_ALIGN`; since Linux 6.14. Before, it is the same alignment.
    #[must_use]
    pub const fn for_reads(self) -> Self {
        Self { offset: self.read_offset, ..self }
    }

    /// Sets the alignment of the offsets and lengths of reads.
    pub(super) const fn with_read_offset(self, read_offset: u32) -> Self {
        match PowerOfTwo::new(read_offset) {
            Some(read_offset) => Self { read_offset, ..self },
            None => self,
        }
    }

    /// Returns the largest multiple of [`offset`](Self::offset) that is not larger than `bytes`, an
    /// offset or a length.
    ///
    /// ```
    /// # use linux_aio::direct::Alignment;
    /// assert_eq!(Alignment::PAGE.align_down(4095), 0);
    /// assert_eq!(Alignment::PAGE.align_down(4096), 4096);
    /// ```
    #[must_use]
    pub const fn align_down(self, bytes: u64) -> u64 {
        bytes & !self.offset.mask()
    }

    /// Returns the smallest multiple of [`offset`](Self::offset) that is not smaller than `bytes`,
    /// an offset or a length. Returns `None` if it is larger than `u64::MAX`.
    ///
    /// ```
    /// # use linux_aio::direct::Alignment;
    /// assert_eq!(Alignment::PAGE.align_up(4095), Some(4096));
    /// assert_eq!(Alignment::PAGE.align_up(4096), Some(4096));
    /// assert_eq!(Alignment::PAGE.align_up(u64::MAX), None);
    /// ```
    #[must_use]
    pub const fn align_up(self, bytes: u64) -> Option<u64> {
        match bytes.checked_add(self.offset.mask()) {
            Some(beyond) => Some(self.align_down(beyond)),
            None => None,
        }
    }

    /// Does the same as [`align_up`](Self::align_up), for the length of a buffer.
    ///
    /// ```
    /// # use linux_aio::direct::Alignment;
    /// use linux_aio::PageBuf;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let record = b"a record";
    /// let padded = Alignment::PAGE.align_up_len(record.len()).ok_or("too large")?;
    /// let mut block = PageBuf::new(padded)?;
    /// block[..record.len()].copy_from_slice(record);
    /// assert_eq!(block.len(), 4096);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn align_up_len(self, bytes: usize) -> Option<usize> {
        match self.align_up(cast::to_u64(bytes)) {
            Some(up) => Some(cast::from_u64(up)),
            None => None,
        }
    }

    /// Returns whether `bytes`, an offset or a length, is a multiple of [`offset`](Self::offset).
    ///
    /// ```
    /// # use linux_aio::direct::Alignment;
    /// assert!(Alignment::PAGE.is_aligned(0) && !Alignment::PAGE.is_aligned(512));
    /// ```
    #[must_use]
    pub const fn is_aligned(self, bytes: u64) -> bool {
        bytes & self.offset.mask() == 0
    }

    /// Returns whether `memory` can be transferred from or to `offset` in the file: whether its
    /// address, its length and `offset` are aligned.
    ///
    /// ```
    /// # use linux_aio::{PageBuf, direct::Alignment};
    /// let block = PageBuf::new(8192)?;
    /// assert!(Alignment::PAGE.suits(&block, 4096));
    /// assert!(!Alignment::PAGE.suits(&block[1..4097], 0)); // the address
    /// assert!(!Alignment::PAGE.suits(&block[..100], 0)); // the length
    /// assert!(!Alignment::PAGE.suits(&block, 100)); // the offset
    /// # Ok::<(), linux_aio::Errno>(())
    /// ```
    #[must_use]
    pub fn suits(self, memory: &[u8], offset: u64) -> bool {
        let address = cast::to_u64(memory.as_ptr().addr());
        let len = cast::to_u64(memory.len());
        address & self.memory.mask() == 0 && self.is_aligned(len | offset)
    }

    /// Returns the whole blocks that contain `len` bytes from `offset` on, for any offset and
    /// length. Returns `None` if they end beyond `u64::MAX`.
    ///
    /// ```
    /// use linux_aio::{Context, PageBuf, Request, direct::{Alignment, OpenDirect}};
    /// use std::{fs::File, io};
    ///
    /// # fn main() -> io::Result<()> {
    /// # let path = tempfile::NamedTempFile::new()?.into_temp_path();
    /// # let content: Vec<u8> = (0..=255).cycle().take(20_000).collect();
    /// # std::fs::write(&path, &content)?;
    /// let file = File::options().read(true).open_direct(&path)?;
    /// let blocks = Alignment::of(&file)?.for_reads().blocks(5_000, 100).ok_or(io::ErrorKind::InvalidInput)?;
    /// let mut cx = Context::<PageBuf, ()>::new(1)?;
    /// cx.submit_one(Request::read(&file, PageBuf::new(blocks.len)?, blocks.offset))?;
    /// for done in cx.wait_all(None)? {
    ///     // `None` if the file ends before.
    ///     let part = done.transferred().get(blocks.part.clone()).ok_or(io::ErrorKind::UnexpectedEof)?;
    ///     assert_eq!(part, &content[5_000..5_100]);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn blocks(self, offset: u64, len: usize) -> Option<Blocks> {
        Blocks::containing(self, offset, len)
    }
}

/// A power of two that fits in a `u32`.
///
/// # Invariants
///
/// The exponent is at most 31.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct PowerOfTwo {
    exponent: u8,
}

impl PowerOfTwo {
    const fn new(number: u32) -> Option<Self> {
        if !number.is_power_of_two() {
            return None;
        }
        // At most 31, so the first byte is the number.
        let [exponent, ..] = number.trailing_zeros().to_le_bytes();
        Some(Self { exponent })
    }

    const fn get(self) -> usize {
        1 << self.exponent
    }

    /// Returns the bits that are 0 in each multiple of the number.
    const fn mask(self) -> u64 {
        (1 << self.exponent) - 1
    }
}

impl core::fmt::Debug for PowerOfTwo {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.get().fmt(f)
    }
}
