//! The sending side of a connection: messages in, bytes out.
//!
//! Frames are appended to one buffer, whole, so that a frame which is being written never has another
//! one inside it, if a future is dropped.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt::{self, Debug, Display, Formatter};

use bytes::{Buf, BytesMut};

#[cfg(feature = "deflate")]
use crate::deflate::{Deflater, Direction, Level};
use crate::encoder::{Masked, Plain};
use crate::{Close, EncodeError, Encoder, Message, OwnedEvent, ProtocolError};
#[cfg(feature = "deflate")]
use crate::{Kind, Part, Piece};

/// Encodes what one side sends, and keeps it until it is written.
pub(crate) struct Outgoing {
    encoder: AnyEncoder,
    /// What is still to be written.
    output: BytesMut,
    /// Whether something was encoded that the stream may still hold back: it has not been flushed since.
    is_unflushed: bool,
    /// Whether a close is among what was encoded: nothing may follow it.
    is_closed: bool,
    #[cfg(feature = "deflate")]
    compression: Option<Compression>,
}

/// The encoder of either role.
enum AnyEncoder {
    Server(Encoder<Plain>),
    Client(Encoder<Masked<MaskKeys>>),
}

/// Where a client's mask keys come from, of any type.
pub(crate) type MaskKeys = Box<dyn FnMut() -> [u8; 4] + Send>;

/// How this side compresses. The deflater, which is large, is there from the first message on.
#[cfg(feature = "deflate")]
struct Compression {
    direction: Direction,
    level: Level,
    deflater: Option<Deflater>,
    /// The last message, compressed; its room is used again.
    payload: alloc::vec::Vec<u8>,
}

impl Outgoing {
    /// The side that this source of mask keys makes a client.
    pub(crate) fn new(mask_keys: Option<MaskKeys>) -> Self {
        let encoder = match mask_keys {
            None => AnyEncoder::Server(Encoder::server()),
            Some(keys) => AnyEncoder::Client(Encoder::client(keys)),
        };
        Self {
            encoder,
            output: BytesMut::new(),
            is_unflushed: false,
            is_closed: false,
            #[cfg(feature = "deflate")]
            compression: None,
        }
    }

    /// The same, compressing what it sends.
    #[cfg(feature = "deflate")]
    pub(crate) fn deflate(self, direction: Direction, level: Level) -> Self {
        let (deflater, payload) = (None, alloc::vec::Vec::new());
        Self { compression: Some(Compression { direction, level, deflater, payload }), ..self }
    }

    /// Whether the stream has to be flushed, though all may be written.
    #[cfg(feature = "tokio")]
    pub(crate) const fn is_unflushed(&self) -> bool {
        self.is_unflushed
    }

    /// Takes note that the stream has been flushed, after all of the output was written.
    #[cfg(feature = "tokio")]
    pub(crate) const fn handle_flushed(&mut self) {
        self.is_unflushed = false;
    }

    /// What is still to be written.
    pub(crate) fn output(&self) -> &[u8] {
        &self.output
    }

    /// Takes note that the first `bytes` of the output have been written.
    pub(crate) fn handle_written(&mut self, bytes: usize) {
        self.output.advance(bytes.min(self.output.len()));
        // What was advanced over does not count as capacity until it is reclaimed.
        if self.output.is_empty() && self.output.try_reclaim(IDLE_BYTES_MAX.saturating_add(1)) {
            self.output = BytesMut::new();
        }
    }

    /// Encodes a message.
    pub(crate) fn message(&mut self, message: &Message) -> Result<(), SendError> {
        self.begin()?;
        #[cfg(feature = "deflate")]
        if let Some(compression) = &mut self.compression
            && message.as_bytes().len() >= COMPRESSED_BYTES_MIN
        {
            let piece = compression.deflate(message);
            match &mut self.encoder {
                AnyEncoder::Server(encoder) => encoder.piece(piece, &mut self.output),
                AnyEncoder::Client(encoder) => encoder.piece(piece, &mut self.output),
            }
            compression.give_back();
            return Ok(());
        }
        let output = &mut self.output;
        match (&mut self.encoder, message) {
            (AnyEncoder::Server(encoder), Message::Text(text)) => encoder.text(text, output),
            (AnyEncoder::Server(encoder), Message::Binary(bytes)) => encoder.binary(bytes, output),
            (AnyEncoder::Client(encoder), Message::Text(text)) => encoder.text(text, output),
            (AnyEncoder::Client(encoder), Message::Binary(bytes)) => encoder.binary(bytes, output),
        }
        Ok(())
    }

