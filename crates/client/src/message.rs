//! A message whose payload has been read as a type of the program.

use crate::SubscribeError;
use serde::de::DeserializeOwned;
use std::{fmt, ops::Deref};
use tidewire_protocol::Message as RawMessage;

/// A message with its payload as a `T`. Its channel, position, key and the rest are those of the [raw](Self::raw) message,
/// to which it dereferences.
#[derive(Clone, Debug)]
pub struct Message<T> {
    /// The payload. A removal in a compacted channel has none: read it as an `Option`.
    pub data: T,
    /// The message as it came.
    pub raw: RawMessage,
}

/// What a message is turned into for a subscriber: itself, or a [`Message<T>`].
pub trait FromRaw: Sized {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// The payload has another shape.
    fn from_raw(raw: RawMessage) -> Result<Self, SubscribeError>;
}

impl FromRaw for RawMessage {
    fn from_raw(raw: RawMessage) -> Result<Self, SubscribeError> {
        Ok(raw)
    }
}

impl<T> Deref for Message<T> {
    type Target = RawMessage;

    fn deref(&self) -> &RawMessage {
        &self.raw
    }
}

impl<T> fmt::Display for Message<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.raw, formatter)
    }
}

impl<T: DeserializeOwned> FromRaw for Message<T> {
    fn from_raw(raw: RawMessage) -> Result<Self, SubscribeError> {
        match raw.json() {
            Ok(data) => Ok(Self { data, raw }),
            Err(error) => Err(SubscribeError::undecodable(raw, &error)),
        }
    }
}
