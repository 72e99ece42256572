//! The header of a frame: two to fourteen bytes before its payload ([RFC 6455 §5.2]).
//!
//! What a header alone can prove wrong is refused here; what depends on the frames before it is
//! the decoder's to refuse.
//!
//! [RFC 6455 §5.2]: https://www.rfc-editor.org/rfc/rfc6455#section-5.2

use crate::length::MASK_BIT;
use crate::{Output, PayloadLen, ProtocolError, Role};

/// A frame, less its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// What the frame is.
    pub(crate) opcode: Opcode,
    /// Whether the message ends with this frame.
    pub(crate) fin: bool,
    /// Whether the message that begins here is compressed.
    pub(crate) compressed: bool,
    /// The key of the payload's mask, when it has one.
    pub(crate) mask_key: Option<[u8; 4]>,
    /// The payload's length; for a control frame at most [`CONTROL_BYTES_MAX`].
    pub(crate) len: PayloadLen,
}

impl Header {
    /// Reads the header at the front of `input`, as this role receives it.
    ///
    /// `allowed_bits` are the reserved bits of the first byte that may be set in a data frame.
    ///
    /// Returns the header and the bytes that spelled it, or `None` when `input` ends too early.
    /// The checks come in the order of the bytes they need, so that the error is the same however
    /// the bytes arrive.
    ///
    /// # Errors
    ///
    /// A reserved bit or opcode, a control frame that is fragmented or too long, a mask where
    /// this role takes none or none where it takes one, a length that is no length.
    pub(crate) fn decode(
        input: &[u8],
        role: Role,
        allowed_bits: u8,
    ) -> Result<Option<(Self, usize)>, ProtocolError> {
        let Some((&first, rest)) = input.split_first() else { return Ok(None) };
        let reserved_bits = first & RESERVED_BITS;
        if reserved_bits & !allowed_bits != 0 {
            return Err(ProtocolError::ReservedBits);
        }
        let opcode = Opcode::decode(first & OPCODE_BITS)?;
        if opcode.is_control() && reserved_bits != 0 {
            return Err(ProtocolError::ReservedBits);
        }
        let fin = first & FIN_BIT != 0;
        let compressed = first & COMPRESSED_BIT != 0;
        if opcode.is_control() && !fin {
            return Err(ProtocolError::ControlFragmented);
        }

        let Some(&second) = rest.first() else { return Ok(None) };
        match (role, second & MASK_BIT != 0) {
            (Role::Server, false) => return Err(ProtocolError::Unmasked),
            (Role::Client, true) => return Err(ProtocolError::Masked),
            (Role::Server, true) | (Role::Client, false) => {}
        }
        if opcode.is_control() && second & !MASK_BIT > CONTROL_BYTES_MAX {
            return Err(ProtocolError::ControlTooLong);
        }

        let Some((len, len_bytes)) = PayloadLen::decode(rest)? else { return Ok(None) };
        let (mask_key, header_bytes) = match role {
            Role::Client => (None, 1 + len_bytes),
            Role::Server => {
                let Some(key) = rest.get(len_bytes..).and_then(<[u8]>::first_chunk) else {
                    return Ok(None);
                };
                (Some(*key), 1 + len_bytes + key.len())
            }
        };
        Ok(Some((Self { opcode, fin, compressed, mask_key, len }, header_bytes)))
    }

    /// Appends the header to `output`.
    #[inline]
    pub(crate) fn encode(self, output: &mut impl Output) {
        let fin = if self.fin { FIN_BIT } else { 0 };
        let compressed = if self.compressed { COMPRESSED_BIT } else { 0 };
        output.append(&[fin | compressed | self.opcode.encode()]);
        let second = output.written().len();
        self.len.encode(output);
        if let Some(key) = self.mask_key {
            if let Some(second) = output.written().get_mut(second) {
                *second |= MASK_BIT;
            }
            output.append(&key);
        }
    }
}

/// What a frame is ([RFC 6455 §11.8](https://www.rfc-editor.org/rfc/rfc6455#section-11.8)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    const fn decode(bits: u8) -> Result<Self, ProtocolError> {
        Ok(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            unknown => return Err(ProtocolError::UnknownOpcode(unknown)),
        })
    }

    const fn encode(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }

    const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The longest payload of a control frame ([RFC 6455 §5.5]).
///
/// [RFC 6455 §5.5]: https://www.rfc-editor.org/rfc/rfc6455#section-5.5
pub(crate) const CONTROL_BYTES_MAX: u8 = 125;
/// The longest header: the opcode, a length of nine bytes, the mask's key.
pub(crate) const HEADER_BYTES_MAX: usize = 14;

/// The first reserved bit, to which [RFC 7692 §6] gives this meaning.
///
/// [RFC 7692 §6]: https://www.rfc-editor.org/rfc/rfc7692#section-6
pub(crate) const COMPRESSED_BIT: u8 = 0x40;

const FIN_BIT: u8 = 0x80;
const RESERVED_BITS: u8 = 0x70;
const OPCODE_BITS: u8 = 0x0F;
