//! The proxies that an operator lists, and the client that they name.

use crate::{ClientAddress, Network, forwarded, x_forwarded_for};
use std::net::IpAddr;

/// The networks whose word on the address of a client counts. By default there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

/// The header in which proxies say whom they forward for. Only one counts: a proxy writes one of them, and passes on what a
/// client has written into the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardingHeader {
    /// `X-Forwarded-For`, which most proxies write.
    #[default]
    XForwardedFor,
    /// `Forwarded`, of RFC 7239.
    Forwarded,
}

impl TrustedProxies {
    /// Those in these networks.
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is the address of one.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// The client of a request that comes from `peer`, whose lines of the header are these.
    ///
    /// The header is read from the right, over the entries of listed proxies. The first address that no listed proxy has is
    /// the client's: `peer`, if it is not listed itself. Where an entry has no address, the proxy that wrote it is
    /// the answer: nothing more is known.
    pub fn client<'a>(
        &self,
        peer: IpAddr,
        header: ForwardingHeader,
        lines: impl DoubleEndedIterator<Item = &'a [u8]>,
    ) -> ClientAddress {
        let mut client = peer;
        if !self.contains(client) {
            return client.into();
        }
        // A line that is no text ends the walk, like an entry that is no address.
        let lines = lines.rev().map(|line| std::str::from_utf8(line).unwrap_or_default());
        match header {
            ForwardingHeader::XForwardedFor => {
                self.walk(&mut client, lines.flat_map(x_forwarded_for::from_right));
            }
            ForwardingHeader::Forwarded => {
                self.walk(&mut client, lines.flat_map(forwarded::from_right));
            }
        }
        client.into()
    }

    fn walk(&self, client: &mut IpAddr, entries: impl Iterator<Item = Option<IpAddr>>) {
        for entry in entries.take(HOPS_MAX) {
            let Some(address) = entry else { return };
            *client = address;
            if !self.contains(address) {
                return;
            }
        }
    }
}

impl FromIterator<Network> for TrustedProxies {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

/// Proxies in a row, at most. A longer way is a loop, or made up.
const HOPS_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(networks: &str) -> TrustedProxies {
        networks.split_whitespace().map(|network| network.parse().unwrap()).collect()
    }

    fn client(networks: &str, peer: &str, header: ForwardingHeader, lines: &[&str]) -> String {
        let lines = lines.iter().map(|line| line.as_bytes());
        proxies(networks).client(peer.parse().unwrap(), header, lines).to_string()
    }

    #[test]
    fn a_header_counts_only_from_a_listed_peer() {
        for header in [ForwardingHeader::XForwardedFor, ForwardingHeader::Forwarded] {
            let line = match header {
                ForwardingHeader::XForwardedFor => "192.0.2.9",
                ForwardingHeader::Forwarded => "for=192.0.2.9",
            };
            assert_eq!(client("", "10.0.0.1", header, &[line]), "10.0.0.1");
            assert_eq!(client("10.0.0.2", "10.0.0.1", header, &[line]), "10.0.0.1");
            assert_eq!(client("10.0.0.0/8", "10.0.0.1", header, &[line]), "192.0.2.9");
            assert_eq!(client("10.0.0.0/8", "::ffff:10.0.0.1", header, &[line]), "192.0.2.9");
            assert_eq!(client("10.0.0.0/8", "10.0.0.1", header, &[]), "10.0.0.1");
        }
    }

    #[test]
    fn the_first_address_from_the_right_that_is_no_proxy_is_the_client() {
        let read = |lines: &[&str]| {
            client("10.0.0.0/8 fd00::/8", "10.0.0.1", ForwardingHeader::XForwardedFor, lines)
        };
        assert_eq!(read(&["1.1.1.1, 192.0.2.9, 10.0.0.7"]), "192.0.2.9");
        assert_eq!(read(&["1.1.1.1", "192.0.2.9", "10.0.0.7, fd00::1"]), "192.0.2.9");
        assert_eq!(read(&["10.0.0.9, 10.0.0.7"]), "10.0.0.9");
        assert_eq!(read(&["192.0.2.9, unknown, 10.0.0.7"]), "10.0.0.7");
        assert_eq!(read(&["192.0.2.9, "]), "10.0.0.1");
        assert_eq!(read(&[""]), "10.0.0.1");
        let long = ["192.0.2.9"].into_iter().chain(vec!["10.0.0.9"; 40]).collect::<Vec<_>>();
        assert_eq!(read(&[&long.join(",")]), "10.0.0.9");
    }

    #[test]
    fn a_line_that_is_no_text_ends_the_way() {
        let lines = [&b"192.0.2.9"[..], b"\xFF"];
        let client = proxies("10.0.0.1").client(
            "10.0.0.1".parse().unwrap(),
            ForwardingHeader::XForwardedFor,
            lines.into_iter(),
        );
        assert_eq!(client.to_string(), "10.0.0.1");
    }
}
