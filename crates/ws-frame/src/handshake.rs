//! The headers of the opening handshake ([RFC 6455 §4]); the HTTP around them is the caller's.
//!
//! [RFC 6455 §4]: https://www.rfc-editor.org/rfc/rfc6455#section-4

mod headers;
mod request;
mod response;

#[cfg(any(feature = "blocking", feature = "tokio"))]
pub(crate) use headers::number;
pub use request::check_request;
pub use response::{Offer, ResponseError, check_response};

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::error::Error;
use core::fmt::{self, Display, Formatter};

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, PAD};
use sha1::{Digest, Sha1};

/// The one version of the protocol: what both say in `Sec-WebSocket-Version`.
pub const VERSION: &str = "13";

/// A `Sec-WebSocket-Key`: 16 bytes in base64, by which the server shows that it speaks WebSocket.
///
/// ```
/// # use ws_frame::HandshakeKey;
/// let key = HandshakeKey::parse("dGhlIHNhbXBsZSBub25jZQ==")?;
/// assert_eq!(key.accept(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// # Ok::<(), ws_frame::HandshakeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeKey(String);

impl HandshakeKey {
    /// A client's key, of 16 bytes that are random and new for each connection.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(BASE64.encode(bytes))
    }

    /// A client's key, of 16 bytes from the operating system.
    ///
    /// # Errors
    ///
    /// It has no randomness to give.
    #[cfg(any(feature = "blocking", feature = "http", feature = "tokio"))]
    pub fn from_os() -> std::io::Result<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self::from_random(bytes))
    }

    /// Reads the key a client sent.
    ///
    /// # Errors
    ///
    /// It is not the base64 of 16 bytes.
    pub fn parse(header: &str) -> Result<Self, HandshakeError> {
        let mut bytes = [0; 16];
        // What is longer does not fit; what is shorter leaves room.
        match BASE64.decode_slice(header, &mut bytes) {
            Ok(16) => Ok(Self(header.to_owned())),
            _ => Err(HandshakeError::KeyInvalid),
        }
    }

    /// The key as a client sends it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The `Sec-WebSocket-Accept` that answers the key, which a client compares with what it got.
    pub fn accept(&self) -> String {
        BASE64.encode(Sha1::new().chain_update(&self.0).chain_update(ACCEPT_GUID).finalize())
    }
}

/// Checks a client's `Sec-WebSocket-Version`.
///
/// # Errors
///
/// It is not [`VERSION`].
pub fn check_version(header: &str) -> Result<(), HandshakeError> {
    if header == VERSION { Ok(()) } else { Err(HandshakeError::VersionUnsupported) }
}

/// Chooses the subprotocol to answer with: the first the client offers that we support.
///
/// `headers` are the values of every `Sec-WebSocket-Protocol` line, each a list divided by commas.
///
/// ```
/// # use ws_frame::choose_subprotocol;
/// let supported = ["chat.v1", "chat.v2"];
/// assert_eq!(choose_subprotocol(["soap, chat.v2", "chat.v1"], &supported), Some("chat.v2"));
/// ```
pub fn choose_subprotocol<'a, 's>(
    headers: impl IntoIterator<Item = &'a str>,
    supported: &[&'s str],
) -> Option<&'s str> {
    let mut offered = headers.into_iter().flat_map(|header| header.split(',').map(str::trim));
    offered.find_map(|offer| supported.iter().copied().find(|supported| *supported == offer))
}

/// A client's request for a WebSocket cannot be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The request's method is not `GET`.
    MethodNotGet,
    /// The request's version of HTTP is not 1.1 or a later 1.x.
    HttpVersionUnsupported,
    /// `Host` is missing.
    HostMissing,
    /// `Upgrade` does not have `websocket` in its list.
    UpgradeMissing,
    /// `Connection` does not have `Upgrade` in its list.
    ConnectionMissing,
    /// The request has two lines of a header that it may have one of.
    Repeated {
        /// The header's name.
        name: &'static str,
    },
    /// `Sec-WebSocket-Key` is not 16 bytes in base64.
    KeyInvalid,
    /// `Sec-WebSocket-Version` is not [`VERSION`].
    VersionUnsupported,
}

