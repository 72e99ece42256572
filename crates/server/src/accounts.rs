//! Accounts of remembered message ids: one for each client address, until there are tokens.
//!
//! Clients behind a proxy have its address, and share one account.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};
use tidewire_broker::IdAccount;

/// The accounts of all publishers; cloning gives another handle.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    shared: Arc<Mutex<Shared>>,
    ids_max: usize,
}

#[derive(Debug, Default)]
struct Shared {
    by_address: HashMap<IpAddr, IdAccount>,
    /// The number of accounts at which unused ones are removed next.
    looked_over_at: usize,
}

impl Accounts {
    /// Accounts of at most `ids_max` ids each.
    pub(crate) fn new(ids_max: usize) -> Self {
        Self { shared: Arc::default(), ids_max }
    }

    /// The account of all publishers at `address`.
    pub(crate) fn of(&self, address: IpAddr) -> IdAccount {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let Shared { by_address, looked_over_at } = &mut *shared;
        if by_address.len() >= *looked_over_at {
            by_address.retain(|_, account| account.is_used());
            // Twice what is left, so that looking costs each new one a constant.
            *looked_over_at = (by_address.len() * 2).max(UNUSED_MAX);
        }
        let account = by_address.entry(subscriber_line(address));
        account.or_insert_with(|| IdAccount::new(self.ids_max)).clone()
    }
}

/// What one party has of addresses: of IPv6 the network of 64 bits, in which it may choose.
fn subscriber_line(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

/// How many unused accounts may be kept.
const UNUSED_MAX: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_one_account_however_it_is_written() {
        let accounts = Accounts::new(1);
        assert_eq!(accounts.of(address("10.0.0.1")), accounts.of(address("::ffff:10.0.0.1")));
        assert_ne!(accounts.of(address("10.0.0.1")), accounts.of(address("10.0.0.2")));
        assert_eq!(accounts.of(address("2001:db8::1")), accounts.of(address("2001:db8::2:3")));
        assert_ne!(accounts.of(address("2001:db8::1")), accounts.of(address("2001:db8:0:1::1")));
    }

    #[test]
    fn accounts_that_nobody_uses_go() {
        let accounts = Accounts::new(1);
        let used = accounts.of(address("127.0.0.1"));
        for number in 0..10_000_u32 {
            accounts.of(IpAddr::V4((number + 1).into()));
        }
        assert!(accounts.shared.lock().unwrap().by_address.len() <= UNUSED_MAX);
        assert_eq!(accounts.of(address("127.0.0.1")), used);
    }
}
