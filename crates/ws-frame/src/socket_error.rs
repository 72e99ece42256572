//! Why a WebSocket on a stream failed, by culprit: the peer, the caller, the world.

extern crate std;

use core::fmt::{self, Display, Formatter};
use std::io;

use crate::{OpenError, ProtocolError, SendError};

/// A WebSocket could not be opened, or cannot go on.
///
/// The text says what failed; [`source`](core::error::Error::source) says why.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The opening handshake failed.
    Open(OpenError),
    /// The peer broke the protocol or passed a limit. It has been sent a close with the
    /// [`close_code`](ProtocolError::close_code).
    Protocol(ProtocolError),
    /// What the caller wanted to send cannot be. Nothing of it was, and the connection goes on.
    Send(SendError),
    /// The stream failed.
    Io(io::Error),
    /// The peer ended the stream without a close: it was cut, or the peer does not keep to the protocol.
    Ended,
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<ProtocolError> for Error {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open(_) => "the WebSocket was not opened",
            Self::Protocol(_) => "the peer broke the WebSocket protocol",
            Self::Send(_) => "the message was not sent",
            Self::Io(_) => "the stream below the WebSocket failed",
            Self::Ended => "the peer ended the connection without closing the WebSocket",
        })
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Open(error) => Some(error),
            Self::Protocol(error) => Some(error),
            Self::Send(error) => Some(error),
            Self::Io(error) => Some(error),
            Self::Ended => None,
        }
    }
}
