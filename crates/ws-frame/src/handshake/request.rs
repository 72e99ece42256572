//! The server's side: whether a request opens a WebSocket ([RFC 6455 §4.2.1]).
//!
//! [RFC 6455 §4.2.1]: https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1

use super::headers::{has_token, number, values};
use super::{HandshakeError, HandshakeKey, check_version};
use core::str;

/// Checks all that [RFC 6455 §4.2.1] asks of a client's request, and returns the key to answer.
///
/// `version` is the request line's last word, `HTTP/1.1`. `headers` are all lines in their order, a
/// name and the bytes behind its colon, as HTTP parsers hand them out. Whether the request's
/// `Origin` is welcome ([RFC 6455 §10.2]), only the caller can know.
///
/// ```
/// # use ws_frame::{HandshakeError, check_request};
/// let mut headers = vec![
///     ("Host", &b"server.example.com"[..]),
///     ("Upgrade", b"websocket"),
///     ("Connection", b"keep-alive, Upgrade"),
///     ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
///     ("Sec-WebSocket-Version", b"13"),
/// ];
/// let key = check_request("GET", "HTTP/1.1", headers.iter().copied())?;
/// assert_eq!(key.accept(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
///
/// headers.remove(1);
/// let refused = check_request("GET", "HTTP/1.1", headers.iter().copied());
/// assert_eq!(refused, Err(HandshakeError::UpgradeMissing));
/// # Ok::<(), HandshakeError>(())
/// ```
///
/// # Errors
///
/// The first rule that the request breaks, in the section's order; the error knows the status to
/// answer with.
///
/// [RFC 6455 §4.2.1]: https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1
/// [RFC 6455 §10.2]: https://www.rfc-editor.org/rfc/rfc6455#section-10.2
pub fn check_request<'a>(
    method: &str,
    version: &str,
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])> + Clone,
) -> Result<HandshakeKey, HandshakeError> {
    // 1. "An HTTP/1.1 or higher GET request". What is higher than 1.x opens a WebSocket otherwise.
    if method != "GET" {
        return Err(HandshakeError::MethodNotGet);
    }
    let minor = version.strip_prefix("HTTP/1.").and_then(number::<u8>);
    if minor.is_none_or(|minor| minor < 1) {
        return Err(HandshakeError::HttpVersionUnsupported);
    }
    // 2. to 4. The host, and what is asked for.
    only(headers.clone(), "Host")?.ok_or(HandshakeError::HostMissing)?;
    if !has_token(headers.clone(), "Upgrade", "websocket") {
        return Err(HandshakeError::UpgradeMissing);
    }
    if !has_token(headers.clone(), "Connection", "Upgrade") {
        return Err(HandshakeError::ConnectionMissing);
    }
    // 6. before 5., since what a version asks of a key is its own affair.
    let text = |name| Ok(only(headers.clone(), name)?.map(str::from_utf8).and_then(Result::ok));
    check_version(text("Sec-WebSocket-Version")?.unwrap_or_default())?;
    HandshakeKey::parse(text("Sec-WebSocket-Key")?.unwrap_or_default())
}

