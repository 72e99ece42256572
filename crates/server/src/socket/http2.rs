//! A stream of an HTTP/2 connection, as one more socket: its flow control takes the place of a kernel's buffer.
//!
//! What a stream takes is sent by the task of its connection, which all streams of the connection wake. Until then the
//! bytes count as that connection's ([`Http2Meter`]). A stream takes as much as its client's windows allow, and never
//! more than [`STREAM_BYTES_MAX`]; so a client that does not read one stream leaves that one behind, and no other.

use super::Socket;
use bytes::{Buf, Bytes};
use h2::{FlowControl, RecvStream, SendStream};
use std::{
    any::Any,
    cell::{Cell, RefCell},
    collections::BTreeMap,
    io::{self, ErrorKind, IoSlice},
    net::IpAddr,
    rc::Rc,
    task::{Context, Poll, ready},
};

/// What all streams of one connection hold in memory together, and how often their client has ended one early; cloning
/// gives another handle.
#[derive(Clone)]
pub(crate) struct Http2Meter(Rc<Counts>);

struct Counts {
    unsent_bytes: Cell<usize>,
    /// Held while something is unsent: the server waits for it before it ends.
    unsent: RefCell<Option<Box<dyn Any>>>,
    hold_server: HoldServer,
    /// Where the client, or a proxy before it, is.
    peer: Option<IpAddr>,
    head_bytes: Cell<usize>,
    resets: Cell<u32>,
    taken: Cell<u32>,
    received: Cell<u64>,
    /// By what each stream that still receives knows how much of that nobody has read.
    receivers: RefCell<BTreeMap<u64, FlowControl>>,
}

/// Makes what keeps the server from ending.
pub(crate) type HoldServer = Rc<dyn Fn() -> Box<dyn Any>>;

/// The head of a request in memory; dropped, it is counted no more.
pub(crate) struct HeadBytes {
    bytes: usize,
    meter: Http2Meter,
}

impl Http2Meter {
    pub(crate) fn new(hold_server: HoldServer, peer: Option<IpAddr>) -> Self {
        Self(Rc::new(Counts {
            unsent_bytes: Cell::new(0),
            unsent: RefCell::new(None),
            hold_server,
            peer,
            head_bytes: Cell::new(0),
            resets: Cell::new(0),
            taken: Cell::new(0),
            received: Cell::new(0),
            receivers: RefCell::default(),
        }))
    }

    /// Counts the head of a request.
    pub(crate) fn hold_head(&self, bytes: usize) -> HeadBytes {
        self.0.head_bytes.set(self.0.head_bytes.get() + bytes);
        HeadBytes { bytes, meter: self.clone() }
    }

    /// Bytes of all heads in memory.
    pub(crate) fn head_bytes(&self) -> usize {
        self.0.head_bytes.get()
    }

    /// Bytes that streams took and that are still to be sent.
    pub(crate) fn unsent_bytes(&self) -> usize {
        self.0.unsent_bytes.get()
    }

    /// Bytes that have come on streams and that nobody has read.
    pub(crate) fn unread_bytes(&self) -> usize {
        self.0.receivers.borrow().values().map(FlowControl::used_capacity).sum()
    }

    /// The client has ended a stream before its end.
    pub(crate) fn note_reset(&self) {
        self.0.resets.set(self.0.resets.get().saturating_add(1));
    }

    /// How often that happened since this was asked.
    pub(crate) fn take_resets(&self) -> u32 {
        self.0.resets.take()
    }

    /// Streams that are connections of their own now.
    pub(crate) fn taken(&self) -> u32 {
        self.0.taken.get()
    }

    fn set_unsent(&self, bytes: usize) {
        let before = self.0.unsent_bytes.replace(bytes);
        if (before == 0) != (bytes == 0) {
            let held = (bytes > 0).then(|| (self.0.hold_server)());
            drop(self.0.unsent.replace(held));
        }
    }
}

impl Drop for HeadBytes {
    fn drop(&mut self) {
        let head_bytes = &self.meter.0.head_bytes;
        head_bytes.set(head_bytes.get().saturating_sub(self.bytes));
    }
}

/// Bytes on their way to a client, which count as unsent until they are with TCP.
pub(crate) struct Piece {
    bytes: Bytes,
    meter: Http2Meter,
}

impl Piece {
    pub(crate) fn new(bytes: Bytes, meter: &Http2Meter) -> Self {
        meter.set_unsent(meter.unsent_bytes() + bytes.len());
        Self { bytes, meter: meter.clone() }
    }

    /// The first `count` bytes, or all; the others stay.
    pub(crate) fn split_to(&mut self, count: usize) -> Self {
        let bytes = self.bytes.split_to(count.min(self.bytes.len()));
        Self { bytes, meter: self.meter.clone() }
    }

    fn note_sent(&self, count: usize) {
        self.meter.set_unsent(self.meter.unsent_bytes().saturating_sub(count));
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.note_sent(count);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.note_sent(self.bytes.len());
    }
}

/// What a client sends on a stream. Its window opens by what is read.
pub(crate) struct Http2Receiver {
    stream: RecvStream,
    meter: Http2Meter,
    /// Its place among the meter's.
    number: u64,
}

