//! Why a WebSocket was not opened.

use core::error::Error;
use core::fmt::{self, Display, Formatter};

#[cfg(feature = "deflate")]
use crate::deflate::NegotiationError;
use crate::handshake::{HandshakeError, ResponseError};

/// The opening handshake failed: the peer speaks something else, or one side does not want the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// What the peer sent is not the head of a message of HTTP/1.1.
    NotHttp,
    /// The head that the peer sent is longer than 32 KiB.
    HeadTooLong,
    /// The peer ended the stream before its head was whole.
    Ended,
    /// To a server: the client's request is no request for a WebSocket. It was answered with the
    /// error's status.
    Request(HandshakeError),
    /// To a server: its own program refused the request, with this HTTP status.
    Refused {
        /// What the client was answered.
        status: u16,
    },
    /// To a client: the server's answer opens no WebSocket.
    Response(ResponseError),
    /// To a client: the server compresses in another way than was offered.
    #[cfg(feature = "deflate")]
    Negotiation(NegotiationError),
    /// To a client: the address to connect to is none.
    Url(UrlError),
    /// To a client: the address is a `wss`, which needs a stream that speaks TLS.
    TlsNeeded,
    /// To a client: the operating system has no randomness to give.
    NoRandomness,
    /// A header or subprotocol of the [`Options`](crate::Options) has a character that none may have.
    HeaderInvalid,
}

impl From<HandshakeError> for OpenError {
    fn from(error: HandshakeError) -> Self {
        Self::Request(error)
    }
}

impl From<ResponseError> for OpenError {
    fn from(error: ResponseError) -> Self {
        Self::Response(error)
    }
}

#[cfg(feature = "deflate")]
impl From<NegotiationError> for OpenError {
    fn from(error: NegotiationError) -> Self {
        Self::Negotiation(error)
    }
}

impl From<UrlError> for OpenError {
    fn from(error: UrlError) -> Self {
        Self::Url(error)
    }
}

impl Display for OpenError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHttp => "the peer does not speak HTTP/1.1",
            Self::HeadTooLong => "the peer's HTTP headers are longer than 32 KiB",
            Self::Ended => "the peer ended the connection during the opening handshake",
            Self::Request(_) => "the client's request does not ask for a WebSocket",
            Self::Refused { status } => {
                return write!(f, "this server refused the request with status {status}");
            }
            Self::Response(_) => "the server's answer opens no WebSocket",
            #[cfg(feature = "deflate")]
            Self::Negotiation(_) => "the server does not keep to the compression that was offered",
            Self::Url(_) => "the address is not that of a WebSocket, such as ws://example.com/path",
            Self::TlsNeeded => {
                "the address begins with wss: open a TLS stream, and pass that to `client`"
            }
            Self::NoRandomness => "the operating system has no randomness to give",
            Self::HeaderInvalid => "a header or subprotocol has a character that none may have",
        })
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Request(error) => Some(error),
            Self::Response(error) => Some(error),
            #[cfg(feature = "deflate")]
            Self::Negotiation(error) => Some(error),
            Self::Url(error) => Some(error),
            _ => None,
        }
    }
}

/// A text is not the address of a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// It begins with neither `ws://` nor `wss://`.
    Scheme,
    /// The host is missing, or has a bracket that is not closed.
    Host,
    /// The port is not a number up to 65535.
    Port,
    /// It has a user's name or password, which a WebSocket's address has not.
    Credentials,
    /// It has a space, a `#`, or a character beyond ASCII that is not percent-encoded.
    Character,
    /// A query follows the host without a `/` between them.
    PathMissing,
}

impl Display for UrlError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "it begins with neither ws:// nor wss://",
            Self::Host => "its host is missing or malformed",
            Self::Port => "its port is not a number from 0 to 65535",
            Self::Credentials => "it has a user name, which belongs in a header",
            Self::Character => "it has a character that has to be percent-encoded, or a fragment",
            Self::PathMissing => "it has a query without a path: write a / before the ?",
        })
    }
}

impl Error for UrlError {}
