//! [`Remains`]: makes a request from a completion, for the same operation or the rest of a
//! transfer.

use super::{IntoFile, Request, Template, op};
use crate::{
    abi::UIO_MAXIOV,
    buf::IoBuf,
    types::{Opcode, cast},
};

/// The template and the buffer of a request that has completed.
///
/// The program may have exchanged the buffer for another one of the same type, so the methods check
/// everything that invariant 1 of [`Request`] requires.
pub(crate) struct Remains<'b, B> {
    pub(crate) template: Template,
    pub(crate) buf: &'b B,
}

impl<B: IoBuf> Remains<'_, B> {
    /// Returns the template of the same request, or `None` if the buffer does not suit it.
    pub(crate) fn whole(&self) -> Option<Template> {
        self.after(0)
    }

    /// Returns the template of the rest of a transfer, after `done` bytes. Returns `None` if no
    /// bytes are left, if the request is not a transfer, or if the buffer does not suit it.
    ///
    /// The rest begins at an offset in the file that is a multiple of `alignment`, so up to
    /// `alignment - 1` bytes are transferred again. If that is the offset of this request, the
    /// result is `None`, because the new request would make no progress.
    pub(crate) fn rest(&self, done: usize, alignment: usize) -> Option<Template> {
        let Self { template, .. } = self;
        if !template.opcode().is_transfer() || done >= template.max_result() {
            return None;
        }
        let end = template.offset().wrapping_add(cast::to_u64(done));
        let beyond = end.checked_rem(cast::to_u64(alignment)).unwrap_or(0);
        match done.saturating_sub(cast::from_u64(beyond)) {
            0 => None,
            aligned => self.after(aligned),
        }
    }

    /// Returns the template of the request without its first `done` bytes.
    fn after(&self, done: usize) -> Option<Template> {
        let (mut template, opcode) = (self.template, self.template.opcode());
        template.clear_resfd();
        template.clear_unpollable();
        if !self.buf.io_suits(opcode) {
            return None;
        }
        let start = template.buf_offset().checked_add(done);
        match opcode {
            Opcode::Fsync | Opcode::Fdsync | Opcode::Poll => return Some(template),
            Opcode::Pread | Opcode::Pwrite => {
                let end = template.range().end;
                let start = start.filter(|&start| start <= end && end <= self.buf.io_len())?;
                template.set_range(start, end - start);
            }
            Opcode::Preadv | Opcode::Pwritev => {
                let (count, total) = (self.buf.io_len(), total(self.buf));
                let start = start.filter(|&start| start <= total)?;
                // The kernel transfers all pieces: with others there would be another end.
                if count == 0 || count > UIO_MAXIOV || total != template.range().end {
                    return None;
                }
                template.set_rest_of_pieces(start, total, count);
            }
        }
        template.set_offset(template.offset().wrapping_add(cast::to_u64(done)));
        Some(template)
    }
}

/// Returns the number of bytes of a buffer, at most the largest result.
pub(super) fn total<B: IoBuf>(buf: &B) -> usize {
    buf.io_total().min(isize::MAX.cast_unsigned())
}

impl<F, B: IoBuf, T> Request<F, B, T, op::Any> {
    /// Makes a request from a template that [`Remains`] returned for this buffer.
    ///
    /// # Safety
    ///
    /// A method of [`Remains`] returned the template for `buf`, which was not changed since.
    pub(crate) unsafe fn again(
        mut template: Template,
        file: impl IntoFile<Owner = F>,
        buf: B,
        tag: T,
    ) -> Self {
        let (fd, file) = file.into_file();
        template.set_fd(fd);
        // SAFETY: (1) `Remains` has checked that the template fits `buf` (duty of the caller); (2)
        // `file` keeps `fd` open, by the contract of `IntoFile`, and `Remains` has removed the
        // eventfd.
        unsafe { Self::from_raw_parts(template, file, buf, tag) }
    }
}
