//! [`huge_bytes`]: how much of a mapping is in huge pages, as /proc/self/smaps says.

use crate::{sys, types::Errno};
use core::ops::Range;

/// Returns how many bytes of the mappings that overlap these addresses are in huge pages now.
///
/// The kernel counts whole mappings, and may have merged neighbours into one.
///
/// # Errors
///
/// Those of `openat` and `read`.
pub(crate) fn huge_bytes(addresses: Range<usize>) -> Result<usize, Errno> {
    let mut parser = Parser { addresses, inside: false, kib: 0, line: [0; LINE], len: 0 };
    sys::read_pieces(c"/proc/self/smaps", &mut [0; 4096], &mut |piece| parser.feed(piece))?;
    Ok(parser.kib.saturating_mul(1024))
}

/// The part of a line that is kept. The rest of a longer line, which is a path, is ignored.
const LINE: usize = 64;

/// The fields that count huge pages.
const FIELDS: [&[u8]; 3] = [b"AnonHugePages:", b"Private_Hugetlb:", b"Shared_Hugetlb:"];

/// Reads the text in pieces of any length.
struct Parser {
    addresses: Range<usize>,
    /// Whether the lines belong to a mapping that overlaps the addresses.
    inside: bool,
    kib: usize,
    line: [u8; LINE],
    /// The number of bytes of the current line, also of those that were not kept.
    len: usize,
}

impl Parser {
    fn feed(&mut self, piece: &[u8]) {
        for &byte in piece {
            if byte == b'\n' {
                self.end_line();
                self.len = 0;
                continue;
            }
            if let Some(place) = self.line.get_mut(self.len) {
                *place = byte;
            }
            self.len = self.len.saturating_add(1);
        }
    }

    fn end_line(&mut self) {
        let line = self.line.get(..self.len.min(LINE)).unwrap_or_default();
        if let Some(mapping) = header(line) {
            self.inside = mapping.start < self.addresses.end && self.addresses.start < mapping.end;
        } else if self.inside
            && let Some(kib) = huge_kib(line)
        {
            self.kib = self.kib.saturating_add(kib);
        }
    }
}

/// Parses the addresses at the start of the first line of a mapping: `7f0000000000-7f0000001000 `.
fn header(line: &[u8]) -> Option<Range<usize>> {
    let addresses = line.split(|&byte| byte == b' ').next()?;
    let dash = addresses.iter().position(|&byte| byte == b'-')?;
    let (start, end) = addresses.split_at_checked(dash)?;
    Some(number(start, 16)?..number(end.get(1..)?, 16)?)
}

/// Parses a line like `AnonHugePages:      2048 kB`.
fn huge_kib(line: &[u8]) -> Option<usize> {
    let rest = FIELDS.iter().find_map(|field| line.strip_prefix(*field))?;
    number(rest.strip_suffix(b"kB")?.trim_ascii(), 10)
}

fn number(digits: &[u8], radix: u32) -> Option<usize> {
    usize::from_str_radix(core::str::from_utf8(digits).ok()?, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::{LINE, Parser};
    use core::ops::Range;

    const TEXT: &str = "\
555000-556000 r-xp 00000000 fd:00 42 /a-name-which-is-longer-than-what-is-kept-of-it/AnonHugePages:
Size:                  4 kB
AnonHugePages:      4096 kB
7f0000200000-7f0000600000 rw-p 00000000 00:00 0
Rss:                4096 kB
AnonHugePages:      2048 kB
Private_Hugetlb:       0 kB
VmFlags: rd wr mr hg
7f0000600000-7f0000800000 rw-p 00000000 00:00 0
AnonHugePages:         0 kB
Private_Hugetlb:    2048 kB
";

    fn parsed(addresses: Range<usize>, piece: usize) -> usize {
        let mut parser = Parser { addresses, inside: false, kib: 0, line: [0; LINE], len: 0 };
        TEXT.as_bytes().chunks(piece).for_each(|piece| parser.feed(piece));
        parser.kib
    }

    #[test]
    fn huge_pages_of_overlapping_mappings_are_added() {
        for piece in [1, 7, 64, 4096] {
            assert_eq!(parsed(0x7f00_0020_0000..0x7f00_0060_0000, piece), 2048);
            assert_eq!(parsed(0x7f00_005f_f000..0x7f00_0060_1000, piece), 4096);
            assert_eq!(parsed(0x7f00_0080_0000..0x7f00_00a0_0000, piece), 0);
            assert_eq!(parsed(0x55_5000..0x55_6000, piece), 4096);
        }
    }
}
