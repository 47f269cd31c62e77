//! Output, to standard output and standard error.

use core::fmt;
use rustix::{
    fd::BorrowedFd,
    io::{Errno, retry_on_intr},
    stdio,
};

/// Standard output.
#[must_use]
pub fn stdout() -> BorrowedFd<'static> {
    // SAFETY: the program does not close it. If it was never open, writing to it fails.
    unsafe { stdio::stdout() }
}

/// Standard error.
#[must_use]
pub fn stderr() -> BorrowedFd<'static> {
    // SAFETY: as for `stdout`.
    unsafe { stdio::stderr() }
}

/// Writes all bytes.
///
/// # Errors
///
/// The errno of `write(2)`; `EIO` if it wrote nothing.
pub fn write(to: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        let written = retry_on_intr(|| rustix::io::write(to, bytes))?;
        bytes = bytes.get(written..).filter(|_| written > 0).ok_or(Errno::IO)?;
    }
    Ok(())
}

/// A line of output. Unless it is very long, it is written in one piece, because the kernel may write to the
/// same console.
///
/// `write!` works with it, and makes the program some kilobytes larger. [`text`](Self::text) and
/// [`number`](Self::number) do not.
#[derive(Debug)]
pub struct Line<'fd> {
    to: BorrowedFd<'fd>,
    bytes: [u8; 256],
    len: usize,
}

impl<'fd> Line<'fd> {
    /// An empty line.
    #[must_use]
    pub fn new(to: BorrowedFd<'fd>) -> Self {
        Self { to, bytes: [0; 256], len: 0 }
    }

    /// Adds bytes as they are.
    #[inline(never)]
    pub fn text(&mut self, text: &[u8]) -> &mut Self {
        text.iter().for_each(|&byte| self.byte(byte));
        self
    }

    /// Adds a number, in decimal.
    pub fn number(&mut self, number: u64) -> &mut Self {
        let mut power = 1;
        while number / power > 9 {
            power *= 10;
        }
        while power > 0 {
            let [digit, ..] = (number / power % 10).to_le_bytes();
            self.byte(b'0' + digit);
            power /= 10;
        }
        self
    }

    /// Adds an error: its name, what it means, and its number.
    pub fn errno(&mut self, errno: linux_aio::Errno) -> &mut Self {
        if let (Some(name), Some(message)) = (errno.name(), errno.message()) {
            self.text(name.as_bytes()).text(b": ").text(message.as_bytes()).text(b" ");
        }
        self.text(b"(os error ").number(errno.raw().unsigned_abs().into()).text(b")")
    }

    /// Ends the line and writes it. An error is ignored: there is no other place to report it.
    pub fn end(&mut self) {
        self.byte(b'\n');
        self.flush();
    }

    fn byte(&mut self, byte: u8) {
        if self.len == self.bytes.len() {
            self.flush();
        }
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    fn flush(&mut self) {
        let _written = write(self.to, self.bytes.get(..self.len).unwrap_or_default());
        self.len = 0;
    }
}

impl fmt::Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text(text.as_bytes());
        Ok(())
    }
}
