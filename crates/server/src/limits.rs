//! The limits that an operator sets on what clients do: how many connections, how many publishes, tickets and failed tokens.
//!
//! One place for all of them, and [`table`] for all that there are. Each has a name, an answer and a count of how often it was
//! reached. They can be replaced while the server runs ([`Limits::replace`]): what was used before stays used.
//!
//! Parties are addresses ([`ClientAddress::party`]), the subjects of tokens, API keys and connections. What is remembered of
//! them is bounded (`buckets`).

mod buckets;
mod client;
mod limit;
mod rate;
mod settings;
mod share;
#[cfg(test)]
pub(crate) mod table;

pub(crate) use client::{Client, Named};
pub(crate) use limit::{Exceeded, Limit};
pub use rate::{Rate, RateLimit};
pub(crate) use settings::LimitSettings;
pub(crate) use share::Share;

use crate::clock::Clock;
use buckets::{Buckets, Wait};
use client::ConnectionKey;
use limit::LimitCounts;
use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};
use tidewire_client_address::ClientAddress;

/// The limits in force, and what clients have used of them; cloning gives another handle.
#[derive(Clone, Debug)]
pub(crate) struct Limits(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: RwLock<LimitSettings>,
    /// Whether any rate of publishes is limited: mostly none is, and then a publish looks at nothing else.
    has_publish_rates: AtomicBool,
    publishes: Mutex<Publishes>,
    tickets: Mutex<Buckets<IpAddr>>,
    failed_tokens: Mutex<Buckets<IpAddr>>,
    connections: Mutex<HashMap<Holder, usize>>,
    reached: LimitCounts,
    clock: Clock,
}

/// What has been published, by each kind of party.
#[derive(Debug)]
struct Publishes {
    connections: Buckets<ConnectionKey>,
    addresses: Buckets<IpAddr>,
    users: Buckets<Arc<str>>,
    keys: Buckets<Arc<str>>,
}

/// Whose connections are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Holder {
    Address(IpAddr),
    User(Arc<str>),
}

impl Limits {
    pub(crate) fn new(settings: LimitSettings) -> Self {
        let publishes = Publishes {
            connections: Buckets::new(),
            addresses: Buckets::new(),
            users: Buckets::new(),
            keys: Buckets::new(),
        };
        Self(Arc::new(Shared {
            settings: RwLock::new(settings),
            has_publish_rates: AtomicBool::new(settings.has_publish_rates()),
            publishes: Mutex::new(publishes),
            tickets: Mutex::new(Buckets::new()),
            failed_tokens: Mutex::new(Buckets::new()),
            connections: Mutex::default(),
            reached: LimitCounts::default(),
            clock: Clock::start(),
        }))
    }

    /// Puts other limits in force, from now on. Connections that are open beyond them stay; those that were opened while no
    /// limit concerned them do not count.
    pub(crate) fn replace(&self, settings: LimitSettings) {
        *self.0.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        self.0.has_publish_rates.store(settings.has_publish_rates(), Ordering::Relaxed);
        let now_ns = self.now_ns();
        let Publishes { connections, addresses, users, keys } = &mut *lock(&self.0.publishes);
        connections.change_if(settings.publishes_per_connection, now_ns);
        addresses.change_if(settings.publishes_per_address, now_ns);
        users.change_if(settings.publishes_per_user, now_ns);
        keys.change_if(settings.publishes_per_key, now_ns);
        lock(&self.0.tickets).change_if(settings.tickets_per_address, now_ns);
        lock(&self.0.failed_tokens).change_if(settings.failed_tokens_per_address, now_ns);
    }