/// The value of the one line of that name, if there is a line.
fn only<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    name: &'static str,
) -> Result<Option<&'a [u8]>, HandshakeError> {
    let mut values = values(headers, name);
    let first = values.next();
    match values.next() {
        None => Ok(first),
        Some(_) => Err(HandshakeError::Repeated { name }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const SOUND: [(&str, &[u8]); 5] = [
        ("Host", b"server.example.com"),
        ("Upgrade", b"websocket"),
        ("Connection", b"Upgrade"),
        ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", b"13"),
    ];

    fn check(headers: &[(&str, &[u8])]) -> Result<HandshakeKey, HandshakeError> {
        check_request("GET", "HTTP/1.1", headers.iter().copied())
    }

    /// A sound request, but for one header.
    fn with(name: &'static str, value: &'static [u8]) -> Vec<(&'static str, &'static [u8])> {
        let exchange = |line: (&'static str, &'static [u8])| match line.0 == name {
            true => (name, value),
            false => line,
        };
        SOUND.into_iter().map(exchange).collect()
    }

    #[test]
    fn a_request_in_any_spelling_is_granted() {
        let key = HandshakeKey::from_random(*b"the sample nonce");
        assert_eq!(check(&SOUND), Ok(key.clone()));
        for (name, value) in [
            ("Upgrade", &b"WebSocket"[..]),
            ("Upgrade", b"h2c, websocket"),
            ("Connection", b"keep-alive,upgrade"),
            ("Connection", b" ,, UPGRADE"),
            ("Sec-WebSocket-Version", b" 13 "),
        ] {
            assert_eq!(check(&with(name, value)), Ok(key.clone()), "{name}: {value:?}");
        }
        let lower = SOUND.map(|(name, value)| (name.to_ascii_lowercase(), value));
        let lower: Vec<_> = lower.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_eq!(check(&lower), Ok(key.clone()));
        let lines = [&SOUND[..], &[("Connection", b"close"), ("Upgrade", b"h2c")]].concat();
        assert_eq!(check(&lines), Ok(key));
    }

    #[test]
    fn a_method_other_than_get_is_refused() {
        for method in ["POST", "HEAD", "CONNECT", "get", ""] {
            let refused = check_request(method, "HTTP/1.1", SOUND);
            assert_eq!(refused, Err(HandshakeError::MethodNotGet), "{method}");
        }
    }

    #[test]
    fn a_version_of_http_before_1_1_or_of_other_kind_is_refused() {
        assert!(check_request("GET", "HTTP/1.2", SOUND).is_ok());
        for version in
            ["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.", "HTTP/1.+1", "HTTP/1.x", "http/1.1", ""]
        {
            let refused = check_request("GET", version, SOUND);
            assert_eq!(refused, Err(HandshakeError::HttpVersionUnsupported), "{version}");
        }
    }

    #[test]
    fn a_header_that_is_missing_is_named() {
        for (missing, error) in [
            ("Host", HandshakeError::HostMissing),
            ("Upgrade", HandshakeError::UpgradeMissing),
            ("Connection", HandshakeError::ConnectionMissing),
            ("Sec-WebSocket-Key", HandshakeError::KeyInvalid),
            ("Sec-WebSocket-Version", HandshakeError::VersionUnsupported),
        ] {
            let rest: Vec<_> = SOUND.into_iter().filter(|(name, _)| *name != missing).collect();
            assert_eq!(check(&rest), Err(error), "{missing}");
        }
    }

    #[test]
    fn a_header_that_says_something_else_is_refused() {
        for (name, value, error) in [
            ("Upgrade", &b"h2c"[..], HandshakeError::UpgradeMissing),
            ("Upgrade", b"websocket2", HandshakeError::UpgradeMissing),
            ("Upgrade", b"web socket", HandshakeError::UpgradeMissing),
            ("Connection", b"close", HandshakeError::ConnectionMissing),
            ("Connection", b"not-Upgrade", HandshakeError::ConnectionMissing),
            ("Sec-WebSocket-Version", b"8", HandshakeError::VersionUnsupported),
            ("Sec-WebSocket-Version", b"\xFF", HandshakeError::VersionUnsupported),
            ("Sec-WebSocket-Key", b"dGhl", HandshakeError::KeyInvalid),
        ] {
            assert_eq!(check(&with(name, value)), Err(error), "{name}: {value:?}");
        }
    }

    #[test]
    fn a_header_that_may_stand_once_is_refused_twice() {
        for name in ["Host", "Sec-WebSocket-Key", "Sec-WebSocket-Version"] {
            let line = SOUND.into_iter().find(|(found, _)| *found == name).unwrap();
            let twice = [&SOUND[..], &[line]].concat();
            assert_eq!(check(&twice), Err(HandshakeError::Repeated { name }));
        }
    }
}
