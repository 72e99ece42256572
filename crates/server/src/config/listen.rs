//! Where to listen, as people write it: a port, an address, or a host name, one or several.
//!
//! A port alone is on this machine. A name stands for every address that it resolves to; each of them is
//! judged like one that was written out. `http://` or `https://` before it says whether TLS is spoken there, and `proxy+`
//! before these that a proxy names the client at the start of each connection.

use crate::socket::Scheme;
use serde::{Deserialize, Deserializer, de};
use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs as _},
    str::FromStr,
};

/// One place to listen, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// If it was written.
    scheme: Option<Scheme>,
    opening: Opening,
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    Name(String),
}

/// What a connection begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opening {
    /// TLS or HTTP.
    #[default]
    Direct,
    /// A header of the PROXY protocol.
    ProxyHeader,
}

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// What is spoken there.
    pub scheme: Scheme,
    /// What comes before.
    pub opening: Opening,
    /// Where.
    pub address: SocketAddr,
    /// The host name that resolved to it.
    pub name: Option<String>,
}

impl Endpoint {
    /// The scheme that was written before it.
    pub(super) fn scheme(&self) -> Option<Scheme> {
        self.scheme
    }

    /// The URL at which a program on this machine reaches a server that listens here.
    pub(crate) fn local_url(&self) -> String {
        let scheme = match self.scheme {
            Some(Scheme::Https) => "https",
            Some(Scheme::Http) | None => "http",
        };
        match &self.host {
            Host::Address(ip) if ip.is_unspecified() => {
                format!("{scheme}://127.0.0.1:{}", self.port)
            }
            Host::Address(ip) => format!("{scheme}://{}", SocketAddr::new(*ip, self.port)),
            Host::Name(name) => format!("{scheme}://{name}:{}", self.port),
        }
    }

    /// What its connections begin with.
    pub(super) fn opening(&self) -> Opening {
        self.opening
    }

    /// The addresses that it stands for, with `scheme` if it names none; asks the system's resolver if it is a
    /// name.
    pub(super) fn resolve(&self, scheme: Scheme) -> io::Result<Vec<Listen>> {
        let (scheme, opening) = (self.scheme.unwrap_or(scheme), self.opening);
        let name = match &self.host {
            Host::Address(ip) => {
                let address = SocketAddr::new(*ip, self.port);
                return Ok(vec![Listen { scheme, opening, address, name: None }]);
            }
            Host::Name(name) => name,
        };
        let addresses = (name.as_str(), self.port).to_socket_addrs()?;
        let listen = |address| Listen { scheme, opening, address, name: Some(name.clone()) };
        Ok(addresses.map(listen).collect())
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let none = || format!("{text:?} is not {ENDPOINT}");
        let (scheme, opening, text) = prefixed(text);
        if let Ok(address) = text.parse::<SocketAddr>() {
            let (host, port) = (Host::Address(address.ip()), address.port());
            return Ok(Self { scheme, opening, host, port });
        }
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| is_number).ok_or_else(none)?;
        let host = match host {
            "" => Host::Address(LOOPBACK),
            name if is_host_name(name) => Host::Name(name.to_owned()),
            _ => return Err(none()),
        };
        Ok(Self { scheme, opening, host, port })
    }
}

/// What stands before an address, and the rest of the text.
fn prefixed(text: &str) -> (Option<Scheme>, Opening, &str) {
    let Some((prefix, rest)) = text.split_once("://") else { return (None, Opening::Direct, text) };
    let (scheme, opening) = match &*prefix.to_ascii_lowercase() {
        "http" => (Scheme::Http, Opening::Direct),
        "https" => (Scheme::Https, Opening::Direct),
        "proxy+http" => (Scheme::Http, Opening::ProxyHeader),
        "proxy+https" => (Scheme::Https, Opening::ProxyHeader),
        _ => return (None, Opening::Direct, text),
    };
    (Some(scheme), opening, rest)
}

