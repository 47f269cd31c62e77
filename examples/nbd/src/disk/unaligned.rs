//! Writes that begin or end within a sector, and which writes have to wait for others.

use super::{Disk, Done, Op, OpId, Stage, lost, overlap};
use crate::{
    blocks::Block,
    queue::{Queue, Tag},
};
use linux_aio::{Errno, Request};
use std::{io, ops::Range, rc::Rc};

impl Disk {
    /// A sector at the edge of an unaligned write was read: adds what the client does not write.
    pub(super) fn edge_was_read(
        &mut self,
        queue: &mut Queue,
        id: OpId,
        scratch: Option<Block>,
        result: Result<usize, Errno>,
    ) -> io::Result<Option<Done>> {
        let Some(op) = self.ops.get_mut(id) else { return Ok(None) };
        let align = usize::try_from(self.export.geometry.align).unwrap_or(4096);
        let scratch = scratch.ok_or_else(lost)?;
        let short = result.is_ok_and(|bytes| bytes < align);
        if let Some(errno) = result.err().or(short.then_some(Errno::EIO)) {
            self.scratch = Some(scratch);
            let block = op.block.take();
            return self.end(queue, id, block, Err(errno));
        }
        let one_sector = op.span.end - op.span.start <= u64::from(self.export.geometry.align);
        let block = op.block.as_deref_mut().unwrap_or_default();
        if op.stage == Stage::Head {
            copy(block, &scratch, 0..op.bytes.start, 0);
        }
        let end = op.bytes.end;
        if end % align != 0 && (op.stage == Stage::Tail || one_sector) {
            let sector = end - end % align;
            copy(block, &scratch, end..sector + align, sector);
        }
        let more = op.stage == Stage::Head && !one_sector && op.bytes.end % align != 0;
        if more {
            op.stage = Stage::Tail;
            self.read_edge(queue, id, scratch)?;
        } else {
            self.scratch = Some(scratch);
            self.transfer(queue, id)?;
        }
        Ok(None)
    }

    /// Starts a write: by reading a sector, if it is unaligned.
    pub(super) fn start(&mut self, queue: &mut Queue, id: OpId) -> io::Result<()> {
        let Some(op) = self.ops.get_mut(id) else { return Ok(()) };
        if !op.is_unaligned() {
            return self.transfer(queue, id);
        }
        op.stage = if op.bytes.start > 0 { Stage::Head } else { Stage::Tail };
        let scratch = self.scratch.take().ok_or_else(lost)?;
        self.read_edge(queue, id, scratch)
    }

    fn read_edge(&mut self, queue: &mut Queue, id: OpId, scratch: Block) -> io::Result<()> {
        let Some(op) = self.ops.get(id) else { return Ok(()) };
        let align = self.export.geometry.align;
        let at = match op.stage {
            Stage::Tail => op.span.end - u64::from(align),
            _ => op.span.start,
        };
        let request = Request::read(Rc::clone(&self.export.file), Some(scratch), at);
        queue.push(request.tag(Tag::Disk(id)).range(..usize::try_from(align).unwrap_or(4096))?)?;
        Ok(())
    }

    /// Whether a write conflicts neither with those in progress nor with the last `before` that wait.
    pub(super) fn may_start(&self, id: OpId, before: usize) -> bool {
        let Some(op) = self.ops.get(id) else { return false };
        if op.is_unaligned() && self.scratch.is_none() {
            return false;
        }
        let conflicts = |other: &Op| {
            other.write.is_some()
                && overlap(&op.span, &other.span)
                && (op.is_unaligned() || other.is_unaligned())
        };
        let in_progress = |(_, other): (OpId, &Op)| other.stage != Stage::Held && conflicts(other);
        let waits = |&other: &OpId| self.ops.get(other).is_some_and(conflicts);
        !self.ops.iter().any(in_progress) && !self.held.iter().rev().take(before).any(waits)
    }
}

/// Copies a range of `to` from the sector that begins at `sector` in it.
fn copy(to: &mut [u8], from: &[u8], range: Range<usize>, sector: usize) {
    let source = from.get(range.start - sector..range.end - sector);
    if let (Some(to), Some(from)) = (to.get_mut(range), source) {
        to.copy_from_slice(from);
    }
}
