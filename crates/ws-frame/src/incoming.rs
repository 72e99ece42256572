//! The receiving side of a connection: bytes in, owned events out, whole and not copied.
//!
//! The read buffer is a `BytesMut`. A message is unmasked and checked in it, and split off it. Only
//! one that comes in several frames is copied, once, because the headers between its fragments have
//! to go.

use bytes::{Buf, Bytes, BytesMut};
use core::mem;

#[cfg(feature = "deflate")]
use crate::deflate::{Direction, Inflater};
use crate::utf8::check_whole;
use crate::{
    Decoder, Event, Kind, Limits, Message, OwnedEvent, Piece, ProtocolError, Role, Utf8Bytes,
};

/// Decodes owned events out of a `BytesMut` that somebody else fills.
#[derive(Debug)]
pub(crate) struct Incoming {
    decoder: Decoder,
    /// How much at the front of the buffer is decoded already: payload of the open message.
    decoded_bytes: usize,
    /// Whether a caller had the buffer while that lay in it, and so may have written over it.
    was_lent: bool,
    /// What came before that of an open message in several frames.
    fragments: BytesMut,
    #[cfg(feature = "deflate")]
    inflater: Option<Inflater>,
    /// What the open compressed message has inflated to.
    #[cfg(feature = "deflate")]
    inflated: alloc::vec::Vec<u8>,
}

/// What one call of the decoder found, without borrowing from the buffer.
enum Found {
    /// A whole message of that many bytes, at the end of what was taken.
    Whole(Kind, usize),
    /// The next bytes of the open message, and whether they are the last.
    Piece {
        kind: Kind,
        bytes: usize,
        ends: bool,
    },
    /// A compressed piece, which has been inflated elsewhere, and whether it was the last.
    #[cfg(feature = "deflate")]
    Inflated {
        kind: Kind,
        ends: bool,
    },
    Control(OwnedEvent),
}

impl Incoming {
    pub(crate) fn new(role: Role) -> Self {
        Self {
            decoder: Decoder::new(role),
            decoded_bytes: 0,
            was_lent: false,
            fragments: BytesMut::new(),
            #[cfg(feature = "deflate")]
            inflater: None,
            #[cfg(feature = "deflate")]
            inflated: alloc::vec::Vec::new(),
        }
    }

    /// The same, for a peer that may compress what it sends in this direction.
    #[cfg(feature = "deflate")]
    pub(crate) fn inflate(self, direction: Direction) -> Self {
        let inflater = Some(Inflater::new(direction));
        Self { decoder: self.decoder.allow_compressed(), inflater, ..self }
    }

    /// Whether a stream that ends here has not cut a message, as far as this side knows.
    #[cfg(feature = "codec")]
    pub(crate) const fn is_between_messages(&self) -> bool {
        self.decoder.is_between_messages()
    }

    /// How much of the current frame's payload is still to come, if its header has.
    pub(crate) const fn awaited_bytes(&self) -> u64 {
        self.decoder.payload_left()
    }

    /// Takes note that a caller gets hold of the buffer, or has had it.
    pub(crate) const fn handle_lent(&mut self) {
        self.was_lent |= self.decoded_bytes > 0;
    }

    /// Takes a message off the front of `buffer` if it is the whole of one frame, and all there. Whatever
    /// else it is, is for [`decode`](Self::decode).
    ///
    /// # Errors
    ///
    /// It is a text that is not UTF-8.
    #[inline]
    pub(crate) fn decode_whole(
        &mut self,
        buffer: &mut BytesMut,
        limits: &Limits,
    ) -> Option<Result<Message, ProtocolError>> {
        let (kind, start, end) = match self.decoder.decode_whole(buffer, limits)? {
            Ok(found) => found,
            Err(error) => return Some(Err(error)),
        };
        buffer.advance(start);
        let payload = buffer.split_to(end.saturating_sub(start)).freeze();
        Some(Ok(message(kind, payload)))
    }

