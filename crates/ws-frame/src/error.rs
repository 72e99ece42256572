//! Errors, split by their cause: the peer, or the caller.
//!
//! The peer's errors end the connection and know the close code to answer with.

use core::error::Error;
use core::fmt::{self, Display, Formatter};

use crate::CloseCode;

/// The peer broke [RFC 6455](https://www.rfc-editor.org/rfc/rfc6455), or passed a limit.
///
/// After any of these the connection is over: answer with [`close_code`](Self::close_code), hang up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A reserved bit is set, and no extension was agreed on that would give it a meaning.
    ReservedBits,
    /// The opcode has no meaning.
    UnknownOpcode(u8),
    /// A ping, pong or close does not end in its first frame.
    ControlFragmented,
    /// A ping, pong or close is longer than 125 bytes.
    ControlTooLong,
    /// A client's frame is not masked.
    Unmasked,
    /// A server's frame is masked.
    Masked,
    /// A length is spelled longer than it needs.
    LengthNotMinimal,
    /// A length is 2^63 bytes or more.
    LengthTooLarge,
    /// A frame continues a message, but none was begun.
    ContinuationWithoutStart,
    /// A frame begins a message before the last one has ended.
    MessageInsideMessage,
    /// The frames of a message declare, or inflate to, more than
    /// [`message_bytes_max`](crate::Limits).
    MessageTooLong,
    /// A message comes in more than [`fragments_max`](crate::Limits) frames.
    TooManyFragments,
    /// A compressed message is not valid, or ends too early. Only with the feature `deflate`.
    CompressionInvalid,
    /// A text is not UTF-8, or ends inside a code point.
    TextNotUtf8,
    /// A close has a payload of one byte, where its code takes two.
    ClosePayloadOneByte,
    /// A close carries a code that must not travel.
    IllegalCloseCode(u16),
    /// The reason of a close is not UTF-8.
    CloseReasonNotUtf8,
    /// Bytes came after a close frame, or after another of these errors.
    AfterClose,
}

impl ProtocolError {
    /// The code for the close frame that answers this error ([RFC 6455 §7.4.1]).
    ///
    /// [RFC 6455 §7.4.1]: https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::MessageTooLong | Self::TooManyFragments => CloseCode::MESSAGE_TOO_BIG,
            Self::CompressionInvalid | Self::TextNotUtf8 | Self::CloseReasonNotUtf8 => {
                CloseCode::INVALID_PAYLOAD
            }
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }
}

impl Display for ProtocolError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReservedBits => "reserved bit set without an extension",
            Self::UnknownOpcode(opcode) => return write!(f, "unknown opcode {opcode:#x}"),
            Self::ControlFragmented => "fragmented control frame",
            Self::ControlTooLong => "control frame longer than 125 bytes",
            Self::Unmasked => "unmasked frame from a client",
            Self::Masked => "masked frame from a server",
            Self::LengthNotMinimal => "length not in its shortest form",
            Self::LengthTooLarge => "length of 2^63 bytes or more",
            Self::ContinuationWithoutStart => "continuation of no message",
            Self::MessageInsideMessage => "new message inside a fragmented one",
            Self::MessageTooLong => "message too long",
            Self::TooManyFragments => "message in too many fragments",
            Self::CompressionInvalid => "compressed message is damaged",
            Self::TextNotUtf8 => "text is not UTF-8",
            Self::ClosePayloadOneByte => "close payload of one byte",
            Self::IllegalCloseCode(code) => return write!(f, "illegal close code {code}"),
            Self::CloseReasonNotUtf8 => "close reason is not UTF-8",
            Self::AfterClose => "bytes after the close",
        })
    }
}

impl Error for ProtocolError {}

/// The caller asked for a frame that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// A ping or pong of more than 125 bytes, or a close reason of more than 123.
    ControlTooLong,
}

impl Display for EncodeError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::ControlTooLong => f.write_str("control frame longer than 125 bytes"),
        }
    }
}

impl Error for EncodeError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn each_error_of_the_peer_says_what_was_wrong_and_how_to_answer() {
        for (error, words, close_code) in [
            (ProtocolError::ReservedBits, "reserved bit set without an extension", 1002),
            (ProtocolError::UnknownOpcode(0xB), "unknown opcode 0xb", 1002),
            (ProtocolError::ControlFragmented, "fragmented control frame", 1002),
            (ProtocolError::ControlTooLong, "control frame longer than 125 bytes", 1002),
            (ProtocolError::Unmasked, "unmasked frame from a client", 1002),
            (ProtocolError::Masked, "masked frame from a server", 1002),
            (ProtocolError::LengthNotMinimal, "length not in its shortest form", 1002),
            (ProtocolError::LengthTooLarge, "length of 2^63 bytes or more", 1002),
            (ProtocolError::ContinuationWithoutStart, "continuation of no message", 1002),
            (ProtocolError::MessageInsideMessage, "new message inside a fragmented one", 1002),
            (ProtocolError::MessageTooLong, "message too long", 1009),
            (ProtocolError::TooManyFragments, "message in too many fragments", 1009),
            (ProtocolError::TextNotUtf8, "text is not UTF-8", 1007),
            (ProtocolError::ClosePayloadOneByte, "close payload of one byte", 1002),
            (ProtocolError::IllegalCloseCode(1006), "illegal close code 1006", 1002),
            (ProtocolError::CloseReasonNotUtf8, "close reason is not UTF-8", 1007),
            (ProtocolError::CompressionInvalid, "compressed message is damaged", 1007),
            (ProtocolError::AfterClose, "bytes after the close", 1002),
        ] {
            assert_eq!(error.to_string(), words);
            assert_eq!(error.close_code().number(), close_code, "{words}");
        }
    }

    #[test]
    fn the_error_of_the_caller_says_what_was_too_long() {
        let error = EncodeError::ControlTooLong;
        assert_eq!(error.to_string(), "control frame longer than 125 bytes");
    }
}
