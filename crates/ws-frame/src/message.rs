//! The way nearly all messages take: one frame, all there, not compressed.
//!
//! Apart from the decoder because it needs none of its state. Whatever is anything else, a broken
//! rule included, is left untouched for the decoder to look at again, at leisure.

use crate::length::MASK_BIT;
use crate::{Event, Kind, Limits, Mask, PayloadLen, ProtocolError, Role};

/// What the header of such a message says.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    kind: Kind,
    mask: Mask,
    len: PayloadLen,
    header_bytes: usize,
}

impl Head {
    /// Reads the header at the front of `input`, where a frame begins and no message is open.
    #[inline]
    pub(crate) fn read(input: &[u8], role: Role, limits: &Limits) -> Option<Self> {
        let (first, from_len) = input.split_first()?;
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
            Role::Server => {
                // Both ends at once: that is one comparison.
                let key = from_len.get(len_bytes..len_bytes + 4)?;
                (Mask::new(*key.first_chunk()?), 5 + len_bytes)
            }
        };
        Some(Self { kind, mask, len, header_bytes })
    }

    /// Takes the message off the front of `input`, or `None` if not all of it is there.
    ///
    /// # Errors
    ///
    /// It is a text that is not UTF-8.
    #[inline]
    pub(crate) fn take<'a>(
        self,
        input: &mut &'a mut [u8],
    ) -> Option<Result<Event<'a>, ProtocolError>> {
        let payload = self.len.take_payload(input, self.header_bytes)?;
        Some(self.mask.apply_to_whole(self.kind, payload))
    }

    /// The payload's length in bytes.
    pub(crate) const fn payload_bytes(&self) -> u64 {
        self.len.bytes()
    }
}

/// The first byte of a frame that is a whole text: final, nothing reserved, opcode 1.
const WHOLE_TEXT: u8 = 0x81;
/// The same of a binary message, opcode 2.
const WHOLE_BINARY: u8 = 0x82;
