//! The decoder: bytes in, events out, unmasked where they lie and borrowed from there.
//!
//! A message that is one frame and whole in the buffer touches no state. Only one cut by the end of
//! the buffer, or by the sender into fragments, leaves a trace between calls.

use crate::header::{COMPRESSED_BIT, Header, Opcode};
use crate::message::Head;
use crate::utf8::Utf8;
use crate::{Close, Event, Kind, Limits, Mask, Part, PayloadLen, Piece, ProtocolError, Role};

/// One direction of a connection, from the first byte after the opening handshake.
///
/// Call [`decode`](Self::decode) until it wants more, keep what it left of the buffer (at most
/// [`UNFINISHED_BYTES_MAX`] bytes) in front of what arrives next, and call again.
///
/// ```text
///               first frame                 payload ends
/// ┌─────────┐ ─────────────▶ ┌─────────┐ ─────────────────▶ ┌────────────┐
/// │ Between │                │ Payload │                    │ Fragmented │
/// └─────────┘ ◀───────────── └─────────┘ ◀───────────────── └────────────┘
///               final payload ends          continuation
/// ```
///
/// A payload that is all there is passed through in one call; a whole message never leaves
/// `Between`. Pings and pongs fit in wherever a frame may begin. A close and every error lead to
/// `Closed`.
#[derive(Debug)]
pub struct Decoder {
    /// What the headers of the open message declared; 0 between messages, else ≥ `payload_left`.
    message_bytes: u64,
    /// How much of the current frame's payload is still to come.
    payload_left: u64,
    /// The frames of the open message so far; 0 between messages.
    fragments: u32,
    /// The mask of the current frame.
    mask: Mask,
    /// The end of the open message, if that is a text; whole between messages.
    utf8: Utf8,
    role: Role,
    compression: Compression,
    state: State,
}

/// Whether a message may be compressed, and whether the open one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    /// Nothing was agreed on.
    Refused,
    /// Any message may be.
    Allowed,
    /// The open message is.
    Open,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No message is open.
    Between,
    /// A frame's header has been consumed, its payload not all.
    Payload { kind: Kind, fin: bool },
    /// A frame has ended, its message has not.
    Fragmented { kind: Kind },
    /// Nothing is accepted any more.
    Closed,
}

/// The most that [`Decoder::decode`] leaves for later: a control frame that lacks its last byte.
///
/// Control frames are handed out whole. Other frames give what they have, and leave at most a
/// header, unless [`whole_bytes_max`](Limits::whole_bytes_max) is more than nothing.
pub const UNFINISHED_BYTES_MAX: usize = 2 + 4 + 125 - 1;

impl Decoder {
    /// The decoder of what this role receives.
    pub const fn new(role: Role) -> Self {
        Self {
            message_bytes: 0,
            payload_left: 0,
            fragments: 0,
            mask: Mask::new([0; 4]),
            utf8: Utf8::new(),
            role,
            compression: Compression::Refused,
            state: State::Between,
        }
    }

    /// The same decoder, taking compressed messages too, as `permessage-deflate` has them.
    ///
    /// Say so once the handshake has agreed on it ([RFC 7692 §6]). Such a message is handed out in
    /// pieces marked [`compressed`](Piece::compressed), the way it came: still compressed, and a
    /// text not yet checked. [`Limits`] hold for it as it is on the wire.
    ///
    /// [RFC 7692 §6]: https://www.rfc-editor.org/rfc/rfc7692#section-6
    #[must_use]
    pub const fn allow_compressed(self) -> Self {
        Self { compression: Compression::Allowed, ..self }
    }

    /// Whether what was decoded so far leaves no message open: a stream that ends elsewhere has been
    /// cut. True after a close.
    pub const fn is_between_messages(&self) -> bool {
        matches!(self.state, State::Between | State::Closed)
    }

    /// How much of the current frame's payload is still to come, once its header has been consumed.
    #[cfg(feature = "bytes")]
    pub(crate) const fn payload_left(&self) -> u64 {
        self.payload_left
    }

