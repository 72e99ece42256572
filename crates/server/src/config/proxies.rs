//! The settings `trusted_proxies` and `trusted_proxies_header`: whose word on the address of a client counts.

use crate::access::list;
use serde::{Deserialize, Deserializer, de::Error as _};
use std::str::FromStr;
use tidewire_client_address::{ForwardingHeader, Network, TrustedProxies};

/// Addresses and networks of proxies, with commas between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyNetworks(pub TrustedProxies);

/// The name of the header that counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeaderName(pub ForwardingHeader);

impl FromStr for ProxyNetworks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let entries = list::split(text).map_err(|error| format!("{text:?}: {error}"))?;
        let parse =
            |entry: &str| entry.parse::<Network>().map_err(|error| format!("{entry:?} {error}"));
        entries.into_iter().map(parse).collect::<Result<_, _>>().map(Self)
    }
}

impl<'de> Deserialize<'de> for ProxyNetworks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        list::deserialize(deserializer, "addresses and networks such as 127.0.0.1 or 10.0.0.0/8")
    }
}

impl FromStr for HeaderName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match &*text.to_ascii_lowercase() {
            "x-forwarded-for" => Ok(Self(ForwardingHeader::XForwardedFor)),
            "forwarded" => Ok(Self(ForwardingHeader::Forwarded)),
            _ => Err(format!("{text:?} is not x-forwarded-for or forwarded")),
        }
    }
}

impl<'de> Deserialize<'de> for HeaderName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_addresses_and_networks_and_an_error_names_the_entry() {
        let proxies = "127.0.0.1, fd00::/8".parse::<ProxyNetworks>().unwrap().0;
        assert!(["127.0.0.1", "fd01::1"].iter().all(|one| proxies.contains(one.parse().unwrap())));
        for (text, part) in [
            ("127.0.0.1,", "an entry is empty"),
            ("127.0.0.1,proxy.example", "\"proxy.example\" is not an address"),
            ("10.0.0.1/8", "did you mean 10.0.0.0/8?"),
        ] {
            let error = text.parse::<ProxyNetworks>().unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_header_is_one_of_two() {
        let header = |text: &str| text.parse::<HeaderName>().map(|name| name.0);
        assert_eq!(header("Forwarded"), Ok(ForwardingHeader::Forwarded));
        assert_eq!(header("X-Forwarded-For"), Ok(ForwardingHeader::XForwardedFor));
        assert!(header("x-real-ip").unwrap_err().contains("x-forwarded-for or forwarded"));
    }
}
