//! A request that opens a connection, on its way to the server.

use super::wire_reader::Manner;
use tidewire_connection::Subscription;
use tidewire_protocol::Since;

/// What a client asks for in opening a connection.
pub(crate) struct Request {
    pub(crate) client: usize,
    pub(crate) manner: Manner,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) past: Since,
    pub(crate) arrives_ms: u64,
}