impl HandshakeError {
    /// The HTTP status to answer with.
    ///
    /// A 405 says `Allow: GET`. A 426 says `Upgrade: websocket` and `Connection: Upgrade`
    /// ([RFC 9110 §15.5.22]), and names the version to use in a `Sec-WebSocket-Version` of its own
    /// ([RFC 6455 §4.4]).
    ///
    /// [RFC 9110 §15.5.22]: https://www.rfc-editor.org/rfc/rfc9110#section-15.5.22
    /// [RFC 6455 §4.4]: https://www.rfc-editor.org/rfc/rfc6455#section-4.4
    pub const fn status(self) -> u16 {
        match self {
            Self::HostMissing
            | Self::ConnectionMissing
            | Self::Repeated { .. }
            | Self::KeyInvalid => 400,
            Self::MethodNotGet => 405,
            Self::UpgradeMissing | Self::VersionUnsupported => 426,
            Self::HttpVersionUnsupported => 505,
        }
    }
}

impl Display for HandshakeError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MethodNotGet => "the method is not GET",
            Self::HttpVersionUnsupported => "the version of HTTP is not 1.1",
            Self::HostMissing => "Host is missing",
            Self::UpgradeMissing => "Upgrade is not websocket",
            Self::ConnectionMissing => "Connection does not contain Upgrade",
            Self::Repeated { name } => return write!(f, "{name} is given twice"),
            Self::KeyInvalid => "Sec-WebSocket-Key is not 16 bytes in base64",
            Self::VersionUnsupported => "Sec-WebSocket-Version is not 13",
        })
    }
}

impl Error for HandshakeError {}

/// What RFC 6455 §1.3 appends to the key.
const ACCEPT_GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The four bits that 22 characters have over 16 bytes may be anything: some clients choose the
/// characters rather than the bytes, and the answer is made of the characters.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, PAD.with_decode_allow_trailing_bits(true));

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn the_example_of_the_specification_is_answered() {
        let key = HandshakeKey::from_random(*b"the sample nonce");
        assert_eq!(key.as_str(), "dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(key.accept(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(HandshakeKey::parse("dGhlIHNhbXBsZSBub25jZQ=="), Ok(key));
    }

    #[test]
    fn a_key_of_other_than_16_bytes_is_refused() {
        for header in [
            "",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25j",
            "dGhlIHNhbXBsZSBub25jZSE=",
            "dGhlIHNhbXBsZSBub25jZSEh",
            "dGhlIHNhbXBsZSBub25jZSEhIQ==",
            "dGhlIHNhbXBsZSBub25jZQ== ",
            "dGhlIHNhbXBsZSBub2-jZQ==",
            "SGVsbG8sIHdvcmxkIQ==",
        ] {
            assert_eq!(HandshakeKey::parse(header), Err(HandshakeError::KeyInvalid), "{header}");
        }
    }

    #[test]
    fn a_key_of_chosen_characters_is_taken_as_it_is() {
        let key = HandshakeKey::parse("abcdefghijklmnopqrstuv==").unwrap();
        assert_eq!(key.as_str(), "abcdefghijklmnopqrstuv==");
    }

    #[test]
    fn only_version_13_is_spoken() {
        assert_eq!(check_version("13"), Ok(()));
        for header in ["", "8", "12", "13, 8", " 13", "013"] {
            assert_eq!(check_version(header), Err(HandshakeError::VersionUnsupported), "{header}");
        }
    }

    #[test]
    fn each_error_says_what_was_wrong_and_how_to_answer() {
        for (error, words, status) in [
            (HandshakeError::MethodNotGet, "the method is not GET", 405),
            (HandshakeError::HttpVersionUnsupported, "the version of HTTP is not 1.1", 505),
            (HandshakeError::HostMissing, "Host is missing", 400),
            (HandshakeError::UpgradeMissing, "Upgrade is not websocket", 426),
            (HandshakeError::ConnectionMissing, "Connection does not contain Upgrade", 400),
            (HandshakeError::Repeated { name: "Host" }, "Host is given twice", 400),
            (HandshakeError::KeyInvalid, "Sec-WebSocket-Key is not 16 bytes in base64", 400),
            (HandshakeError::VersionUnsupported, "Sec-WebSocket-Version is not 13", 426),
        ] {
            assert_eq!((error.to_string().as_str(), error.status()), (words, status));
        }
    }

    #[test]
    fn the_first_offer_that_is_supported_is_chosen() {
        let supported = ["a.v1", "b.v1"];
        for (headers, chosen) in [
            (&["b.v1, a.v1"][..], Some("b.v1")),
            (&["x", "a.v1 ,b.v1"], Some("a.v1")),
            (&["x,,", " b.v1 "], Some("b.v1")),
            (&["A.V1", "a.v12", ""], None),
            (&[], None),
        ] {
            assert_eq!(choose_subprotocol(headers.iter().copied(), &supported), chosen);
        }
    }
}
