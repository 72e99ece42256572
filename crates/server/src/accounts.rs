//! Accounts of remembered message ids: one for each subject of tokens, and for each address of the other clients.
//!
//! Clients behind a proxy that is not listed in `trusted_proxies` have its address, and without a token they share one account.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tidewire_broker::IdAccount;
use tidewire_client_address::ClientAddress;

/// The accounts of all publishers; cloning gives another handle.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    shared: Arc<Mutex<Shared>>,
    ids_max: usize,
}

#[derive(Debug, Default)]
struct Shared {
    by_publisher: HashMap<Publisher, IdAccount>,
    /// The number of accounts at which unused ones are removed next.
    looked_over_at: usize,
}

/// Whose account it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Publisher {
    /// All holders of tokens of this subject, wherever they are.
    Subject(Arc<str>),
    /// The server that has the API key with this id.
    Key(Arc<str>),
    /// What one party has of addresses.
    Address(IpAddr),
}

impl Publisher {
    /// All publishers at this address.
    pub(crate) fn at(address: ClientAddress) -> Self {
        Self::Address(address.party())
    }
}

impl Accounts {
    /// Accounts of at most `ids_max` ids each.
    pub(crate) fn new(ids_max: usize) -> Self {
        Self { shared: Arc::default(), ids_max }
    }

    /// The account of `publisher`.
    pub(crate) fn of(&self, publisher: Publisher) -> IdAccount {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let Shared { by_publisher, looked_over_at } = &mut *shared;
        if by_publisher.len() >= *looked_over_at {
            by_publisher.retain(|_, account| account.is_used());
            // Twice what is left, so that looking costs each new one a constant.
            *looked_over_at = (by_publisher.len() * 2).max(UNUSED_MAX);
        }
        let account = by_publisher.entry(publisher);
        account.or_insert_with(|| IdAccount::new(self.ids_max)).clone()
    }
}

/// How many unused accounts may be kept.
const UNUSED_MAX: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Publisher {
        Publisher::at(ClientAddress::new(text.parse().unwrap()))
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
    fn a_subject_has_one_account_wherever_it_is_and_no_address_has_it() {
        let accounts = Accounts::new(1);
        let subject = |text: &str| Publisher::Subject(text.into());
        assert_eq!(accounts.of(subject("u7")), accounts.of(subject("u7")));
        assert_ne!(accounts.of(subject("u7")), accounts.of(subject("u8")));
        let key = accounts.of(Publisher::Key("u7".into()));
        assert_ne!(key, accounts.of(subject("u7")));
        assert_eq!(key, accounts.of(Publisher::Key("u7".into())));
        assert_ne!(accounts.of(subject("10.0.0.1")), accounts.of(address("10.0.0.1")));
    }

    #[test]
    fn accounts_that_nobody_uses_go() {
        let accounts = Accounts::new(1);
        let used = accounts.of(address("127.0.0.1"));
        for number in 0..10_000_u32 {
            accounts.of(Publisher::at(IpAddr::V4((number + 1).into()).into()));
        }
        assert!(accounts.shared.lock().unwrap().by_publisher.len() <= UNUSED_MAX);
        assert_eq!(accounts.of(address("127.0.0.1")), used);
    }
}
