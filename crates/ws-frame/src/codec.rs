//! The adapter for tokio's codecs: whole messages, owned, through `tokio_util`'s `Framed`.
//!
//! It reads and writes events and leaves the rules above them to its caller, who answers pings and
//! closes. [`tokio::WebSocket`](crate::tokio) with the feature of that name does so itself.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt::{self, Debug, Display, Formatter};

use bytes::BytesMut;
use tokio_util::codec;

use crate::incoming::Incoming;
use crate::{
    EncodeError, Limits, Masks, Message, OwnedEvent, ProtocolError, Role, encode_binary,
    encode_close, encode_ping, encode_pong, encode_text,
};

/// Turns a byte stream into [`OwnedEvent`]s and back, after the opening handshake.
///
/// ```no_run
/// use futures_util::{SinkExt, StreamExt};
/// use tokio_util::codec::Framed;
/// use ws_frame::{Limits, MessageCodec, OwnedEvent};
///
/// # async fn echo(stream: tokio::net::TcpStream) -> Result<(), ws_frame::CodecError> {
/// let mut socket = Framed::new(stream, MessageCodec::server(Limits::default()));
/// while let Some(event) = socket.next().await {
///     match event? {
///         OwnedEvent::Message(message) => socket.send(message.into()).await?,
///         OwnedEvent::Ping(payload) => socket.send(OwnedEvent::Pong(payload)).await?,
///         OwnedEvent::Pong(_) => {}
///         OwnedEvent::Close(close) => return socket.send(OwnedEvent::Close(close)).await,
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct MessageCodec {
    incoming: Incoming,
    limits: Limits,
    /// Where a client's mask keys come from; a server has none.
    mask_keys: Option<Box<dyn FnMut() -> [u8; 4] + Send>>,
}

impl MessageCodec {
    /// The server's side: takes masked frames, sends plain ones.
    pub fn server(limits: Limits) -> Self {
        Self { incoming: Incoming::new(Role::Server), limits, mask_keys: None }
    }

    /// The client's side: takes plain frames, sends each masked by the next key of `masks`.
    pub fn client(limits: Limits, mut masks: impl Masks + Send + 'static) -> Self {
        let incoming = Incoming::new(Role::Client);
        Self { incoming, limits, mask_keys: Some(Box::new(move || masks.next_key())) }
    }
}

impl codec::Decoder for MessageCodec {
    type Item = OwnedEvent;
    type Error = CodecError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<OwnedEvent>, CodecError> {
        // Between two calls the buffer is the caller's.
        self.incoming.handle_lent();
        Ok(self.incoming.decode(source, &self.limits)?)
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> Result<Option<OwnedEvent>, CodecError> {
        let event = self.decode(source)?;
        if event.is_none() && !(source.is_empty() && self.incoming.is_between_messages()) {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
        Ok(event)
    }
}

impl codec::Encoder<OwnedEvent> for MessageCodec {
    type Error = CodecError;

    fn encode(&mut self, event: OwnedEvent, output: &mut BytesMut) -> Result<(), CodecError> {
        let mask_key = self.mask_keys.as_mut().map(|next| next());
        match event {
            OwnedEvent::Message(Message::Text(text)) => encode_text(&text, mask_key, output),
            OwnedEvent::Message(Message::Binary(payload)) => {
                encode_binary(&payload, mask_key, output);
            }
            OwnedEvent::Ping(payload) => encode_ping(&payload, mask_key, output)?,
            OwnedEvent::Pong(payload) => encode_pong(&payload, mask_key, output)?,
            OwnedEvent::Close(close) => {
                encode_close(close.as_ref().map(|close| close.as_close()), mask_key, output)?;
            }
        }
        Ok(())
    }
}

impl Debug for MessageCodec {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageCodec")
            .field("incoming", &self.incoming)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Why a [`MessageCodec`] stopped.
#[derive(Debug)]
#[non_exhaustive]
pub enum CodecError {
    /// The peer broke the protocol or passed a limit: close with its
    /// [`close_code`](ProtocolError::close_code).
    Protocol(ProtocolError),
    /// The message to send cannot be; nothing of it was sent.
    Encode(EncodeError),
    /// The stream failed, or ended inside a message (`UnexpectedEof`).
    Io(std::io::Error),
}

impl From<ProtocolError> for CodecError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl From<EncodeError> for CodecError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl From<std::io::Error> for CodecError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl Display for CodecError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Protocol(_) => "the peer broke the WebSocket protocol",
            Self::Encode(_) => "the message cannot be sent",
            Self::Io(_) => "the stream failed",
        })
    }
}

impl Error for CodecError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(match self {
            Self::Protocol(error) => error,
            Self::Encode(error) => error,
            Self::Io(error) => error,
        })
    }
}
