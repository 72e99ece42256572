//! Who does something, by all that limits count by.

use std::{net::SocketAddr, sync::Arc};
use tidewire_client_address::ClientAddress;

/// A client, as far as limits know it. What is not known is not limited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Client {
    pub(super) connection: Option<ConnectionKey>,
    pub(super) address: Option<ClientAddress>,
    pub(super) named: Named,
}

/// Whom the credentials of a client name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// The subject of its token.
    pub(crate) user: Option<Arc<str>>,
    /// The id of its API key.
    pub(crate) key: Option<Arc<str>>,
}

/// A connection among all that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ConnectionKey {
    /// One of HTTP requests, by its other end.
    Requests(SocketAddr),
    /// One that receives messages, by its number.
    Messages(u64),
}

impl Client {
    /// The sender of a request that comes from `peer`.
    pub(crate) fn new(
        peer: Option<SocketAddr>,
        address: Option<ClientAddress>,
        named: Named,
    ) -> Self {
        Self { connection: peer.map(ConnectionKey::Requests), address, named }
    }

    /// The same on the connection of that number.
    pub(super) fn on_connection(self, number: u64) -> Self {
        Self { connection: Some(ConnectionKey::Messages(number)), ..self }
    }
}
