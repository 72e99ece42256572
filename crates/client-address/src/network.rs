//! A network: an address and how many of its leading bits count, `10.0.0.0/8`.

use std::{fmt, net::IpAddr, str::FromStr};

/// All addresses that begin with the same bits. An address alone is a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Canonical; the bits after `prefix_bits` are zero.
    first: IpAddr,
    /// ≤ 32 for IPv4, ≤ 128 for IPv6.
    prefix_bits: u8,
}

/// Why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// What is before the slash.
    #[error("is not an address such as 10.0.0.5, nor a network such as 10.0.0.0/8 or fd00::/8")]
    Address,
    /// What is after it.
    #[error("has no number from 0 to {bits_max} after the slash")]
    Prefix {
        /// How many bits such an address has.
        bits_max: u8,
    },
    /// Bits that do not count are set, as by a mistyped address.
    #[error("has bits after the first {prefix_bits}; did you mean {meant}?")]
    Host {
        /// How many count.
        prefix_bits: u8,
        /// The network that the address is in.
        meant: Network,
    },
}

impl Network {
    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        truncated(address.to_canonical(), self.prefix_bits) == Some(self.first)
            && address.to_canonical().is_ipv4() == self.first.is_ipv4()
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Address)?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let is_number = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
        let prefix_bits = match prefix {
            None => bits_max,
            Some(text) => Some(text)
                .filter(is_number)
                .and_then(|text| text.parse().ok())
                .filter(|bits| *bits <= bits_max)
                .ok_or(NetworkError::Prefix { bits_max })?,
        };
        let (address, prefix_bits) = match (address.to_canonical(), address) {
            // ::ffff:10.0.0.0/104 is 10.0.0.0/8.
            (IpAddr::V4(mapped), IpAddr::V6(_)) => {
                let prefix_bits =
                    prefix_bits.checked_sub(96).ok_or(NetworkError::Prefix { bits_max })?;
                (IpAddr::V4(mapped), prefix_bits)
            }
            (address, _) => (address, prefix_bits),
        };
        let first = truncated(address, prefix_bits).ok_or(NetworkError::Prefix { bits_max })?;
        let network = Self { first, prefix_bits };
        match first == address {
            true => Ok(network),
            false => Err(NetworkError::Host { prefix_bits, meant: network }),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.first, self.prefix_bits)
    }
}

/// An address with only its first bits; `None` if it has fewer.
fn truncated(address: IpAddr, prefix_bits: u8) -> Option<IpAddr> {
    let bits = u32::from(prefix_bits);
    match address {
        IpAddr::V4(address) => {
            let dropped = 32_u32.checked_sub(bits)?;
            let mask = u32::MAX.checked_shl(dropped).unwrap_or(0);
            Some(IpAddr::V4((address.to_bits() & mask).into()))
        }
        IpAddr::V6(address) => {
            let dropped = 128_u32.checked_sub(bits)?;
            let mask = u128::MAX.checked_shl(dropped).unwrap_or(0);
            Some(IpAddr::V6((address.to_bits() & mask).into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_that_begin_with_its_bits() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.0.0.5", "10.0.0.5", "10.0.0.4"),
            ("10.0.0.5", "::ffff:10.0.0.5", "::10.0.0.5"),
            ("192.0.2.128/25", "192.0.2.255", "192.0.2.127"),
            ("0.0.0.0/0", "255.255.255.255", "::"),
            ("::/0", "ffff::", "0.0.0.0"),
            ("fd00::/8", "fdff::1", "fe00::"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::"),
            ("::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.0"),
        ] {
            let parsed: Network = network.parse().unwrap();
            assert!(parsed.contains(inside.parse().unwrap()), "{network} {inside}");
            assert!(!parsed.contains(outside.parse().unwrap()), "{network} {outside}");
        }
    }

    #[test]
    fn a_text_that_is_no_network_says_why() {
        for (text, part) in [
            ("", "is not an address"),
            ("example.com", "is not an address"),
            ("10.0.0", "is not an address"),
            ("10.0.0.0/", "from 0 to 32"),
            ("10.0.0.0/33", "from 0 to 32"),
            ("10.0.0.0/+8", "from 0 to 32"),
            ("10.0.0.0/8/8", "from 0 to 32"),
            ("fd00::/129", "from 0 to 128"),
            ("::ffff:10.0.0.0/64", "from 0 to 128"),
            ("10.0.0.1/8", "did you mean 10.0.0.0/8?"),
            ("fd00::1/64", "did you mean fd00::/64?"),
        ] {
            let error = text.parse::<Network>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
