//! The transports by which messages can come.

/// How messages come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Wire {
    /// WebSocket, else SSE, else polls: the first that can be had.
    #[default]
    Auto,
    /// A WebSocket that speaks `tidewire.v1`.
    WebSocket,
    /// Server-Sent Events.
    Sse,
    /// An NDJSON stream.
    Stream,
    /// Long polls.
    Poll,
}
