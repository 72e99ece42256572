//! By what deliveries are counted: the transport of an encoding.

/// How messages reach a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Server-Sent Events.
    Sse,
    /// NDJSON.
    Stream,
    /// A WebSocket.
    WebSocket,
    /// A long-poll.
    Poll,
}

impl Transport {
    /// Every transport there is.
    pub const ALL: [Self; 4] = [Self::Sse, Self::Stream, Self::WebSocket, Self::Poll];

    /// As metrics name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sse => "sse",
            Self::Stream => "stream",
            Self::WebSocket => "ws",
            Self::Poll => "poll",
        }
    }
}
