//! One side of a WebSocket without a socket: the rules of a connection above its frames.
//!
//! It answers pings, joins fragments, inflates and deflates, and closes as [RFC 6455 §7] wants it.
//! The adapters for `std` and tokio move bytes between this and a stream, and decide nothing.
//!
//! [RFC 6455 §7]: https://www.rfc-editor.org/rfc/rfc6455#section-7

use alloc::boxed::Box;

use bytes::BytesMut;

#[cfg(feature = "deflate")]
use crate::deflate::{Agreement, Level};
use crate::incoming::Incoming;
use crate::outgoing::{MaskKeys, Outgoing};
use crate::{Close, Limits, Masks, Message, OwnedEvent, ProtocolError, Role, SendError};

/// One side of a WebSocket, after the opening handshake: bytes in and events out, messages in and
/// bytes out.
///
/// Append what arrives to [`room`](Self::room), then take events until there is none. Write what
/// is in [`output`](Self::output), which holds answers too, and say how much of it was written.
///
/// ```text
///         a close received             output written
/// ┌──────┐ ──────────▶ ┌──────────┐ ─────────────────▶ ┌────────┐
/// │ Open │             │ answered │                    │ Closed │
/// └──────┘ ──────────▶ └──────────┘ ◀── the peer's ─── └────────┘
///         a close sent    awaited        close
/// ```
///
/// ```
/// # use ws_frame::{Connection, Limits, Message, OwnedEvent};
/// let mut server = Connection::server(Limits::default());
/// server.room().extend_from_slice(b"\x89\x80\0\0\0\0\x81\x82\0\0\0\0hi");
/// while let Some(event) = server.next_event()? {
///     if let OwnedEvent::Message(message) = event {
///         server.send(&message).unwrap();
///     }
/// }
/// assert_eq!(server.output(), b"\x8a\x00\x81\x02hi");
/// # Ok::<(), ws_frame::ProtocolError>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    pub(crate) receiving: Receiving,
    pub(crate) sending: Outgoing,
}

impl Connection {
    /// The server's side.
    pub fn server(limits: Limits) -> Self {
        Self::new(Role::Server, limits, None)
    }

    /// The client's side, with the source of its masks.
    pub fn client(limits: Limits, mut masks: impl Masks + Send + 'static) -> Self {
        Self::new(Role::Client, limits, Some(Box::new(move || masks.next_key())))
    }

    fn new(role: Role, limits: Limits, mask_keys: Option<MaskKeys>) -> Self {
        let incoming = Incoming::new(role);
        let receiving = Receiving {
            role,
            incoming,
            buffer: BytesMut::new(),
            buffer_bytes: READ_BYTES,
            limits,
            is_closed: false,
            failure: None,
        };
        Self { receiving, sending: Outgoing::new(mask_keys) }
    }

    /// The same connection, compressed as the handshake has agreed.
    ///
    /// Messages of less than 16 bytes are sent as they are.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn compress(self, agreement: Agreement, level: Level) -> Self {
        let Self { receiving, sending } = self;
        let (theirs, ours) = match receiving.role {
            Role::Server => (agreement.client(), agreement.server()),
            Role::Client => (agreement.server(), agreement.client()),
        };
        let incoming = receiving.incoming.inflate(theirs);
        Self {
            receiving: Receiving { incoming, ..receiving },
            sending: sending.deflate(ours, level),
        }
    }

    /// The same connection, which has received these bytes together with the handshake.
    #[cfg(any(feature = "blocking", feature = "tokio"))]
    pub(crate) fn with_received(self, buffer: BytesMut) -> Self {
        let Self { receiving, sending } = self;
        Self { receiving: Receiving { buffer, ..receiving }, sending }
    }

    /// Where to append what arrives, with room for a read of some 4 KiB at least. Nothing else may be
    /// changed in it: what is changed or removed becomes part of the message that is arriving, or cuts it.
    /// (A text is UTF-8 nevertheless: one that had arrived in part is checked again.)
    ///
    /// There is more room, the more of a long message has arrived. What a header declares is not
    /// allocated before it arrives: the room at most doubles.
    pub fn room(&mut self) -> &mut BytesMut {
        self.receiving.incoming.handle_lent();
        self.receiving.room()
    }

    /// Takes note that nothing has arrived, and that it may take long until something does: a
    /// connection that waits for a message keeps no buffer for it.
    pub fn handle_idle(&mut self) {
        self.receiving.handle_idle();
    }

    /// Takes the next event that has arrived whole, or `None` when that takes more bytes.
    ///
    /// The answer to a ping or a close is in the output then; answer nothing yourself. After a close or an
    /// error there is no further event.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol or passed a limit. The close that says so is in the output: write
    /// it, and end the stream.
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<OwnedEvent>, ProtocolError> {
        match self.receiving.next_whole() {
            Some(message) => Ok(Some(message.into())),
            None => self.next_other(),
        }
    }

    /// The same, after [`Receiving::next_whole`] has found nothing.
    pub(crate) fn next_other(&mut self) -> Result<Option<OwnedEvent>, ProtocolError> {
        match self.receiving.next_event() {
            Ok(Some(event)) => {
                self.sending.answer(&event);
                Ok(Some(event))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                self.sending.refuse(error);
                Err(error)
            }
        }
    }

    /// Adds a message to the output.
    ///
    /// # Errors
    ///
    /// This side has closed.
    pub fn send(&mut self, message: &Message) -> Result<(), SendError> {
        self.sending.message(message)
    }

    /// Adds a ping to the output.
    ///
    /// # Errors
    ///
    /// This side has closed, or the payload is longer than 125 bytes.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.sending.ping(payload)
    }

    /// Adds a close to the output, unless there was one already. Go on taking events until
    /// [`is_closed`](Self::is_closed): the peer's messages that were under way, and its close.
    ///
    /// # Errors
    ///
    /// The reason is longer than 123 bytes.
    pub fn close(&mut self, close: Option<Close<'_>>) -> Result<(), SendError> {
        self.sending.close(close)
    }

    /// What is to be written.
    pub fn output(&self) -> &[u8] {
        self.sending.output()
    }

    /// Takes note that the first `bytes` of the output have been written.
    pub fn handle_written(&mut self, bytes: usize) {
        self.sending.handle_written(bytes);
    }

    /// Whether nothing more will come: a close has come, or an error. Once the output is written, a
    /// server ends the stream; a client may wait for that ([RFC 6455 §7.1.1]).
    ///
    /// [RFC 6455 §7.1.1]: https://www.rfc-editor.org/rfc/rfc6455#section-7.1.1
    pub const fn is_closed(&self) -> bool {
        self.receiving.is_closed()
    }

    /// Which side this is.
    pub const fn role(&self) -> Role {
        self.receiving.role()
    }
}

