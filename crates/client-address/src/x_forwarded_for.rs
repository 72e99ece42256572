//! `X-Forwarded-For`: addresses with commas between them, of which each proxy appends the one that it sees.
//!
//! No standard describes it. It is read from the right: what is on the left, the client may have sent.

use crate::node;
use std::net::IpAddr;

/// The addresses of one header line, the last first; `None` where something else is written.
pub(crate) fn from_right(line: &str) -> impl Iterator<Item = Option<IpAddr>> {
    line.rsplit(',').map(|element| node::address(element.trim_matches([' ', '\t'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_address_comes_first() {
        let addresses: Vec<_> = from_right("unknown, 192.0.2.1 ,\t[2001:db8::1]:80,").collect();
        let [one, other] = ["2001:db8::1", "192.0.2.1"].map(|text| text.parse().ok());
        assert_eq!(addresses, [None, one, other, None]);
    }
}
