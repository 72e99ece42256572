//! The adapter for tokio: whole messages, owned, through `tokio_util`'s `Framed`.
//!
//! Convenience costs what the rest of the crate avoids: an allocation a message, and a message held
//! in memory until it is whole. The limits bound both.

extern crate std;

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use core::error::Error;
use core::fmt::{self, Debug, Display, Formatter};
use core::mem;

use bytes::{Buf, Bytes, BytesMut};
use tokio_util::codec;

use crate::{
    Close, CloseCode, Decoder, EncodeError, Event, Kind, Limits, Piece, ProtocolError, Role,
    encode_binary, encode_close, encode_ping, encode_pong, encode_text,
};

/// A whole message, or a control frame, that owns its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Bytes),
    /// A ping, which the receiver answers with [`Pong`](Self::Pong) and the same payload.
    Ping(Bytes),
    /// The answer to a ping.
    Pong(Bytes),
    /// A close, with or without a code and a reason, which the receiver answers with a close.
    Close(Option<(CloseCode, String)>),
}

/// Turns a byte stream into [`Message`]s and back, after the opening handshake.
///
/// ```no_run
/// use futures_util::{SinkExt, StreamExt};
/// use tokio_util::codec::Framed;
/// use ws_frame::{Limits, Message, MessageCodec};
///
/// # async fn echo(stream: tokio::net::TcpStream) -> Result<(), ws_frame::CodecError> {
/// let mut socket = Framed::new(stream, MessageCodec::server(Limits::default()));
/// while let Some(message) = socket.next().await {
///     match message? {
///         Message::Ping(payload) => socket.send(Message::Pong(payload)).await?,
///         Message::Pong(_) => {}
///         Message::Close(close) => return socket.send(Message::Close(close)).await,
///         message => socket.send(message).await?,
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct MessageCodec {
    decoder: Decoder,
    limits: Limits,
    /// What has arrived of the open message.
    message: BytesMut,
    /// Where a client's mask keys come from; a server has none.
    mask_keys: Option<Box<dyn FnMut() -> [u8; 4] + Send>>,
}

impl MessageCodec {
    /// The server's side: takes masked frames, sends plain ones.
    pub fn server(limits: Limits) -> Self {
        Self::new(Role::Server, limits, None)
    }

    /// The client's side: takes plain frames, sends each masked by the next of `mask_keys`.
    ///
    /// Take the keys from a strong source of randomness ([RFC 6455 §5.3]).
    ///
    /// [RFC 6455 §5.3]: https://www.rfc-editor.org/rfc/rfc6455#section-5.3
    pub fn client(limits: Limits, mask_keys: impl FnMut() -> [u8; 4] + Send + 'static) -> Self {
        Self::new(Role::Client, limits, Some(Box::new(mask_keys)))
    }

    fn new(
        role: Role,
        limits: Limits,
        mask_keys: Option<Box<dyn FnMut() -> [u8; 4] + Send>>,
    ) -> Self {
        Self { decoder: Decoder::new(role), limits, message: BytesMut::new(), mask_keys }
    }

    /// Adds a piece of the open message, which it gives back once that is whole.
    fn join(&mut self, piece: Piece<'_>) -> Result<Option<Message>, ProtocolError> {
        self.message.extend_from_slice(piece.payload);
        if !piece.part.ends() {
            return Ok(None);
        }
        let message = mem::take(&mut self.message).freeze();
        Ok(Some(match piece.kind {
            Kind::Binary => Message::Binary(message),
            Kind::Text => match String::from_utf8(message.into()) {
                Ok(text) => Message::Text(text),
                Err(_) => return Err(ProtocolError::TextNotUtf8),
            },
        }))
    }
}

impl codec::Decoder for MessageCodec {
    type Item = Message;
    type Error = CodecError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Message>, CodecError> {
        loop {
            let arrived = source.len();
            let mut input = &mut source[..];
            let Some(event) = self.decoder.decode(&mut input, &self.limits)? else {
                return Ok(None);
            };
            let message = match event {
                Event::Text(text) => Some(Message::Text(text.to_owned())),
                Event::Binary(payload) => Some(Message::Binary(Bytes::copy_from_slice(payload))),
                Event::Piece(piece) => self.join(piece)?,
                Event::Ping(payload) => Some(Message::Ping(Bytes::copy_from_slice(payload))),
                Event::Pong(payload) => Some(Message::Pong(Bytes::copy_from_slice(payload))),
                Event::Close(close) => Some(Message::Close(
                    close.map(|Close { code, reason }| (code, reason.to_owned())),
                )),
            };
            let left = input.len();
            source.advance(arrived.saturating_sub(left));
            if message.is_some() {
                return Ok(message);
            }
        }
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> Result<Option<Message>, CodecError> {
        let message = self.decode(source)?;
        if message.is_none() && !(source.is_empty() && self.decoder.is_between_messages()) {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
        Ok(message)
    }
}

impl codec::Encoder<Message> for MessageCodec {
    type Error = CodecError;

    fn encode(&mut self, message: Message, output: &mut BytesMut) -> Result<(), CodecError> {
        let mask_key = self.mask_keys.as_mut().map(|next| next());
        match message {
            Message::Text(text) => encode_text(&text, mask_key, output),
            Message::Binary(payload) => encode_binary(&payload, mask_key, output),
            Message::Ping(payload) => encode_ping(&payload, mask_key, output)?,
            Message::Pong(payload) => encode_pong(&payload, mask_key, output)?,
            Message::Close(close) => {
                let close = close.as_ref().map(|(code, reason)| Close { code: *code, reason });
                encode_close(close, mask_key, output)?;
            }
        }
        Ok(())
    }
}

impl Debug for MessageCodec {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageCodec")
            .field("decoder", &self.decoder)
            .field("limits", &self.limits)
            .field("message_bytes", &self.message.len())
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
