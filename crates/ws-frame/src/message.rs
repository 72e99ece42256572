//! The way nearly all messages take: one frame, all there, not compressed.
//!
//! Apart from the decoder because it needs none of its state. Whatever is anything else, a broken
//! rule included, is left untouched for the decoder to look at again, at leisure.

use crate::length::MASK_BIT;
use crate::{Event, Kind, Limits, Mask, PayloadLen, ProtocolError, Role};

/// A message, taken off the input and still masked.
pub(crate) struct Message<'a> {
    kind: Kind,
    mask: Mask,
    payload: &'a mut [u8],
}

impl<'a> Message<'a> {
    /// Takes the message at the front of `input`, where a frame begins and no message is open.
    #[inline]
    pub(crate) fn take(input: &mut &'a mut [u8], role: Role, limits: &Limits) -> Option<Self> {
        let [first, from_len @ ..] = &**input else { return None };
        let kind = match *first {
            WHOLE_TEXT => Kind::Text,
            WHOLE_BINARY => Kind::Binary,
            _ => return None,
        };
        let masked = from_len.first()? & MASK_BIT != 0;
        let (len, len_bytes) = PayloadLen::decode(from_len).ok()??;
        if len.bytes() > limits.message_bytes_max || masked != (role == Role::Server) {
            return None;
        }
        let (mask, header_bytes) = match role {
            Role::Client => (Mask::new([0; 4]), 1 + len_bytes),
            Role::Server => (Mask::new(*from_len.get(len_bytes..)?.first_chunk()?), 5 + len_bytes),
        };
        let payload = len.take_payload(input, header_bytes)?;
        Some(Self { kind, mask, payload })
    }

    /// Unmasks it, and checks it if it is a text.
    ///
    /// # Errors
    ///
    /// The text is not UTF-8.
    #[inline]
    pub(crate) fn read(mut self) -> Result<Event<'a>, ProtocolError> {
        match self.kind {
            Kind::Text => self.mask.apply_to_whole_text(self.payload).map(Event::Text),
            Kind::Binary => {
                self.mask.apply(self.payload);
                Ok(Event::Binary(self.payload))
            }
        }
    }
}

/// The first byte of a frame that is a whole text: final, nothing reserved, opcode 1.
const WHOLE_TEXT: u8 = 0x81;
/// The same of a binary message, opcode 2.
const WHOLE_BINARY: u8 = 0x82;
