//! A host as requests name it, `name` or `name:port`, read strictly.
//!
//! What is compared with a list must have one spelling: names are in lower case and without the final
//! dot of the root, addresses are addresses. Anything that a DNS name or an address cannot be, such as
//! `user@host`, is no host here, though the grammar of URIs has room for more.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

/// `uri-host [ ":" port ]` of [RFC 9110 §7.2].
///
/// [RFC 9110 §7.2]: https://www.rfc-editor.org/rfc/rfc9110#section-7.2
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) name: HostName,
    pub(super) port: Option<u16>,
}

/// A host without its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HostName {
    /// In lower case, with no dot at its end.
    Domain(Box<str>),
    /// Not a dotted quad that only some resolvers take for one, such as `127.1`.
    Address(IpAddr),
}

impl Host {
    /// Parses a host; `None` if `text` is not one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (inside, port) = rest.split_once(']')?;
                let address: Ipv6Addr = inside.parse().ok()?;
                (HostName::Address(address.into()), port)
            }
            None => {
                let name_end = text.find(':').unwrap_or(text.len());
                let (name, port) = text.split_at(name_end);
                (HostName::parse(name)?, port)
            }
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => None,
            None => return None,
            Some("") => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            Some(_) => return None,
        };
        Some(Self { name, port })
    }
}

impl HostName {
    /// Reads the name of a machine or an address of IPv4, neither with a port.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(Self::Address(IpAddr::V4(address)));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let is_in_names = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_in_names);
        let is_name = name.len() <= NAME_BYTES_MAX && name.split('.').all(is_label);
        is_name.then(|| Self::Domain(name.to_ascii_lowercase().into()))
    }

    /// Whether only this machine itself answers to it.
    ///
    /// Not every name below `localhost`: some resolvers ask the network for those.
    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Self::Domain(name) => &**name == "localhost",
            Self::Address(address) => address.to_canonical().is_loopback(),
        }
    }

    /// Whether it is a name below `suffix`, at whatever depth.
    pub(super) fn is_below(&self, suffix: &str) -> bool {
        match self {
            Self::Domain(name) => name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.')),
            Self::Address(_) => false,
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(formatter, "{}:{port}", self.name),
            None => self.name.fmt(formatter),
        }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(name) => formatter.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(formatter),
            Self::Address(IpAddr::V6(address)) => write!(formatter, "[{address}]"),
        }
    }
}

/// A name's longest form in DNS, as text ([RFC 1035 §2.3.4]).
///
/// [RFC 1035 §2.3.4]: https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4
const NAME_BYTES_MAX: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_spelling_whatever_its_case_final_dot_or_zeros() {
        for (text, spelled) in [
            ("localhost", "localhost"),
            ("LocalHost.:8080", "localhost:8080"),
            ("a_b-c.example:", "a_b-c.example"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("[0:0::1]:443", "[::1]:443"),
            ("[2001:DB8::1]", "[2001:db8::1]"),
            ("127.1", "127.1"),
        ] {
            assert_eq!(Host::parse(text).unwrap().to_string(), spelled, "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let long = "a".repeat(254);
        for text in [
            "",
            ".",
            "a..b",
            ".a",
            "a b",
            "a b/c@d",
            "user@localhost",
            "a/b",
            "a?b",
            "a#b",
            "a%62",
            "a,b",
            "*",
            "a:b",
            "a:+80",
            "a:80:81",
            "a:65536",
            "a: 80",
            "::1",
            "[::1",
            "::1]",
            "[::1]80",
            "[fe80::1%eth0]",
            "[127.0.0.1]",
            "[v1.a]",
            "b\u{fc}cher",
            "a\tb",
            &long,
        ] {
            assert_eq!(Host::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn only_what_this_machine_alone_answers_to_is_loopback() {
        for (text, is_loopback) in [
            ("localhost", true),
            ("LOCALHOST.", true),
            ("127.0.0.1", true),
            ("127.255.0.3", true),
            ("[::1]", true),
            ("[::ffff:127.0.0.1]", true),
            ("0.0.0.0", false),
            ("[::]", false),
            ("127.1", false),
            ("2130706433", false),
            ("app.localhost", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("evil.example", false),
        ] {
            let host = Host::parse(text).unwrap();
            assert_eq!(host.name.is_loopback(), is_loopback, "{text}");
        }
    }

    #[test]
    fn a_name_is_below_its_suffix_by_whole_labels() {
        for (text, is_below) in [
            ("a.example.com", true),
            ("a.b.example.com", true),
            ("example.com", false),
            ("evilexample.com", false),
            ("example.com.evil", false),
            ("1.2.3.4", false),
        ] {
            let name = HostName::parse(text).unwrap();
            assert_eq!(name.is_below("example.com"), is_below, "{text}");
        }
    }
}
