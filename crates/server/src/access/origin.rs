//! The origin of a page, as browsers send it ([RFC 6454 §6.2]): scheme, host and port.
//!
//! [RFC 6454 §6.2]: https://www.rfc-editor.org/rfc/rfc6454#section-6.2

use super::host::Host;
use crate::socket::Scheme;
use std::fmt;

/// An origin that has a host, in its one spelling: a port that its scheme implies is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// In lower case.
    pub(super) scheme: Box<str>,
    pub(super) host: Host,
}

impl Origin {
    /// Parses an origin; `None` if `text` is not one, or has no host.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, host) = text.split_once("://")?;
        let is_in_schemes =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let begins_well = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
        if !begins_well || !scheme.bytes().all(is_in_schemes) {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        let host = Host::parse(host)?;
        let port = host.port.filter(|port| Some(*port) != implied_port(&scheme));
        Some(Self { scheme: scheme.into(), host: Host { port, ..host } })
    }

    /// Whether a page of this origin may be loaded over the web.
    pub(super) fn is_of_web(&self) -> bool {
        implied_port(&self.scheme).is_some()
    }

    /// Whether it is the page of a server that was asked for as `host`, over a connection of `scheme`.
    ///
    /// Over TLS that the server itself ends it is one of `https`: anybody on the way can answer for `http`. Over plain HTTP
    /// the scheme does not matter: behind a proxy that ends TLS, nothing says which it was.
    pub(super) fn is_of_server_at(&self, host: &Host, scheme: Scheme) -> bool {
        let implied = implied_port(&self.scheme);
        let is_of_scheme = scheme == Scheme::Http || &*self.scheme == "https";
        is_of_scheme
            && implied.is_some()
            && self.host.name == host.name
            && self.host.port.or(implied) == host.port.or(implied)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme, self.host)
    }
}

fn implied_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_spelling() {
        for (text, spelled) in [
            ("https://app.example", "https://app.example"),
            ("HTTPS://App.Example:443", "https://app.example"),
            ("http://app.example:443", "http://app.example:443"),
            ("http://[0::1]:80", "http://[::1]"),
            ("capacitor://localhost", "capacitor://localhost"),
        ] {
            assert_eq!(Origin::parse(text).unwrap().to_string(), spelled, "{text}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "",
            "null",
            "file://",
            "app.example",
            "//app.example",
            "://app.example",
            "https://app.example/",
            "https://user@app.example",
            "https://app.example/path",
            "https://app.example?",
            "https://a b",
            "1http://a",
            "ht tp://a",
            "https://*.example",
            "https://a.example https://b.example",
        ] {
            assert_eq!(Origin::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_servers_own_page_has_its_host_and_port_under_http_or_https() {
        for (origin, host, is_own) in [
            ("http://push.example:8080", "push.example:8080", true),
            ("http://push.example", "push.example", true),
            ("http://push.example", "push.example:80", true),
            ("https://push.example", "push.example", true),
            ("https://push.example", "PUSH.example.:443", true),
            ("https://push.example", "push.example:80", false),
            ("http://push.example:8080", "push.example", false),
            ("http://push.example:8081", "push.example:8080", false),
            ("http://push.example.evil", "push.example", false),
            ("http://evil.example", "push.example", false),
            ("capacitor://push.example", "push.example", false),
        ] {
            let (origin, host) = (Origin::parse(origin).unwrap(), Host::parse(host).unwrap());
            let is_of_server = origin.is_of_server_at(&host, Scheme::Http);
            assert_eq!(is_of_server, is_own, "{origin} at {host}");
        }
    }

    #[test]
    fn over_tls_the_servers_own_page_is_one_of_https() {
        for (origin, host, is_own) in [
            ("https://push.example", "push.example", true),
            ("https://push.example", "push.example:443", true),
            ("https://push.example:8443", "push.example:8443", true),
            ("http://push.example", "push.example", false),
            ("http://push.example:8443", "push.example:8443", false),
            ("http://push.example:443", "push.example", false),
            ("https://evil.example", "push.example", false),
        ] {
            let (origin, host) = (Origin::parse(origin).unwrap(), Host::parse(host).unwrap());
            let is_of_server = origin.is_of_server_at(&host, Scheme::Https);
            assert_eq!(is_of_server, is_own, "{origin} at {host}");
        }
    }
}
