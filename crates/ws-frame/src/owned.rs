//! What a connection receives and sends, owned: the messages and the control frames around them.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::{Close, CloseCode, Utf8Bytes};

/// A whole message.
///
/// What was received shares the buffer that it arrived in, so nothing is copied. A message that is
/// kept for long keeps that buffer too, some 16 KiB or more: copy what is small before you keep it,
/// as `Bytes::copy_from_slice` does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// A text.
    Text(Utf8Bytes),
    /// Any bytes.
    Binary(Bytes),
}

impl Message {
    /// The payload, of whichever kind.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Utf8Bytes> for Message {
    fn from(text: Utf8Bytes) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Self {
        Self::Binary(Bytes::copy_from_slice(bytes))
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

/// An [`Event`](crate::Event) that owns its payload, with messages whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OwnedEvent {
    /// A message.
    Message(Message),
    /// A ping, to be answered by a pong with the same payload of at most 125 bytes.
    Ping(Bytes),
    /// A pong, whether or not a ping had asked for it.
    Pong(Bytes),
    /// A close, with or without saying why. Nothing comes after it.
    Close(Option<OwnedClose>),
}

impl<M: Into<Message>> From<M> for OwnedEvent {
    fn from(message: M) -> Self {
        Self::Message(message.into())
    }
}

/// The code and reason of a close, owned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OwnedClose {
    /// Why, for programs.
    pub code: CloseCode,
    /// Why, for people: at most 123 bytes, often none.
    pub reason: Utf8Bytes,
}

impl OwnedClose {
    /// The same, borrowed.
    pub fn as_close(&self) -> Close<'_> {
        Close { code: self.code, reason: &self.reason }
    }
}

impl From<Close<'_>> for OwnedClose {
    fn from(close: Close<'_>) -> Self {
        Self { code: close.code, reason: close.reason.into() }
    }
}

impl From<CloseCode> for OwnedClose {
    fn from(code: CloseCode) -> Self {
        Self { code, reason: Utf8Bytes::default() }
    }
}
