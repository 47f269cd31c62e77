//! [`RequestId`] and [`InFlight`]: identify requests in flight.

use crate::types::Opcode;

/// The id of a request.
///
/// The id does not change when the context moves. It is not reused for the next 2^32 requests of its
/// context. No context that exists at the same time has a request with this id.
///
/// ```
/// use linux_aio::{Context, InFlight, PollEvents, Request, RequestId};
///
/// # fn main() -> std::io::Result<()> {
/// let (socket, _peer) = std::os::unix::net::UnixStream::pair()?;
/// let mut cx = Context::<(), &str>::new(1)?;
/// let id: RequestId = cx.submit_one(Request::poll(&socket).events(PollEvents::IN).tag("a poll"))?;
/// for InFlight { id: found, tag, opcode, .. } in cx.in_flight() {
///     assert_eq!((found, *tag, opcode.name()), (id, "a poll", "poll"));
/// }
/// cx.cancel(id)?;
/// let done = cx.wait_one(None)?.unwrap();
/// assert_eq!(done.info().event().data, id.data());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId {
    /// The serial number of the context, which no other has that exists at the same time.
    pub(crate) serial: u64,
    /// The `aio_data` of the iocb.
    pub(crate) data: u64,
}

impl RequestId {
    /// Returns the value that the event of the request has as
    /// [`IoEvent::data`](crate::abi::IoEvent::data).
    #[must_use]
    pub const fn data(self) -> u64 {
        self.data
    }
}

/// A request in flight, whose completion was not received yet.
#[derive(Debug)]
#[non_exhaustive]
pub struct InFlight<'cx, T> {
    /// The id of the request, for [`cancel`](crate::Context::cancel).
    pub id: RequestId,
    /// The tag of the request.
    pub tag: &'cx T,
    /// The operation of the request.
    pub opcode: Opcode,
}