    /// Takes the next event off the front of `input`, or `None` when that takes more bytes.
    ///
    /// What is consumed is split off `input` and unmasked in place; what is left is untouched, and
    /// must be the front of `input` when more has arrived.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol or passed a limit. The bytes of `input` mean nothing then, and
    /// the decoder refuses all that follow.
    ///
    /// # Example
    ///
    /// ```
    /// # use ws_frame::{Decoder, Event, Limits, Role};
    /// let mut decoder = Decoder::new(Role::Client);
    /// let mut buffer = *b"\x81\x02hi\x81\x05he";
    /// let mut input = &mut buffer[..];
    /// let event = decoder.decode(&mut input, &Limits::default())?;
    /// assert_eq!(event, Some(Event::Text("hi")));
    /// assert_eq!(input, b"\x81\x05he");
    /// # Ok::<(), ws_frame::ProtocolError>(())
    /// ```
    #[inline]
    pub fn decode<'a>(
        &mut self,
        input: &mut &'a mut [u8],
        limits: &Limits,
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        if self.state == State::Between
            && let Some(head) = Head::read(input, self.role, limits)
        {
            match head.take(input) {
                Some(Ok(event)) => return Ok(Some(event)),
                Some(Err(error)) => {
                    self.state = State::Closed;
                    return Err(error);
                }
                None if head.payload_bytes() > limits.whole_bytes_max => {}
                None => return Ok(None),
            }
        }
        self.decode_other(input, limits)
    }

    /// Takes a message off the front of `input` if it is the whole of one frame, and all there: returns its
    /// kind, where its payload begins and where it ends. Whatever else it is, is for
    /// [`decode`](Self::decode).
    ///
    /// Apart from that because the adapters receive nearly everything this way, and owned.
    ///
    /// # Errors
    ///
    /// It is a text that is not UTF-8.
    #[cfg(feature = "bytes")]
    #[inline]
    pub(crate) fn decode_whole(
        &mut self,
        mut input: &mut [u8],
        limits: &Limits,
    ) -> Option<Result<(Kind, usize, usize), ProtocolError>> {
        if self.state != State::Between {
            return None;
        }
        let arrived = input.len();
        let event = Head::read(input, self.role, limits)?.take(&mut input)?;
        let end = arrived.saturating_sub(input.len());
        Some(match event {
            Ok(Event::Text(text)) => Ok((Kind::Text, end.saturating_sub(text.len()), end)),
            Ok(Event::Binary(bytes)) => Ok((Kind::Binary, end.saturating_sub(bytes.len()), end)),
            Ok(_) => return None,
            Err(error) => {
                self.state = State::Closed;
                Err(error)
            }
        })
    }

    /// Takes what is not a whole message, or not one of which everything has arrived.
    fn decode_other<'a>(
        &mut self,
        input: &mut &'a mut [u8],
        limits: &Limits,
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        if input.is_empty() {
            return Ok(None);
        }
        let event = match self.state {
            State::Between | State::Fragmented { .. } => self.frame(input, limits),
            State::Payload { kind, fin } => self.piece(kind, fin, input).map(Some),
            State::Closed => Err(ProtocolError::AfterClose),
        };
        if event.is_err() {
            self.state = State::Closed;
        }
        self.check();
        event
    }

    /// Takes the event at the beginning of a frame.
    fn frame<'a>(
        &mut self,
        input: &mut &'a mut [u8],
        limits: &Limits,
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        let may_compress = self.compression == Compression::Allowed && self.state == State::Between;
        let reserved_bits = if may_compress { COMPRESSED_BIT } else { 0 };
        let Some((header, header_bytes)) = Header::decode(input, self.role, reserved_bits)? else {
            return Ok(None);
        };
        let kind = match (header.opcode, self.state) {
            (Opcode::Text, State::Between) => Kind::Text,
            (Opcode::Binary, State::Between) => Kind::Binary,
            (Opcode::Continuation, State::Fragmented { kind }) => kind,
            (Opcode::Continuation, _) => return Err(ProtocolError::ContinuationWithoutStart),
            (Opcode::Text | Opcode::Binary, _) => return Err(ProtocolError::MessageInsideMessage),
            (Opcode::Close | Opcode::Ping | Opcode::Pong, _) => {
                return self.control(header, header_bytes, input);
            }
        };

        let message_bytes = self.message_bytes.saturating_add(header.len.bytes());
        if message_bytes > limits.message_bytes_max {
            return Err(ProtocolError::MessageTooLong);
        }
        if self.fragments >= limits.fragments_max.max(1) {
            return Err(ProtocolError::TooManyFragments);
        }

        // A header is not consumed alone: with its payload it may yet make a whole message.
        let arrived = PayloadLen::of(input.get(header_bytes..).unwrap_or_default());
        let awaited = header.len.bytes().saturating_sub(arrived.bytes());
        let small = header.fin && header.len.bytes() <= limits.whole_bytes_max;
        if awaited > 0 && (arrived.bytes() == 0 || small && self.state == State::Between) {
            return Ok(None);
        }
        let _head = input.split_off_mut(..header_bytes);
        self.message_bytes = message_bytes;
        self.payload_left = header.len.bytes();
        self.fragments = self.fragments.saturating_add(1);
        self.mask = Mask::new(header.mask_key.unwrap_or_default());
        if header.compressed {
            self.compression = Compression::Open;
        }
        self.piece(kind, header.fin, input).map(Some)
    }

    /// Takes what has arrived of the current payload.
    fn piece<'a>(
        &mut self,
        kind: Kind,
        fin: bool,
        input: &mut &'a mut [u8],
    ) -> Result<Event<'a>, ProtocolError> {
        let begins = self.fragments == 1 && self.payload_left == self.message_bytes;
        let len = usize::try_from(self.payload_left).unwrap_or(usize::MAX).min(input.len());
        let payload = input.split_off_mut(..len).unwrap_or_default();
        let compressed = self.compression == Compression::Open;
        if kind == Kind::Text && !compressed {
            self.mask.apply_to_text(payload, &mut self.utf8)?;
        } else {
            self.mask.apply(payload);
        }

        self.payload_left = self.payload_left.saturating_sub(PayloadLen::of(payload).bytes());
        let ends = fin && self.payload_left == 0;
        self.state = match self.payload_left {
            0 if fin => State::Between,
            0 => State::Fragmented { kind },
            _ => State::Payload { kind, fin },
        };
        if ends {
            if !self.utf8.is_whole() {
                return Err(ProtocolError::TextNotUtf8);
            }
            self.message_bytes = 0;
            self.fragments = 0;
            if compressed {
                self.compression = Compression::Allowed;
            }
        }
        let part = match (begins, ends) {
            (true, true) => Part::Whole,
            (true, false) => Part::First,
            (false, false) => Part::Middle,
            (false, true) => Part::Last,
        };
        Ok(Event::Piece(Piece { kind, part, compressed, payload }))
    }

    /// Takes a control frame, once all of it is there.
    fn control<'a>(
        &mut self,
        header: Header,
        header_bytes: usize,
        input: &mut &'a mut [u8],
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        let Some(payload) = header.len.take_payload(input, header_bytes) else { return Ok(None) };
        Mask::new(header.mask_key.unwrap_or_default()).apply(payload);
        Ok(Some(match header.opcode {
            Opcode::Ping => Event::Ping(payload),
            Opcode::Pong => Event::Pong(payload),
            _ => {
                self.state = State::Closed;
                Event::Close(Close::decode(payload)?)
            }
        }))
    }

    /// Asserts what the fields promise each other.
    fn check(&self) {
        debug_assert!(self.payload_left <= self.message_bytes);
        match self.state {
            State::Between => {
                debug_assert!(self.message_bytes == 0 && self.fragments == 0);
                debug_assert!(self.utf8.is_whole() && self.compression != Compression::Open);
            }
            State::Payload { .. } => debug_assert!(self.payload_left > 0 && self.fragments > 0),
            State::Fragmented { .. } => {
                debug_assert!(self.payload_left == 0 && self.fragments > 0);
            }
            State::Closed => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_fits_in_32_bytes() {
        assert!(size_of::<Decoder>() <= 32, "{}", size_of::<Decoder>());
    }

    #[test]
    fn the_longest_it_leaves_is_a_masked_control_frame_less_a_byte() {
        assert_eq!(UNFINISHED_BYTES_MAX, 130);
    }
}