    /// The limits in force.
    pub(crate) fn settings(&self) -> LimitSettings {
        *self.0.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what a client publishes is limited; otherwise nobody has to find out whose it is.
    pub(crate) fn has_publish_rates(&self) -> bool {
        self.0.has_publish_rates.load(Ordering::Relaxed)
    }

    /// Counts one publish of `client`, if it is within all limits.
    ///
    /// # Errors
    ///
    /// It is not. Then it counts in none of them.
    pub(crate) fn publish(&self, client: &Client) -> Result<(), Exceeded> {
        if !self.has_publish_rates() {
            return Ok(());
        }
        let publishes = &mut *lock(&self.0.publishes);
        // Behind the lock, so that nothing is counted by rates that have been replaced.
        let (settings, now_ns) = (self.settings(), self.now_ns());
        let address = client.address.map(ClientAddress::party);
        let checks = [
            (
                Limit::PublishesPerConnection,
                publishes.connections.check_if(
                    client.connection.as_ref(),
                    settings.publishes_per_connection,
                    now_ns,
                ),
            ),
            (
                Limit::PublishesPerAddress,
                publishes.addresses.check_if(
                    address.as_ref(),
                    settings.publishes_per_address,
                    now_ns,
                ),
            ),
            (
                Limit::PublishesPerUser,
                publishes.users.check_if(
                    client.named.user.as_ref(),
                    settings.publishes_per_user,
                    now_ns,
                ),
            ),
            (
                Limit::PublishesPerKey,
                publishes.keys.check_if(
                    client.named.key.as_ref(),
                    settings.publishes_per_key,
                    now_ns,
                ),
            ),
        ];
        let longest = checks
            .into_iter()
            .filter_map(|(limit, checked)| checked.err().map(|Wait(wait_ms)| (wait_ms, limit)))
            .max_by_key(|(wait_ms, _)| *wait_ms);
        if let Some((wait_ms, limit)) = longest {
            return Err(self.exceeded(limit, Some(wait_ms)));
        }
        let Publishes { connections, addresses, users, keys } = publishes;
        connections.use_if(client.connection.as_ref(), settings.publishes_per_connection, now_ns);
        addresses.use_if(address.as_ref(), settings.publishes_per_address, now_ns);
        users.use_if(client.named.user.as_ref(), settings.publishes_per_user, now_ns);
        keys.use_if(client.named.key.as_ref(), settings.publishes_per_key, now_ns);
        Ok(())
    }

    /// Counts one ticket that is asked for from `address`.
    ///
    /// # Errors
    ///
    /// There have been too many.
    pub(crate) fn ticket(&self, address: Option<ClientAddress>) -> Result<(), Exceeded> {
        let party = address.map(ClientAddress::party);
        let tickets = &mut *lock(&self.0.tickets);
        let (rate, now_ns) = (self.settings().tickets_per_address, self.now_ns());
        tickets
            .check_if(party.as_ref(), rate, now_ns)
            .map_err(|Wait(wait_ms)| self.exceeded(Limit::TicketsPerAddress, Some(wait_ms)))?;
        tickets.use_if(party.as_ref(), rate, now_ns);
        Ok(())
    }

    /// Checks that not too many credentials from `address` were wrong to look at one more: looking costs time.
    ///
    /// # Errors
    ///
    /// There were too many.
    pub(crate) fn check_failed_tokens(
        &self,
        address: Option<ClientAddress>,
    ) -> Result<(), Exceeded> {
        let (rate, now_ns) = (self.settings().failed_tokens_per_address, self.now_ns());
        let party = address.map(ClientAddress::party);
        lock(&self.0.failed_tokens)
            .check_if(party.as_ref(), rate, now_ns)
            .map_err(|Wait(wait_ms)| self.exceeded(Limit::FailedTokensPerAddress, Some(wait_ms)))
    }

    /// Counts a credential from `address` that was wrong.
    pub(crate) fn note_failed_token(&self, address: Option<ClientAddress>) {
        let party = address.map(ClientAddress::party);
        let failed_tokens = &mut *lock(&self.0.failed_tokens);
        let (rate, now_ns) = (self.settings().failed_tokens_per_address, self.now_ns());
        failed_tokens.use_if(party.as_ref(), rate, now_ns);
    }

    /// How often each limit was reached.
    pub(crate) fn reached(&self, limit: Limit) -> u64 {
        self.0.reached.get(limit)
    }

    /// Counts that a limit was reached, and says so.
    pub(crate) fn exceeded(&self, limit: Limit, wait_ms: Option<u64>) -> Exceeded {
        self.0.reached.add(limit);
        Exceeded::new(limit, &self.settings(), wait_ms)
    }

    /// Counts one connection of `holder`, which may have `max`.
    fn hold(&self, holder: &Holder, limit: Limit, max: Option<usize>) -> Result<(), Exceeded> {
        let mut connections = lock(&self.0.connections);
        let count = connections.get(holder).copied().unwrap_or(0);
        if max.is_some_and(|max| count >= max) {
            drop(connections);
            return Err(self.exceeded(limit, None));
        }
        connections.insert(holder.clone(), count + 1);
        Ok(())
    }

    /// Counts one connection of `holder` less.
    fn release(&self, holder: &Holder) {
        let mut connections = lock(&self.0.connections);
        if let Some(count) = connections.get_mut(holder) {
            *count -= 1;
            if *count == 0 {
                connections.remove(holder);
            }
        }
    }

    fn now_ns(&self) -> u64 {
        self.0.clock.now().steady_ms.saturating_mul(1_000_000)
    }
}

impl<K: Eq + Hash + Clone> Buckets<K> {
    /// The same as [`Buckets::check`] where there is a party and a limit.
    fn check_if(&self, party: Option<&K>, rate: Option<Rate>, now_ns: u64) -> Result<(), Wait> {
        party.zip(rate).map_or(Ok(()), |(party, rate)| self.check(party, rate, now_ns))
    }

    /// The same as [`Buckets::use_one`] where there is a party and a limit.
    fn use_if(&mut self, party: Option<&K>, rate: Option<Rate>, now_ns: u64) {
        if let Some((party, rate)) = party.zip(rate) {
            self.use_one(party.clone(), rate, now_ns);
        }
    }

    /// The same as [`Buckets::change_rate`] where there is a limit.
    fn change_if(&mut self, rate: Option<Rate>, now_ns: u64) {
        if let Some(rate) = rate {
            self.change_rate(rate, now_ns);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