    /// Takes the next event off the front of `buffer`, or `None` when that takes more bytes.
    ///
    /// What this leaves in `buffer` must stay there, in front of what arrives next.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol or passed a limit. The buffer means nothing after that.
    #[inline]
    pub(crate) fn decode(
        &mut self,
        buffer: &mut BytesMut,
        limits: &Limits,
    ) -> Result<Option<OwnedEvent>, ProtocolError> {
        loop {
            let Some((found, taken)) = self.find(buffer, limits)? else { return Ok(None) };
            match found {
                Found::Whole(kind, bytes) => {
                    buffer.advance(taken.saturating_sub(bytes));
                    return Ok(Some(message(kind, buffer.split_to(bytes).freeze()).into()));
                }
                Found::Control(event) => {
                    self.skip(buffer, taken);
                    return Ok(Some(event));
                }
                Found::Piece { kind, bytes, ends } => {
                    self.join(buffer, taken, bytes);
                    if ends {
                        return Ok(Some(message(kind, self.take_open(kind, buffer)?).into()));
                    }
                }
                #[cfg(feature = "deflate")]
                Found::Inflated { kind, ends } => {
                    self.skip(buffer, taken);
                    if ends {
                        return Ok(Some(
                            message(kind, mem::take(&mut self.inflated).into()).into(),
                        ));
                    }
                }
            }
        }
    }

    /// Decodes the next event where it lies; also returns how many bytes it took.
    #[inline]
    fn find(
        &mut self,
        buffer: &mut BytesMut,
        limits: &Limits,
    ) -> Result<Option<(Found, usize)>, ProtocolError> {
        let mut input = buffer.get_mut(self.decoded_bytes..).unwrap_or_default();
        let arrived = input.len();
        let Some(event) = self.decoder.decode(&mut input, limits)? else { return Ok(None) };
        let taken = arrived.saturating_sub(input.len());
        let found = match event {
            Event::Text(text) => Found::Whole(Kind::Text, text.len()),
            Event::Binary(bytes) => Found::Whole(Kind::Binary, bytes.len()),
            #[cfg(feature = "deflate")]
            Event::Piece(piece @ Piece { kind, compressed: true, .. }) => {
                if let Some(inflater) = &mut self.inflater {
                    inflater.inflate(piece, limits, &mut self.inflated)?;
                }
                Found::Inflated { kind, ends: piece.part.ends() }
            }
            Event::Piece(Piece { kind, part, payload, .. }) => {
                Found::Piece { kind, bytes: payload.len(), ends: part.ends() }
            }
            Event::Ping(payload) => Found::Control(OwnedEvent::Ping(copied(payload))),
            Event::Pong(payload) => Found::Control(OwnedEvent::Pong(copied(payload))),
            Event::Close(close) => Found::Control(OwnedEvent::Close(close.map(Into::into))),
        };
        Ok(Some((found, taken)))
    }

    /// Adds what was taken to the open message: its last `bytes` are payload, a header may precede them.
    fn join(&mut self, buffer: &mut BytesMut, taken: usize, bytes: usize) {
        let header_bytes = taken.saturating_sub(bytes);
        if header_bytes > 0 {
            self.skip(buffer, header_bytes);
        }
        self.decoded_bytes = self.decoded_bytes.saturating_add(bytes);
    }

    /// Removes `bytes` that are no payload, and puts the payload before them among the fragments.
    fn skip(&mut self, buffer: &mut BytesMut, bytes: usize) {
        self.fragments.extend_from_slice(buffer.get(..self.decoded_bytes).unwrap_or_default());
        buffer.advance(self.decoded_bytes.saturating_add(bytes));
        self.decoded_bytes = 0;
    }

    /// Takes the open message, which is whole now.
    ///
    /// # Errors
    ///
    /// It is a text that a caller has changed since it was checked.
    fn take_open(&mut self, kind: Kind, buffer: &mut BytesMut) -> Result<Bytes, ProtocolError> {
        let mut payload = buffer.split_to(mem::take(&mut self.decoded_bytes));
        if !self.fragments.is_empty() {
            self.fragments.extend_from_slice(&payload);
            payload = mem::take(&mut self.fragments);
        }
        if mem::take(&mut self.was_lent) && kind == Kind::Text {
            check_whole(&payload)?;
        }
        Ok(payload.freeze())
    }
}

/// The message that the decoder called one.
#[inline]
#[expect(unsafe_code, reason = "to check a text again takes as long as all the rest")]
fn message(kind: Kind, payload: Bytes) -> Message {
    match kind {
        Kind::Binary => Message::Binary(payload),
        // SAFETY: the decoder returned these bytes as a text that it had checked, in one piece or over
        // all pieces up to the last, or the inflater did. They have not been changed after that: the
        // decoder touches no byte twice, and `take_open` checks again what a caller could write to.
        Kind::Text => Message::Text(unsafe { Utf8Bytes::from_checked(payload) }),
    }
}

/// A control frame's payload: so short that sharing the buffer would take longer.
fn copied(payload: &[u8]) -> Bytes {
    if payload.is_empty() { Bytes::new() } else { Bytes::copy_from_slice(payload) }
}
