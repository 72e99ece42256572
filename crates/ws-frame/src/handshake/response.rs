//! The client's side: whether an answer opens the WebSocket that was asked for ([RFC 6455 §4.1]).
//!
//! [RFC 6455 §4.1]: https://www.rfc-editor.org/rfc/rfc6455#section-4.1

use super::HandshakeKey;
use super::headers::{has_token, items, values};
use core::error::Error;
use core::fmt::{self, Display, Formatter};

/// What a client's request offered beyond the plain protocol; nothing by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offer<'a> {
    /// What it said in `Sec-WebSocket-Protocol`.
    pub subprotocols: &'a [&'a str],
    /// The names in its `Sec-WebSocket-Extensions`, less their parameters: `permessage-deflate`.
    pub extensions: &'a [&'a str],
}

/// Checks all that [RFC 6455 §4.1] has a client ask of the answer to its request; returns the
/// subprotocol that the server chose, if any.
///
/// `headers` are all lines in their order, a name and the bytes behind its colon. Whether no
/// subprotocol will do, and whether an extension's parameters do, the caller has to know.
///
/// ```
/// # use ws_frame::{HandshakeKey, Offer, ResponseError, check_response};
/// let key = HandshakeKey::from_random(*b"the sample nonce");
/// let offer = Offer { subprotocols: &["chat"], ..Offer::default() };
/// let mut headers = [
///     ("Upgrade", &b"websocket"[..]),
///     ("Connection", b"Upgrade"),
///     ("Sec-WebSocket-Accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
///     ("Sec-WebSocket-Protocol", b"chat"),
/// ];
/// assert_eq!(check_response(101, headers, &key, offer)?, Some("chat"));
///
/// headers[3].1 = b"soap";
/// let refused = check_response(101, headers, &key, offer);
/// assert_eq!(refused, Err(ResponseError::SubprotocolNotOffered));
/// # Ok::<(), ResponseError>(())
/// ```
///
/// # Errors
///
/// The first rule that the answer breaks, in the section's order: the connection must not be used.
///
/// [RFC 6455 §4.1]: https://www.rfc-editor.org/rfc/rfc6455#section-4.1
pub fn check_response<'a, 'o>(
    status: u16,
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])> + Clone,
    key: &HandshakeKey,
    offer: Offer<'o>,
) -> Result<Option<&'o str>, ResponseError> {
    // 1. Other statuses have a meaning in HTTP, which is the caller's to follow.
    if status != 101 {
        return Err(ResponseError::NotSwitched { status });
    }
    // 2. The whole value, since a server switches to one protocol.
    let mut upgrades = values(headers.clone(), "Upgrade");
    if !upgrades.next().is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"))
        || upgrades.next().is_some()
    {
        return Err(ResponseError::UpgradeInvalid);
    }
    // 3.
    if !has_token(headers.clone(), "Connection", "Upgrade") {
        return Err(ResponseError::ConnectionInvalid);
    }
    // 4. A peer that answers this has understood the request, and is not a cache.
    let mut accepts = values(headers.clone(), "Sec-WebSocket-Accept");
    if accepts.next() != Some(key.accept().as_bytes()) || accepts.next().is_some() {
        return Err(ResponseError::AcceptInvalid);
    }
    // 5.
    for extension in values(headers.clone(), "Sec-WebSocket-Extensions").flat_map(items) {
        let name = extension.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        if !offer.extensions.iter().any(|offered| offered.as_bytes() == name) {
            return Err(ResponseError::ExtensionNotOffered);
        }
    }
    // 6.
    let mut chosen = values(headers, "Sec-WebSocket-Protocol");
    let Some(first) = chosen.next() else { return Ok(None) };
    let offered = offer.subprotocols.iter().find(|offered| offered.as_bytes() == first);
    match (offered, chosen.next()) {
        (Some(offered), None) => Ok(Some(offered)),
        _ => Err(ResponseError::SubprotocolNotOffered),
    }
}

/// An answer that opens no WebSocket, or not the one that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseError {
    /// The server goes on in HTTP: it refused, redirects or wants credentials.
    NotSwitched {
        /// What it answered with instead of 101.
        status: u16,
    },
    /// `Upgrade` is not `websocket`.
    UpgradeInvalid,
    /// `Connection` does not say `Upgrade`.
    ConnectionInvalid,
    /// `Sec-WebSocket-Accept` does not answer the key.
    AcceptInvalid,
    /// `Sec-WebSocket-Extensions` has one that the client did not offer.
    ExtensionNotOffered,
    /// `Sec-WebSocket-Protocol` is not one of those that the client offered.
    SubprotocolNotOffered,
}

impl Display for ResponseError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSwitched { status } => {
                return write!(f, "the server answered {status} instead of 101");
            }
            Self::UpgradeInvalid => "the answer's Upgrade is not websocket",
            Self::ConnectionInvalid => "the answer's Connection does not contain Upgrade",
            Self::AcceptInvalid => "the answer's Sec-WebSocket-Accept does not fit the key",
            Self::ExtensionNotOffered => "the server chose an extension that was not offered",
            Self::SubprotocolNotOffered => "the server chose a subprotocol that was not offered",
        })
    }
}