    /// Encodes a ping.
    pub(crate) fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.begin()?;
        let output = &mut self.output;
        match &mut self.encoder {
            AnyEncoder::Server(encoder) => encoder.ping(payload, output)?,
            AnyEncoder::Client(encoder) => encoder.ping(payload, output)?,
        }
        Ok(())
    }

    /// Encodes a pong.
    pub(crate) fn pong(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.begin()?;
        let output = &mut self.output;
        match &mut self.encoder {
            AnyEncoder::Server(encoder) => encoder.pong(payload, output)?,
            AnyEncoder::Client(encoder) => encoder.pong(payload, output)?,
        }
        Ok(())
    }

    /// Encodes a close, unless one has been encoded: then nothing is left to do.
    pub(crate) fn close(&mut self, close: Option<Close<'_>>) -> Result<(), SendError> {
        if self.begin().is_err() {
            return Ok(());
        }
        let output = &mut self.output;
        match &mut self.encoder {
            AnyEncoder::Server(encoder) => encoder.close(close, output)?,
            AnyEncoder::Client(encoder) => encoder.close(close, output)?,
        }
        self.is_closed = true;
        Ok(())
    }

    /// Encodes what the protocol wants to be answered: a pong to a ping, a close to a close.
    pub(crate) fn answer(&mut self, event: &OwnedEvent) {
        // What came in a control frame fits into one, and after a close there is no answer.
        let _ = match event {
            OwnedEvent::Ping(payload) => self.pong(payload),
            OwnedEvent::Close(close) => self.close(close.as_ref().map(|close| close.as_close())),
            OwnedEvent::Message(_) | OwnedEvent::Pong(_) => Ok(()),
        };
    }

    /// Encodes the close that answers an error of the peer's.
    pub(crate) fn refuse(&mut self, error: ProtocolError) {
        let close = Close { code: error.close_code(), reason: "" };
        // A close without a reason fits.
        let _ = self.close(Some(close));
    }

    /// Begins to encode a frame, unless this side has closed.
    const fn begin(&mut self) -> Result<(), SendError> {
        if self.is_closed {
            return Err(SendError::Closed);
        }
        self.is_unflushed = true;
        Ok(())
    }
}

#[cfg(feature = "deflate")]
impl Compression {
    /// The message, compressed.
    fn deflate(&mut self, message: &Message) -> Piece<'_> {
        let (direction, level) = (self.direction, self.level);
        let deflater = self.deflater.get_or_insert_with(|| Deflater::new(direction, level));
        self.payload.clear();
        deflater.deflate(message.as_bytes(), &mut self.payload);
        let kind = match message {
            Message::Text(_) => Kind::Text,
            Message::Binary(_) => Kind::Binary,
        };
        Piece { kind, part: Part::Whole, compressed: true, payload: &self.payload }
    }

    /// Gives the room of a long message back.
    fn give_back(&mut self) {
        if self.payload.capacity() > IDLE_BYTES_MAX {
            self.payload = alloc::vec::Vec::new();
        }
    }
}

impl Debug for Outgoing {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("output_bytes", &self.output.len())
            .field("is_closed", &self.is_closed)
            .finish_non_exhaustive()
    }
}

/// What the caller asked for cannot be sent. Nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// A close has been sent, or the peer's has been answered: nothing may follow it.
    Closed,
    /// No frame can hold it.
    Encode(EncodeError),
}

impl From<EncodeError> for SendError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl Display for SendError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "this side has closed the WebSocket, so nothing can be sent any more",
            Self::Encode(_) => "the frame cannot be sent",
        })
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Closed => None,
            Self::Encode(error) => Some(error),
        }
    }
}

/// What an output that is written keeps for the next frames.
const IDLE_BYTES_MAX: usize = 16 << 10;

/// Shorter messages are sent as they are, which RFC 7692 §6 leaves to each side: little is saved, and
/// a compressor that begins afresh takes some microseconds whatever it is given.
#[cfg(feature = "deflate")]
const COMPRESSED_BYTES_MIN: usize = 16;

#[cfg(all(test, feature = "deflate"))]
mod tests {
    use super::*;

    #[test]
    fn the_room_of_a_long_message_is_given_back() {
        let mut outgoing = Outgoing::new(None).deflate(Direction::default(), Level::FASTEST);
        let mut random = 1_u32;
        let noise: alloc::vec::Vec<u8> = core::iter::repeat_with(|| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            random.to_be_bytes()[0]
        })
        .take(1 << 20)
        .collect();
        outgoing.message(&noise.into()).unwrap();
        outgoing.handle_written(outgoing.output().len());
        let compression = outgoing.compression.as_ref().unwrap();
        assert!(compression.payload.capacity() <= IDLE_BYTES_MAX);
        assert_eq!(outgoing.output.capacity(), 0);
    }
}
