//! [`Limits`]: the machine-wide limit on requests, and how many are in use.

use crate::sys;
use core::ffi::CStr;

/// The two numbers that decide whether `io_setup` returns `EAGAIN`, if /proc has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// `fs.aio-nr`: how many requests all contexts were made for.
    pub(crate) in_use: Option<u64>,
    /// `fs.aio-max-nr`: the limit on that number.
    pub(crate) limit: Option<u64>,
}

impl Limits {
    /// Both numbers are unknown.
    pub(crate) const UNKNOWN: Self = Self { in_use: None, limit: None };

    /// Reads the current numbers.
    pub(crate) fn read() -> Self {
        Self { in_use: number(c"/proc/sys/fs/aio-nr"), limit: number(c"/proc/sys/fs/aio-max-nr") }
    }
}

/// Reads a file that contains a number.
fn number(path: &CStr) -> Option<u64> {
    let mut text = [0; 24]; // 20 digits and a line end are the longest
    let len = sys::read_file(path, &mut text).ok()?;
    parse(text.get(..len)?)
}

/// Parses decimal digits, which white space may follow.
fn parse(text: &[u8]) -> Option<u64> {
    let (first, rest) = text.trim_ascii_end().split_first()?;
    rest.iter().try_fold(digit(*first)?, |number: u64, &byte| {
        number.checked_mul(10)?.checked_add(digit(byte)?)
    })
}

/// Returns the value of a decimal digit.
fn digit(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(10).map(u64::from)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn parse_accepts_decimal_numbers_only() {
        assert_eq!(parse(b"65536\n"), Some(65_536));
        assert_eq!(parse(b"0"), Some(0));
        assert_eq!(parse(b"18446744073709551615\n"), Some(u64::MAX));
        for bad in [&b""[..], b"\n", b"12 34\n", b"-1\n", b"18446744073709551616\n", b"\xff"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