impl Http2Receiver {
    pub(crate) fn new(mut stream: RecvStream, meter: &Http2Meter) -> Self {
        let number = meter.0.received.get();
        meter.0.received.set(number + 1);
        let mut receivers = meter.0.receivers.borrow_mut();
        receivers.insert(number, stream.flow_control().clone());
        drop(receivers);
        Self { stream, meter: meter.clone(), number }
    }

    /// Whether everything was read.
    pub(crate) fn has_ended(&self) -> bool {
        self.stream.is_end_stream()
    }

    /// The next bytes; none after the last. Trailers are dropped: h2 holds them until they are read, and counts them nowhere.
    pub(crate) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, h2::Error>>> {
        let next = ready!(self.stream.poll_data(context));
        match &next {
            Some(Ok(bytes)) => {
                // It fails where the stream is over, which needs no window.
                let _ = self.stream.flow_control().release_capacity(bytes.len());
            }
            Some(Err(_)) => {}
            // After the last bytes they have come, or never do.
            None => drop(self.stream.poll_trailers(context)),
        }
        Poll::Ready(next)
    }

    /// Reads all that is to come, and drops it.
    pub(crate) fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Some(Ok(_)) = ready!(self.poll_next(context)) {}
        Poll::Ready(())
    }
}

impl Drop for Http2Receiver {
    fn drop(&mut self) {
        self.meter.0.receivers.borrow_mut().remove(&self.number);
    }
}

/// The stream of a subscriber.
pub(crate) struct Http2Stream {
    send: SendStream<Piece>,
    input: Input,
    meter: Http2Meter,
    has_ended_sending: bool,
}

/// What comes from the client of a stream.
pub(crate) enum Input {
    /// Frames of a WebSocket, and of those the bytes for which the last reader had no room.
    Frames(Http2Receiver, Bytes),
    /// The rest of a body that nobody reads. `None` once the client has sent all.
    Unread(Option<Http2Receiver>),
}

impl Http2Stream {
    /// Of a stream whose answer has begun.
    pub(crate) fn new(send: SendStream<Piece>, input: Input, meter: Http2Meter) -> Self {
        meter.0.taken.set(meter.taken().saturating_add(1));
        Self { send, input, meter, has_ended_sending: false }
    }
}

/// Before its handle of h2 goes, which wakes the connection.
impl Drop for Http2Stream {
    fn drop(&mut self) {
        self.meter.0.taken.set(self.meter.taken().saturating_sub(1));
    }
}

/// Ready with how many bytes `send` takes now, at least one, if `wanted` are to be sent.
///
/// # Errors
///
/// The stream is over.
pub(crate) fn poll_room(
    send: &mut SendStream<Piece>,
    wanted: usize,
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    send.reserve_capacity(wanted.min(STREAM_BYTES_MAX));
    match send.capacity() {
        0 => match ready!(send.poll_capacity(context)) {
            Some(Ok(room)) => Poll::Ready(Ok(room)),
            Some(Err(error)) => Poll::Ready(Err(io::Error::other(error))),
            None => Poll::Ready(Err(ErrorKind::BrokenPipe.into())),
        },
        room => Poll::Ready(Ok(room)),
    }
}

impl Socket for Http2Stream {
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let (receiver, rest) = match &mut self.input {
            Input::Frames(receiver, rest) => (receiver, rest),
            Input::Unread(unread) => {
                if unread.as_mut().is_some_and(|rest| rest.poll_discard(context).is_ready()) {
                    *unread = None;
                }
                // All that matters of the client of an event stream is that it ends the stream.
                let _ = ready!(self.send.poll_reset(context));
                self.meter.note_reset();
                return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
            }
        };
        while rest.is_empty() {
            match ready!(receiver.poll_next(context)) {
                Some(Ok(bytes)) => *rest = bytes,
                Some(Err(error)) => {
                    self.meter.note_reset();
                    return Poll::Ready(Err(io::Error::other(error)));
                }
                None => return Poll::Ready(Ok(0)),
            }
        }
        let count = rest.len().min(buffer.len());
        rest.split_to(count).copy_to_slice(buffer.get_mut(..count).unwrap_or_default());
        Poll::Ready(Ok(count))
    }

    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = slices.iter().map(|slice| slice.len()).sum::<usize>().min(STREAM_BYTES_MAX);
        let room = ready!(poll_room(&mut self.send, len, context))?;
        let (mut bytes, mut left) = (Vec::with_capacity(len.min(room)), len.min(room));
        for slice in slices {
            let piece = slice.get(..left).unwrap_or(slice);
            bytes.extend_from_slice(piece);
            left -= piece.len();
        }
        let count = bytes.len();
        let piece = Piece::new(bytes.into(), &self.meter);
        self.send.send_data(piece, false).map_err(io::Error::other)?;
        // The connection's window is for all of its streams: none keeps a part that it does not use.
        self.send.reserve_capacity(0);
        Poll::Ready(Ok(count))
    }

    fn poll_writable(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // An error is for the write to find.
        poll_room(&mut self.send, STREAM_BYTES_MAX, context).map(drop)
    }

    fn peer_address(&self) -> Option<IpAddr> {
        Some(self.meter.0.peer?.to_canonical())
    }

    fn end_sending(&mut self) {
        if !self.has_ended_sending {
            self.has_ended_sending = true;
            // It fails where the client has ended the stream.
            let _ = self.send.send_data(Piece::new(Bytes::new(), &self.meter), true);
        }
    }
}

/// Bytes that a stream takes before they are with TCP: one gather.
pub(crate) const STREAM_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests;