/// Letters, digits, `-` and `_` between dots, and not all digits: that would be a mistyped address.
fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty() && label.bytes().all(is_plain)
    };
    let labels = text.strip_suffix('.').unwrap_or(text);
    labels.split('.').all(is_label) && labels.bytes().any(|byte| byte.is_ascii_alphabetic())
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = self.scheme {
            let proxy = if self.opening == Opening::ProxyHeader { "proxy+" } else { "" };
            write!(formatter, "{proxy}{scheme}://")?;
        }
        match &self.host {
            Host::Address(ip) => SocketAddr::new(*ip, self.port).fmt(formatter),
            Host::Name(name) => write!(formatter, "{name}:{}", self.port),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            None => self.address.fmt(formatter),
            Some(name) => write!(formatter, "{} ({name})", self.address),
        }
    }
}

/// Where a server listens by default.
pub(super) const LISTEN: SocketAddr = SocketAddr::new(LOOPBACK, 8080);

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

const ENDPOINT: &str = "a port, or an address or host name with a port: 8080, localhost:8080, \
                        127.0.0.1:8080, [::1]:8080; each may begin with http://, https://, proxy+http:// or \
                        proxy+https://";

/// Reads one or several: a number, a text with commas between, or an array of these.
pub(super) fn read<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<Endpoint>>, D::Error> {
    deserializer.deserialize_any(Written).map(Some)
}

struct Written;

impl<'de> de::Visitor<'de> for Written {
    type Value = Vec<Endpoint>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{ENDPOINT}; or an array of these")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        text.split(',').map(|one| one.parse().map_err(E::custom)).collect()
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut endpoints = Vec::new();
        while let Some(OneOrMany(more)) = items.next_element()? {
            endpoints.extend(more);
        }
        match endpoints.is_empty() {
            true => Err(de::Error::custom(format!("an empty array is not {ENDPOINT}"))),
            false => Ok(endpoints),
        }
    }
}

/// An item of an array.
struct OneOrMany(Vec<Endpoint>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_on_this_machine() {
        for text in ["8080", ":8080", " 8080", "127.0.0.1:8080"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), "127.0.0.1:8080", "{text}");
        }
        for text in
            ["localhost:8080", "[::1]:8080", "proxy+http://0.0.0.0:0", "my_host.example-1.:80"]
        {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_program_of_this_machine_reaches_every_interface_by_loopback() {
        for (text, url) in [
            ("8080", "http://127.0.0.1:8080"),
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("https://[::]:443", "https://127.0.0.1:443"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("http://push.example:80", "http://push.example:80"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().local_url(), url);
        }
    }

    #[test]
    fn an_error_for_a_bad_address_says_what_is_allowed() {
        for bad in [
            "",
            ":",
            "localhost",
            "+80",
            ":+80",
            "65536",
            "a:65536",
            "::1:80",
            "a b:80",
            "*:80",
            "ftp://a:80",
            "http://a:80/",
            "https://a",
            "http://http://a:80",
            "proxy://a:80",
            "proxy+a:80",
            "256.0.0.1:80",
            "127.0.0.1",
            "a..b:80",
            "a/b:80",
        ] {
            let error = bad.parse::<Endpoint>().unwrap_err();
            assert!(error.starts_with(&format!("{bad:?} is not a port, or an address")), "{error}");
        }
    }

    #[test]
    fn a_name_is_every_address_that_it_resolves_to() {
        let endpoint = "localhost:80".parse::<Endpoint>().unwrap();
        let listens = endpoint.resolve(Scheme::Http).unwrap();
        assert!(listens.iter().any(|listen| listen.to_string() == "127.0.0.1:80 (localhost)"));
        assert!(listens.iter().all(|listen| listen.address.ip().is_loopback()), "{listens:?}");
        let nowhere = "nowhere.invalid:80".parse::<Endpoint>().unwrap();
        assert!(nowhere.resolve(Scheme::Http).is_err());
    }
}
