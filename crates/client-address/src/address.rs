//! The address of a client, and the part of it by which clients are counted.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

/// The address from which a client sends, as far as the server can believe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// An address; IPv4 that is written as IPv6 is IPv4.
    pub const fn new(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }

    /// The address itself, for logs and lists.
    pub const fn ip(self) -> IpAddr {
        self.0
    }

    /// What one party has of addresses: of IPv6 the network of 64 bits, in which it may choose ([RFC 6177]).
    ///
    /// [RFC 6177]: https://www.rfc-editor.org/rfc/rfc6177
    pub const fn party(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        }
    }
}

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        Self::new(address)
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(text: &str) -> String {
        ClientAddress::new(text.parse().unwrap()).party().to_string()
    }

    #[test]
    fn ipv4_counts_whole_and_ipv6_by_its_first_64_bits() {
        assert_eq!(party("192.0.2.1"), "192.0.2.1");
        assert_eq!(party("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(party("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(party("2001:db8:1:3::"), "2001:db8:1:3::");
    }
}
