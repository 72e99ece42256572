//! The address of a WebSocket: `ws://host:port/path?query`, as far as a request needs it taken apart.
//!
//! [RFC 6455 §3] has no fragment in it, and everything else is for the server to understand.
//!
//! [RFC 6455 §3]: https://www.rfc-editor.org/rfc/rfc6455#section-3

use crate::UrlError;
use crate::handshake::number;

/// An address, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Url<'a> {
    /// Whether TLS is below the WebSocket: `wss`.
    pub(crate) is_secure: bool,
    /// Host and port as they were written: what a request says in `Host`.
    pub(crate) authority: &'a str,
    /// A name or an address, without the brackets of the latter.
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    /// Path and query; `/` if there is none.
    pub(crate) target: &'a str,
}

impl<'a> Url<'a> {
    /// Takes an address apart.
    ///
    /// # Errors
    ///
    /// It is not the address of a WebSocket.
    pub(crate) fn parse(url: &'a str) -> Result<Self, UrlError> {
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
        let is_secure = match scheme {
            scheme if scheme.eq_ignore_ascii_case("ws") => false,
            scheme if scheme.eq_ignore_ascii_case("wss") => true,
            _ => return Err(UrlError::Scheme),
        };
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) || rest.contains('#') {
            return Err(UrlError::Character);
        }
        let (authority, target) = match rest.find(['/', '?']) {
            None => (rest, "/"),
            Some(at) => rest.split_at(at),
        };
        if target.starts_with('?') {
            return Err(UrlError::PathMissing);
        }
        let default = if is_secure { 443 } else { 80 };
        let (host, port) = Self::host_and_port(authority, default)?;
        Ok(Self { is_secure, authority, host, port, target })
    }

    fn host_and_port(authority: &str, default: u16) -> Result<(&str, u16), UrlError> {
        if authority.contains('@') {
            return Err(UrlError::Credentials);
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or(UrlError::Host)?;
                (host, port.strip_prefix(':').or_else(|| port.is_empty().then_some("")))
            }
            None => match authority.split_once(':') {
                None => (authority, Some("")),
                Some((host, port)) => (host, Some(port)),
            },
        };
        if host.is_empty() {
            return Err(UrlError::Host);
        }
        match port.ok_or(UrlError::Port)? {
            "" => Ok((host, default)),
            digits => Ok((host, number(digits).ok_or(UrlError::Port)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        for (url, is_secure, authority, host, port, target) in [
            ("ws://a.example", false, "a.example", "a.example", 80, "/"),
            ("WSS://a.example/b?c=d/e", true, "a.example", "a.example", 443, "/b?c=d/e"),
            ("ws://127.0.0.1:9001/", false, "127.0.0.1:9001", "127.0.0.1", 9001, "/"),
            ("ws://[::1]:8080/x", false, "[::1]:8080", "::1", 8080, "/x"),
            ("wss://[::1]", true, "[::1]", "::1", 443, "/"),
        ] {
            let expected = Url { is_secure, authority, host, port, target };
            assert_eq!(Url::parse(url), Ok(expected), "{url}");
        }
    }

    #[test]
    fn what_is_no_address_of_a_websocket_says_why() {
        for (url, error) in [
            ("http://a", UrlError::Scheme),
            ("a.example", UrlError::Scheme),
            ("ws://", UrlError::Host),
            ("ws://:80/", UrlError::Host),
            ("ws://[::1/", UrlError::Host),
            ("ws://a:b/", UrlError::Port),
            ("ws://a:65536/", UrlError::Port),
            ("ws://a:+80/", UrlError::Port),
            ("ws://[::1]80/", UrlError::Port),
            ("ws://me:secret@a/", UrlError::Credentials),
            ("ws://a/b#c", UrlError::Character),
            ("ws://a/b c", UrlError::Character),
            ("ws://a/\r\nX: y", UrlError::Character),
            ("ws://ü/", UrlError::Character),
            ("ws://a?b", UrlError::PathMissing),
        ] {
            assert_eq!(Url::parse(url), Err(error), "{url}");
        }
    }
}