/// The receiving half: all that the sending one does not need to know.
#[derive(Debug)]
pub(crate) struct Receiving {
    role: Role,
    incoming: Incoming,
    /// What has arrived, less the events that were taken.
    buffer: BytesMut,
    /// The most that the buffer had to hold at once.
    buffer_bytes: usize,
    limits: Limits,
    is_closed: bool,
    /// An error of [`next_whole`](Self::next_whole), for [`next_event`](Self::next_event) to return.
    failure: Option<ProtocolError>,
}

impl Receiving {
    /// Takes the next event if that is a message which is the whole of one frame: the way of nearly all.
    /// `None` means that [`next_event`](Self::next_event) has to look.
    #[inline]
    pub(crate) fn next_whole(&mut self) -> Option<Message> {
        if self.is_closed {
            return None;
        }
        match self.incoming.decode_whole(&mut self.buffer, &self.limits)? {
            Ok(message) => Some(message),
            Err(error) => {
                self.is_closed = true;
                self.failure = Some(error);
                None
            }
        }
    }

    /// As [`Connection::next_event`], but for the answer.
    #[inline]
    pub(crate) fn next_event(&mut self) -> Result<Option<OwnedEvent>, ProtocolError> {
        if self.is_closed {
            return self.failure.take().map_or(Ok(None), Err);
        }
        let event = self.incoming.decode(&mut self.buffer, &self.limits);
        if matches!(event, Ok(Some(OwnedEvent::Close(_))) | Err(_)) {
            self.is_closed = true;
            self.buffer = BytesMut::new();
        }
        event
    }

    pub(crate) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    pub(crate) const fn role(&self) -> Role {
        self.role
    }

    /// As [`Connection::room`].
    pub(crate) fn room(&mut self) -> &mut BytesMut {
        // What the last messages had room in is used again from its beginning, if they are gone.
        if self.buffer.is_empty() && self.buffer.try_reclaim(self.buffer_bytes) {
            return &mut self.buffer;
        }
        let awaited = usize::try_from(self.incoming.awaited_bytes()).unwrap_or(usize::MAX);
        let wanted = self.buffer.len().min(awaited).max(READ_BYTES_MIN);
        if self.buffer.capacity().saturating_sub(self.buffer.len()) < wanted {
            self.buffer.reserve(wanted.max(READ_BYTES));
        }
        self.buffer_bytes = self.buffer_bytes.max(self.buffer.len().saturating_add(wanted));
        &mut self.buffer
    }

    /// As [`Connection::handle_idle`].
    pub(crate) fn handle_idle(&mut self) {
        if self.buffer.is_empty() && self.buffer.capacity() > 0 {
            self.buffer = BytesMut::new();
        }
    }
}

/// More of what waits to be written makes senders wait, and readers whose peer wants answers.
#[cfg(any(feature = "blocking", feature = "tokio"))]
pub(crate) const OUTPUT_BYTES_MAX: usize = 64 << 10;

/// What is read at once, at most: it is decoded while it is still in the processor's cache.
#[cfg(any(feature = "blocking", feature = "tokio"))]
pub(crate) const READ_BYTES_MAX: usize = 128 << 10;

/// The room of a new buffer: many messages at once.
const READ_BYTES: usize = 16 << 10;
/// Less room than this is not worth a read.
const READ_BYTES_MIN: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn receiving() -> Receiving {
        Connection::server(Limits::default()).receiving
    }

    #[test]
    fn a_connection_that_waits_for_a_message_has_no_buffer() {
        let mut receiving = receiving();
        receiving.room().extend_from_slice(b"\x81\x81\0\0\0\0a\x81");
        assert!(receiving.next_event().unwrap().is_some());
        // What has arrived of the next one stays.
        receiving.handle_idle();
        assert_eq!(receiving.buffer, b"\x81"[..]);
        receiving.room().extend_from_slice(b"\x81\0\0\0\0b");
        assert!(receiving.next_event().unwrap().is_some());
        receiving.handle_idle();
        assert_eq!(receiving.buffer.capacity(), 0);
    }

    #[test]
    fn room_grows_with_what_arrives_and_not_with_what_is_declared() {
        let mut receiving = receiving();
        receiving.room().extend_from_slice(b"\x82\xff\0\0\0\0\0\xff\xff\xff\0\0\0\0abc");
        assert_eq!(receiving.next_event(), Ok(None));
        let mut arrived = 3;
        while arrived < 8 << 20 {
            let room = receiving.room();
            let free = room.capacity() - room.len();
            assert!(free <= 2 * arrived + (16 << 10), "{free} after {arrived}");
            room.resize(room.len() + free, 0);
            arrived += free;
            assert_eq!(receiving.next_event(), Ok(None));
        }
    }
}
