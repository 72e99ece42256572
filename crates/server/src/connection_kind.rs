//! By what connections are counted: the transport, and what is spoken on it.

use tidewire_connection::{Format, Wire};

/// How a client receives messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionKind {
    SseRaw,
    SseJson,
    StreamRaw,
    StreamJson,
    WebSocketRaw,
    WebSocketJson,
    Tidewire,
    PollRaw,
    PollJson,
}

impl ConnectionKind {
    /// Every kind there is.
    pub(crate) const ALL: [Self; 9] = [
        Self::SseRaw,
        Self::SseJson,
        Self::StreamRaw,
        Self::StreamJson,
        Self::WebSocketRaw,
        Self::WebSocketJson,
        Self::Tidewire,
        Self::PollRaw,
        Self::PollJson,
    ];

    /// A long-poll that is answered in this format.
    pub(crate) const fn of_poll(format: Format) -> Self {
        match format {
            Format::Raw => Self::PollRaw,
            Format::Json => Self::PollJson,
        }
    }

    /// The transport and the dialect, as metrics name them.
    pub(crate) const fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::SseRaw => ("sse", "raw"),
            Self::SseJson => ("sse", "json"),
            Self::StreamRaw => ("stream", "raw"),
            Self::StreamJson => ("stream", "json"),
            Self::WebSocketRaw => ("ws", "raw"),
            Self::WebSocketJson => ("ws", "json"),
            Self::Tidewire => ("ws", "tidewire.v1"),
            Self::PollRaw => ("poll", "raw"),
            Self::PollJson => ("poll", "json"),
        }
    }
}

impl From<Wire> for ConnectionKind {
    fn from(wire: Wire) -> Self {
        match wire {
            Wire::Sse { format: Format::Raw, .. } => Self::SseRaw,
            Wire::Sse { format: Format::Json, .. } => Self::SseJson,
            Wire::Stream { format: Format::Raw, .. } => Self::StreamRaw,
            Wire::Stream { format: Format::Json, .. } => Self::StreamJson,
            Wire::WebSocket(Format::Raw) => Self::WebSocketRaw,
            Wire::WebSocket(Format::Json) => Self::WebSocketJson,
            Wire::Tidewire => Self::Tidewire,
        }
    }
}
