//! What one connection has of the limits: its place among those of its address and its user, and by whom its publishes count.

use super::{Client, Exceeded, Holder, Limit, LimitSettings, Limits, Named};
use crate::connection_kind::ConnectionKind;
use std::sync::atomic::{AtomicU64, Ordering};
use tidewire_client_address::ClientAddress;

/// A connection's part of the limits; dropping it gives its places back. A connection that no limit concerns has none.
#[derive(Debug)]
pub(crate) struct Share {
    limits: Limits,
    client: Client,
    /// Whether it counts among the connections of its address and its user.
    is_counted: bool,
}

impl Limits {
    /// The share of one more connection of this kind.
    ///
    /// # Errors
    ///
    /// Its address or its user has as many as it may have.
    pub(crate) fn share(
        &self,
        kind: ConnectionKind,
        client: impl FnOnce() -> Client,
    ) -> Result<Option<Share>, Exceeded> {
        let settings = self.settings();
        let is_counted = settings.counts_connections();
        if !is_counted && !concerns(kind, &settings) {
            return Ok(None);
        }
        let client = client().on_connection(NUMBERS.fetch_add(1, Ordering::Relaxed));
        let mut share = Share { limits: self.clone(), client: Client::default(), is_counted };
        share.count(client, &settings)?;
        Ok(Some(share))
    }
}

impl Share {
    /// The address of the client.
    pub(crate) fn address(&self) -> Option<ClientAddress> {
        self.client.address
    }

    /// Counts one publish.
    ///
    /// # Errors
    ///
    /// One of the limits is reached.
    pub(crate) fn publish(&self) -> Result<(), Exceeded> {
        self.limits.publish(&self.client)
    }

    /// Takes the client for whom its token names, now that it has shown one.
    ///
    /// # Errors
    ///
    /// The user has as many connections as it may have.
    pub(crate) fn identify(&mut self, named: Named) -> Result<(), Exceeded> {
        let client = Client { named, ..self.client.clone() };
        if client == self.client {
            return Ok(());
        }
        let settings = self.limits.settings();
        self.count(client, &settings)
    }

    /// Counts the connection for `client`, and no more for whom it was counted before.
    fn count(&mut self, client: Client, settings: &LimitSettings) -> Result<(), Exceeded> {
        if self.is_counted {
            let [address, user] = holders(&client);
            let [address_before, user_before] = holders(&self.client);
            let limits = &self.limits;
            let of_address = (Limit::ConnectionsPerAddress, settings.connections_per_address);
            let of_user = (Limit::ConnectionsPerUser, settings.connections_per_user);
            replace(limits, address_before.as_ref(), address.as_ref(), of_address)?;
            let replaced = replace(limits, user_before.as_ref(), user.as_ref(), of_user);
            if let Err(exceeded) = replaced {
                let unlimited = (Limit::ConnectionsPerAddress, None);
                // Without a limit it is never refused.
                let _ = replace(limits, address.as_ref(), address_before.as_ref(), unlimited);
                return Err(exceeded);
            }
        }
        self.client = client;
        Ok(())
    }
}

/// Whether connections of this kind do something that a limit counts.
fn concerns(kind: ConnectionKind, settings: &LimitSettings) -> bool {
    let publishes = settings.has_publish_rates();
    let authenticates = settings.failed_tokens_per_address.is_some();
    match kind {
        ConnectionKind::Tidewire => publishes || authenticates,
        ConnectionKind::WebSocketRaw | ConnectionKind::WebSocketJson => publishes,
        _ => false,
    }
}

/// Who holds a connection of `client`.
fn holders(client: &Client) -> [Option<Holder>; 2] {
    let address = client.address.map(|address| Holder::Address(address.party()));
    [address, client.named.user.clone().map(Holder::User)]
}

/// Counts one connection for `after` instead of `before`.
fn replace(
    limits: &Limits,
    before: Option<&Holder>,
    after: Option<&Holder>,
    (limit, max): (Limit, Option<usize>),
) -> Result<(), Exceeded> {
    if before == after {
        return Ok(());
    }
    after.map_or(Ok(()), |holder| limits.hold(holder, limit, max))?;
    if let Some(holder) = before {
        limits.release(holder);
    }
    Ok(())
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.is_counted {
            holders(&self.client).iter().flatten().for_each(|holder| self.limits.release(holder));
        }
    }
}

/// Connections that have had a share.
static NUMBERS: AtomicU64 = AtomicU64::new(0);
