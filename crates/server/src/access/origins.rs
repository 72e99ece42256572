//! The setting `allowed_origins`: whose pages may publish, open WebSockets, join and read answers.
//!
//! One list for all of it, so that what a page may do does not depend on how it asks. Without it the
//! pages of this machine may, since a front-end's development server has a port of its own.

use super::{
    host::{Host, HostName},
    list,
    origin::Origin,
};
use serde::{Deserialize, Deserializer};
use std::str::FromStr;

/// Origins: `https://app.example.com`, `https://*.example.com`, or `*` for every one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Any,
    Exact(Origin),
    Below {
        scheme: Box<str>,
        suffix: Box<str>,
        port: Option<u16>,
    },
    /// Pages that were opened from a disk.
    Files,
    /// Those that a server on this machine has, at any port.
    Loopback,
}

/// What a browser says of the page that sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PageOrigin {
    Host(Origin),
    /// `file://`, as Chromium calls pages from a disk in the handshakes of WebSockets.
    File,
    /// `null`, or what is no origin.
    Opaque,
}

/// By what an origin is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// It is named: its pages may also send and read what is for one person alone.
    Named,
    /// Every one is: answers are the same for all, so cookies and the like are never allowed.
    AsAny,
}

impl AllowedOrigins {
    /// By what it allows this origin, if it does.
    pub(super) fn allow(&self, origin: &PageOrigin) -> Option<Allowed> {
        let named = self.0.iter().any(|rule| rule.names(origin));
        let any = || self.0.contains(&Rule::Any).then_some(Allowed::AsAny);
        named.then_some(Allowed::Named).or_else(any)
    }
}

impl Default for AllowedOrigins {
    fn default() -> Self {
        Self(vec![Rule::Loopback, Rule::Files])
    }
}

impl FromStr for AllowedOrigins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let entries = list::split(text).map_err(|error| format!("{text:?}: {error}"))?;
        entries.into_iter().map(Rule::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl<'de> Deserialize<'de> for AllowedOrigins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        list::deserialize(deserializer, ORIGINS)
    }
}

impl PageOrigin {
    pub(super) fn parse(text: &str) -> Self {
        match Origin::parse(text) {
            Some(origin) => Self::Host(origin),
            None if text.eq_ignore_ascii_case(FILE) => Self::File,
            None => Self::Opaque,
        }
    }
}

impl Rule {
    fn names(&self, origin: &PageOrigin) -> bool {
        match (self, origin) {
            (Self::Files, PageOrigin::File) => true,
            (Self::Exact(allowed), PageOrigin::Host(origin)) => allowed == origin,
            (Self::Loopback, PageOrigin::Host(origin)) => {
                origin.is_of_web() && origin.host.name.is_loopback()
            }
            (Self::Below { scheme, suffix, port }, PageOrigin::Host(origin)) => {
                *scheme == origin.scheme
                    && *port == origin.host.port
                    && origin.host.name.is_below(suffix)
            }
            _ => false,
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| format!("{text:?} {why}; allowed are {ORIGINS}");
        if text == "*" {
            return Ok(Self::Any);
        }
        if text.eq_ignore_ascii_case(FILE) {
            return Ok(Self::Files);
        }
        if text.eq_ignore_ascii_case("null") {
            return Err(refuse("can come from any page, in a sandboxed frame"));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(refuse("has no scheme"));
        };
        if rest.contains(['/', '?', '#']) {
            return Err(refuse("is a URL: an origin ends with its host or port"));
        }
        if !rest.is_ascii() {
            return Err(refuse("is not in ASCII: browsers send the form that begins with xn--"));
        }
        let Some(suffix) = rest.strip_prefix("*.") else {
            let origin = Origin::parse(text).ok_or_else(|| refuse("is not an origin"))?;
            return Ok(Self::Exact(origin));
        };
        // Read as an origin of the suffix, so that scheme and port have the same spelling.
        match Origin::parse(&format!("{scheme}://{suffix}")) {
            Some(Origin { scheme, host: Host { name: HostName::Domain(suffix), port } }) => {
                if !suffix.contains('.') && &*suffix != "localhost" {
                    return Err(refuse("would allow every name below a whole top-level domain"));
                }
                Ok(Self::Below { scheme, suffix, port })
            }
            _ => Err(refuse("has no name after *.")),
        }
    }
}

const FILE: &str = "file://";

const ORIGINS: &str = "origins such as https://app.example.com, https://*.example.com or file://, or * for every origin";

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(setting: &str, origin: &str) -> Option<Allowed> {
        setting.parse::<AllowedOrigins>().unwrap().allow(&PageOrigin::parse(origin))
    }

    #[test]
    fn without_the_setting_pages_of_this_machine_are_allowed() {
        for (origin, is_allowed) in [
            ("http://localhost:5173", true),
            ("https://127.0.0.1", true),
            ("http://[::1]:3000", true),
            ("file://", true),
            ("http://localhost:+80", false),
            ("http://localhost.evil.example", false),
            ("http://localhost:5173.evil.example", false),
            ("ftp://localhost", false),
            ("https://evil.example", false),
            ("null", false),
        ] {
            let allowed = AllowedOrigins::default().allow(&PageOrigin::parse(origin));
            assert_eq!(allowed.is_some(), is_allowed, "{origin}");
        }
    }

    #[test]
    fn an_origin_is_allowed_by_scheme_host_and_port() {
        let setting = "https://app.example.com, http://10.0.0.5:3000,https://*.example.org,file://";
        for origin in [
            "https://app.example.com",
            "HTTPS://APP.EXAMPLE.COM:443",
            "http://10.0.0.5:3000",
            "https://a.b.example.org",
            "file://",
        ] {
            assert_eq!(allow(setting, origin), Some(Allowed::Named), "{origin}");
        }
        for origin in [
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://app.example.com.evil.example",
            "https://example.org",
            "https://evilexample.org",
            "http://a.example.org",
            "https://a.example.org:8443",
            "http://localhost:5173",
            "null",
        ] {
            assert_eq!(allow(setting, origin), None, "{origin}");
        }
        let one = "https://app.example.com";
        assert_eq!(allow(one, "file://"), None, "pages from a disk are to be named like others");
        assert_eq!(allow("", "http://localhost:5173"), None, "an empty list allows none");
    }

    #[test]
    fn a_star_allows_every_origin_but_not_by_its_name() {
        for origin in ["https://evil.example", "null", "file://", "nonsense"] {
            assert_eq!(allow("*", origin), Some(Allowed::AsAny), "{origin}");
        }
        assert_eq!(allow("*,https://a.example", "https://a.example"), Some(Allowed::Named));
    }

    #[test]
    fn what_is_no_origin_is_named_with_what_is_allowed() {
        for (text, part) in [
            ("app.example.com", "\"app.example.com\" has no scheme; allowed are origins such as"),
            ("https://app.example.com/", "is a URL: an origin ends with its host or port"),
            ("https://app.example.com/page", "is a URL"),
            ("https://user@app.example.com", "is not an origin"),
            ("https://app.example.com:port", "is not an origin"),
            ("https://b\u{fc}cher.example", "xn--"),
            ("https://*.com", "whole top-level domain"),
            ("https://*.", "has no name after *."),
            ("https://*.10.0.0.5", "has no name after *."),
            ("https://*", "is not an origin"),
            ("*.example.com", "has no scheme"),
            ("null", "sandboxed frame"),
            ("https://a.example,,", "an entry is empty"),
        ] {
            let error = text.parse::<AllowedOrigins>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!("https://*.localhost:3000".parse::<AllowedOrigins>().is_ok());
    }
}