impl Error for ResponseError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    const SOUND: [(&str, &[u8]); 3] = [
        ("Upgrade", b"websocket"),
        ("Connection", b"Upgrade"),
        ("Sec-WebSocket-Accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    ];
    const OFFER: Offer<'static> =
        Offer { subprotocols: &["a.v1", "b.v1"], extensions: &["permessage-deflate"] };

    fn check(
        status: u16,
        headers: &[(&str, &[u8])],
    ) -> Result<Option<&'static str>, ResponseError> {
        let key = HandshakeKey::from_random(*b"the sample nonce");
        check_response(status, headers.iter().copied(), &key, OFFER)
    }

    fn check_with(
        line: (&'static str, &'static [u8]),
    ) -> Result<Option<&'static str>, ResponseError> {
        let others = SOUND.into_iter().filter(|(name, _)| *name != line.0);
        check(101, &others.chain([line]).collect::<Vec<_>>())
    }

    #[test]
    fn an_answer_in_any_spelling_is_taken() {
        assert_eq!(check(101, &SOUND), Ok(None));
        for line in [
            ("Upgrade", &b"WebSocket"[..]),
            ("Connection", b"keep-alive, upgrade"),
            ("sec-websocket-accept", b" s3pPLMBiTxaQ9kYGzzhZRbK+xOo= "),
        ] {
            let lower = |name: &str| !name.eq_ignore_ascii_case(line.0);
            let others = SOUND.into_iter().filter(|(name, _)| lower(name));
            assert_eq!(check(101, &others.chain([line]).collect::<Vec<_>>()), Ok(None));
        }
    }

    #[test]
    fn what_was_offered_may_be_chosen() {
        assert_eq!(check_with(("Sec-WebSocket-Protocol", b"b.v1")), Ok(Some("b.v1")));
        let extension = b"permessage-deflate; server_no_context_takeover";
        assert_eq!(check_with(("Sec-WebSocket-Extensions", extension)), Ok(None));
    }

    #[test]
    fn every_other_status_is_named() {
        for status in [200, 301, 401, 426, 503, 100] {
            assert_eq!(check(status, &SOUND), Err(ResponseError::NotSwitched { status }));
        }
        let words = ResponseError::NotSwitched { status: 503 }.to_string();
        assert_eq!(words, "the server answered 503 instead of 101");
    }

    #[test]
    fn an_answer_without_one_of_its_headers_is_refused() {
        for (missing, error) in [
            ("Upgrade", ResponseError::UpgradeInvalid),
            ("Connection", ResponseError::ConnectionInvalid),
            ("Sec-WebSocket-Accept", ResponseError::AcceptInvalid),
        ] {
            let rest: Vec<_> = SOUND.into_iter().filter(|(name, _)| *name != missing).collect();
            assert_eq!(check(101, &rest), Err(error), "{missing}");
        }
    }

    #[test]
    fn an_answer_that_says_something_else_is_refused() {
        for (line, error) in [
            (("Upgrade", &b"h2c"[..]), ResponseError::UpgradeInvalid),
            (("Upgrade", b"websocket, h2c"), ResponseError::UpgradeInvalid),
            (("Connection", b"close"), ResponseError::ConnectionInvalid),
            (
                ("Sec-WebSocket-Accept", b"S3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
                ResponseError::AcceptInvalid,
            ),
            (("Sec-WebSocket-Accept", b""), ResponseError::AcceptInvalid),
            (("Sec-WebSocket-Protocol", b"A.V1"), ResponseError::SubprotocolNotOffered),
            (("Sec-WebSocket-Protocol", b"a.v1, b.v1"), ResponseError::SubprotocolNotOffered),
            (("Sec-WebSocket-Protocol", b""), ResponseError::SubprotocolNotOffered),
            (("Sec-WebSocket-Extensions", b"x-webkit"), ResponseError::ExtensionNotOffered),
            (
                ("Sec-WebSocket-Extensions", b"permessage-deflate, x; a"),
                ResponseError::ExtensionNotOffered,
            ),
        ] {
            assert_eq!(check_with(line), Err(error), "{line:?}");
        }
    }

    #[test]
    fn a_header_that_may_stand_once_is_refused_twice() {
        let twice = |line| check(101, &[&SOUND[..], &[line, line]].concat());
        assert_eq!(check(101, &[SOUND, SOUND].concat()), Err(ResponseError::UpgradeInvalid));
        let accept = [&SOUND[..], &SOUND[2..]].concat();
        assert_eq!(check(101, &accept), Err(ResponseError::AcceptInvalid));
        let chosen = twice(("Sec-WebSocket-Protocol", b"a.v1"));
        assert_eq!(chosen, Err(ResponseError::SubprotocolNotOffered));
    }
}
